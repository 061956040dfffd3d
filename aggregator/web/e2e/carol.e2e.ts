// carol.html from a disk, in a network that has no aggregator at all.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { Testnet } from './allegro.ts';
import { go, inspect, launch, visit, type Visit } from './browser.ts';

const CAROL = new URL('../dist/carol.html', import.meta.url).href;

describe('the page as one file', () => {
  let net: Testnet;
  let browser: Browser;
  let v: Visit;
  let page: Page;

  before(async () => {
    net = await Testnet.up('--clients', 'alice,bob', '--aggregators', '0', '--block-time', '1s');
    browser = await launch();
    v = await visit(browser, CAROL);
    page = v.page;
    page.on('request', (request) => { if (!request.url().startsWith(CAROL)) v.faults.push(`asked for ${request.url()}`); });
  });

  after(async () => {
    await browser?.close();
    await net?.[Symbol.asyncDispose]();
  });

  let own = '';
  let bob = '';

  async function pay(amount: string, left: string): Promise<void> {
    await go(page, '#/pay');
    await page.getByLabel('To', { exact: true }).fill(bob);
    await page.getByLabel('Amount').fill(amount);
    await page.getByRole('button', { name: `Pay $${amount}` }).click();
    await page.waitForFunction((text) => document.querySelector('section[aria-label=Paid]')?.textContent?.includes(`$${text}`), amount);
    await page.waitForFunction((text) => document.querySelector('[data-testid=spendable]')?.textContent === text, left);
  }

  const stage = (text: string) => page.waitForFunction((t) => {
    const row = [...document.querySelectorAll<HTMLElement>('tr[data-id]')].find((r) => r.textContent?.includes(t));
    return row?.dataset['stage'] === 'CERTIFIED';
  }, text);

  test('it refuses what is no network file, and joins by one', async () => {
    await page.locator('input[type=file]').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
    await page.getByText('It is neither a network file nor addresses').waitFor();
    await inspect(page, 'carol-opening');
    await page.locator('input[type=file]').setInputFiles(net.networkFile);
    await page.getByRole('button', { name: 'Join as a peer' }).click();
    await page.locator('.voice.ready').waitFor();
  });

  test('a payment of others is heard, and certified by what this tab checked', async () => {
    await net.run('exec', 'alice', '--', 'pay', '--to', 'bob', '--amount', '1.25');
    await stage('$1.25');
    await page.waitForFunction(() => document.querySelector('.voice')?.textContent?.includes('verified 2/2 in this tab'));
  });

  test('with a key made in the tab it is paid and pays', async () => {
    await go(page, '#/pay');
    await page.getByRole('button', { name: 'Make an account in this tab' }).click();
    own = (await page.locator('.facts .hash code').getAttribute('title')) ?? '';
    assert.match(own, /^0x[0-9a-f]{40}$/i);
    await net.run('exec', 'alice', '--', 'pay', '--to', own, '--amount', '5');
    await page.waitForFunction(() => document.querySelector('[data-testid=spendable]')?.textContent === '$5.00');
    bob = (JSON.parse(await net.run('exec', 'bob', '--', 'id', '-o', 'json')) as { account: string }).account;
    await pay('2.50', '$2.50');
    await pay('1.50', '$1.00');
    await inspect(page, 'carol-pay');
  });

  test('heights come from the validators, and the QC of the tab is a file that allegro verifies', async () => {
    await go(page, '#/');
    await page.waitForFunction(() => /\d/.test(document.querySelector('[data-testid=height]')?.textContent ?? ''));
    await stage('$1.50');
    const id = (await page.locator('tr[data-id]', { hasText: '$1.50' }).getAttribute('data-id')) ?? '';
    await go(page, `#/payment/${id}`);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
    const path = await download.path();
    assert.match(await net.run('exec', 'bob', '--', 'qc', 'verify', '--network', net.networkFile, path), /VALID/);
    assert.equal((JSON.parse(await readFile(path, 'utf8')) as { tx_id: string }).tx_id, id);
    await page.getByRole('button', { name: 'Verify in this tab' }).click();
    await page.getByText("VALID: the payer's signature and 2 of 2 votes are good").waitFor();
    const doc = JSON.parse(await net.run('exec', 'bob', '--', 'tx', 'show', '--wait', 'finalized', '-o', 'json', id)) as { amount: string; from: string };
    assert.deepEqual([doc.amount, doc.from.toLowerCase()], ['1500000', own.toLowerCase()]);
    await pay('1.00', '$0.00'); // on top of what is final, which nobody has told the tab's balance after
  });

  test('the network is drawn without an aggregator', async () => {
    await go(page, '#/network');
    for (const name of ['dave', 'edgar']) await page.getByRole('row', { name: new RegExp(`^${name} 1 ● yes`) }).waitFor();
    assert.doesNotMatch((await page.locator('#page').textContent()) ?? '', /aggregator/i);
    await inspect(page, 'carol-network');
  });

  test('it asked nobody but its peers, and nothing failed', () => {
    assert.deepEqual(v.faults, []);
  });
});
