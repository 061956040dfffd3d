// The page on a network of processes: the aggregator is killed, and the tab goes on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { Testnet } from './allegro.ts';
import { go, inspect, launch, visit, type Visit } from './browser.ts';

describe('a tab of a network of processes', () => {
  let net: Testnet;
  let browser: Browser;
  let v: Visit;
  let page: Page;
  let aggregator: { name: string; pid: number; url: string };

  before(async () => {
    net = await Testnet.up('--clients', 'alice,bob');
    aggregator = await net.aggregator();
    browser = await launch();
    v = await visit(browser, `${aggregator.url}/#/pay`);
    page = v.page;
  });

  after(async () => {
    await browser?.close();
    await net?.[Symbol.asyncDispose]();
  });

  const heightAbove = (height: number) => page.waitForFunction((h) => Number(document.querySelector('[data-testid=height]')?.textContent?.replace(/\D/g, '')) > h, height);

  /** The address of a peer's account. */
  async function accountOf(name: string): Promise<string> {
    return (JSON.parse(await net.run('exec', name, '--', 'id', '-o', 'json')) as { account: string }).account;
  }

  let own = '';
  let bob = '';

  test('no account is offered but the tab’s own, which is made and given money', async () => {
    await page.getByRole('button', { name: 'Make an account in this tab' }).click();
    await page.waitForFunction(() => document.querySelector('.facts .hash code')?.getAttribute('title')?.startsWith('0x'));
    own = (await page.locator('.facts .hash code').getAttribute('title')) ?? '';
    assert.match(own, /^0x[0-9a-f]{40}$/i);
    assert.equal(await page.getByLabel('From').locator('option').count(), 1);
    bob = await accountOf('bob');
    await net.run('exec', 'alice', '--', 'pay', '--to', own, '--amount', '5');
    await page.waitForFunction(() => document.querySelector('[data-testid=spendable]')?.textContent === '$5.00');
  });

  test('the tab joins as a peer and has checked that money itself', async () => {
    await go(page, '#/peer');
    await page.locator('.voice.ready').waitFor();
    await page.waitForFunction(() => document.querySelector('.voice')?.textContent?.includes('verified 2/2 in this tab'));
  });

  test('with the aggregator’s process killed, a payment is sent and certified from the tab', async () => {
    process.kill(aggregator.pid, 'SIGKILL');
    await page.getByText('The aggregator does not answer.').waitFor();
    await go(page, '#/pay');
    await page.getByLabel('To', { exact: true }).fill(bob);
    await page.getByLabel('Amount').fill('2.5');
    await page.getByRole('button', { name: 'Pay $2.50' }).click();
    await page.waitForFunction(() => document.querySelector('[data-testid=sent-stage]')?.textContent?.includes('CERTIFIED'));
    await page.waitForFunction(() => document.querySelector('.voice')?.textContent?.includes('verified 2/2 in this tab'));
    await inspect(page, 'pay-alone');
  });

  test('heights still move: the validators tell them', async () => {
    await go(page, '#/');
    const height = Number((await page.getByTestId('height').textContent())?.replace(/\D/g, ''));
    await heightAbove(height);
    const row = page.locator('tr[data-id]').first();
    assert.equal(await row.getAttribute('data-stage'), 'CERTIFIED');
    // A block may come between the two payments, while votes are on their way, or before the
    // tab has heard of a height: whatever it was is said.
    await page.waitForFunction(() => /before block \d+|before the blocks that followed|Block \d+ came first|no lead is known/.test(document.querySelector('.hero')?.textContent ?? ''));
    await inspect(page, 'live-alone');
  });

  test('the validators and the payee say the same as the tab', async () => {
    const id = (await page.locator('tr[data-id]').first().getAttribute('data-id')) ?? '';
    const doc = JSON.parse(await net.run('exec', 'bob', '--', 'tx', 'show', '--wait', 'included', '-o', 'json', id)) as { stage: string; amount: string; from: string };
    assert.equal(doc.amount, '2500000');
    assert.equal(doc.from.toLowerCase(), own.toLowerCase());
  });

  test('when the aggregator is back, the page follows it again', async () => {
    await net.run('start', aggregator.name);
    assert.equal((await net.aggregator()).url, aggregator.url);
    await page.waitForFunction(() => !document.body.textContent?.includes('The aggregator does not answer.'));
    const row = page.locator('tr[data-id]').first();
    await page.waitForFunction(() => ['INCLUDED', 'FINALIZED'].includes(document.querySelector<HTMLElement>('tr[data-id]')?.dataset['stage'] ?? ''));
    assert.match((await row.textContent()) ?? '', /\$2\.50/);
    await page.waitForFunction(() => !document.querySelector('.notice.bad'));
  });

  test('nothing failed inside the page', () => {
    assert.deepEqual(v.faults, []);
  });
});
