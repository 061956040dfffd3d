// A real browser, and what every screen must pass in it.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

/** How long a test waits for what should happen at once, on a busy machine. */
const PATIENCE_MS = 60_000;

const WIDTHS = [1280, 390] as const;
const THEMES = ['light', 'dark'] as const;

/** Where screenshots go; unset: nowhere. */
const SHOTS = process.env['ALLEGRO_SHOTS'];
/** Where the screenshots of the README go; unset: nowhere. */
export const README_SHOTS = process.env['ALLEGRO_README_SHOTS'];

/** Starts the browser that ALLEGRO_CHROMIUM names, by default Debian's. */
export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['ALLEGRO_CHROMIUM'] ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [], // root has no sandbox
  });
}

/** A visitor's tab. faults gathers whatever the page should not have done. */
export interface Visit {
  page: Page;
  context: BrowserContext;
  faults: string[];
}

/** Opens a tab at url, in a browser that lacks what the names of absent constructors stand for. */
export async function visit(browser: Browser, url: string, ...absent: string[]): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  context.setDefaultTimeout(PATIENCE_MS);
  await context.addInitScript((names) => {
    for (const name of names) Object.defineProperty(globalThis, name, { value: function () { throw new Error(`this browser has no ${name}`); } });
  }, absent);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught|Unhandled/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(url);
  return { page, context, faults };
}

/** Goes to a screen by its address. */
export async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => { location.hash = to; }, hash);
  await page.waitForFunction((to) => location.hash === to && document.querySelector('main h1') !== null, hash);
}

/**
 * Looks at a screen in both themes and widths: no violation that axe knows, nothing wider
 * than the window, and a screenshot of each.
 */
export async function inspect(page: Page, name: string): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
    for (const theme of THEMES) {
      await page.emulateMedia({ colorScheme: theme });
      const label = `${name}-${width}-${theme}`;
      const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
      const found = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html).join(' | ')}`);
      assert.deepEqual(found, [], `${label}: accessibility`);
      const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok((wide ?? 0) <= (window ?? 0), `${label}: the page is ${wide} wide in a window of ${window}`);
      if (!SHOTS) continue;
      await mkdir(SHOTS, { recursive: true });
      const file = join(SHOTS, `${label}.png`);
      await page.screenshot({ path: file, fullPage: true });
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: null });
}

/** Takes the picture that the README shows of what the window shows. */
export async function pictureForReadme(page: Page, name: string, theme: (typeof THEMES)[number]): Promise<void> {
  if (!README_SHOTS) return;
  await mkdir(README_SHOTS, { recursive: true });
  await page.emulateMedia({ colorScheme: theme });
  await page.screenshot({ path: join(README_SHOTS, `${name}.png`) });
  await page.emulateMedia({ colorScheme: null });
}

/** What the page showed at one moment. */
export interface Moment {
  height: number;
  stages: Record<string, string>;
}

/**
 * Records every change of the height and of stages from now on; the returned function
 * reads the record.
 */
export async function record(page: Page): Promise<() => Promise<Moment[]>> {
  await page.evaluate(() => {
    const moments: { height: number; stages: Record<string, string> }[] = [];
    const look = () => {
      const height = Number(document.querySelector('[data-testid=height]')?.textContent?.replace(/\D/g, '') ?? NaN);
      const rows = [...document.querySelectorAll<HTMLElement>('tr[data-id]')];
      const stages = Object.fromEntries(rows.map((row) => [row.dataset['id'] ?? '', row.dataset['stage'] ?? '']));
      const last = moments[moments.length - 1];
      if (JSON.stringify(last) !== JSON.stringify({ height, stages })) moments.push({ height, stages });
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['data-stage'] });
    look();
    (globalThis as { moments?: unknown }).moments = moments;
  });
  return () => page.evaluate(() => (globalThis as unknown as { moments: Moment[] }).moments);
}
