// A tab joins over whatever its browser and the network between leave it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { Demo } from './allegro.ts';
import { go, launch, visit } from './browser.ts';

describe('a tab with one transport', () => {
  let browser: Browser;

  before(async () => {
    browser = await launch();
  });

  after(() => browser?.close());

  for (const { absent, transport } of [
    { absent: 'WebSocket', transport: 'webrtc-direct' },
    { absent: 'RTCPeerConnection', transport: 'ws' },
  ]) {
    test(`without ${absent} it joins over ${transport}, hears new payments and verifies them`, async () => {
      await using demo = await Demo.start('--block-time', '2s');
      const { page, faults } = await visit(browser, demo.url, absent);
      await go(page, '#/peer');
      await page.locator('.voice.ready').waitFor();
      // The scene's own payments came by sync; this one comes while the tab listens.
      await go(page, '#/');
      const known = await page.locator('tr[data-id]').count();
      await page.getByRole('button', { name: 'Play the scene again' }).click();
      await page.waitForFunction((n) => document.querySelectorAll('tr[data-id]').length >= n + 2, known);
      await page.waitForFunction(() => document.querySelector('.voice')?.textContent?.includes('verified 2/2 in this tab'));
      await go(page, '#/peer');
      const connected = page.locator('dt', { hasText: 'Connected to' }).locator('xpath=following-sibling::dd[1]');
      const by = [...((await connected.textContent()) ?? '').matchAll(/ by (\S+?)(?:,|$| \()/g)].map((m) => m[1]);
      assert.ok(by.length >= 2, `connected to ${await connected.textContent()}`);
      assert.deepEqual([...new Set(by)], [transport]);
      assert.deepEqual(faults, []);
    });
  }
});
