// The page on a real demo: what a newcomer sees, clicks and drops.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { DemoAccount, Payment } from '../src/api/documents.ts';
import { noteHash } from '../verifier/index.ts';
import type { Hex } from '../verifier/bytes.ts';
import { Demo } from './allegro.ts';
import { go, inspect, launch, pictureForReadme, README_SHOTS, record, visit, type Moment, type Visit } from './browser.ts';
import { addWallet } from './wallet.ts';

const CERTIFIED = ['CERTIFIED', 'QUEUED_ONCHAIN'];
const ON_CHAIN = ['INCLUDED', 'FINALIZED'];

describe('the page of a demo', () => {
  let demo: Demo;
  let browser: Browser;
  let v: Visit;
  let page: Page;
  let accounts: DemoAccount[];

  before(async () => {
    demo = await Demo.start();
    browser = await launch();
    v = await visit(browser, demo.url);
    page = v.page;
    await page.waitForFunction(() => /\d/.test(document.querySelector('[data-testid=height]')?.textContent ?? ''));
    accounts = ((await (await fetch(`${demo.url}/api/v1/demo/accounts`)).json()) as { accounts: DemoAccount[] }).accounts;
  });

  after(async () => {
    await browser?.close();
    await demo?.[Symbol.asyncDispose]();
  });

  const addressOf = (name: string) => accounts.find((a) => a.name === name)?.address ?? assert.fail(`no account ${name}`);
  const keyOf = (name: string) => (accounts.find((a) => a.name === name)?.private_key ?? assert.fail(`no account ${name}`)) as Hex;

  /** Orders a payment on the Pay screen and presses the button. */
  async function order(from: string, to: string, amount: string): Promise<void> {
    await go(page, '#/pay');
    await page.getByLabel('From').selectOption({ label: from });
    await page.getByLabel('To', { exact: true }).fill(to);
    await page.getByLabel('Amount').fill(amount);
    await page.getByRole('button', { name: /^Pay \$/ }).click();
  }

  /** Waits until what was sent is certified; a block may have it by then. */
  const isCertified = () =>
    page.waitForFunction(() => /CERTIFIED|QUEUED|INCLUDED|FINALIZED/.test(document.querySelector('[data-testid=sent-stage]')?.textContent ?? ''));

  let t1 = '';
  let t2 = '';

  test('both payments are CERTIFIED while the height stands still, and INCLUDED after', async () => {
    const before = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>('tr[data-id]')].map((row) => row.dataset['id']));
    const read = await record(page);
    await page.getByRole('button', { name: 'Play the scene again' }).click();
    // The scene ends with Bob paying Carol; until then clients may pay money back.
    await page.waitForFunction((old) => {
      const rows = [...document.querySelectorAll<HTMLElement>('tr[data-id]')].filter((row) => !old.includes(row.dataset['id'] ?? ''));
      const done = (text: string) => rows.some((row) => row.textContent?.includes(text) && ['INCLUDED', 'FINALIZED'].includes(row.dataset['stage'] ?? ''));
      return done('Alice → Bob') && done('Bob → Carol');
    }, before);
    // What looks at the timeline, which shows 15 s of the chain, comes first, here and in the next test.
    await page.waitForFunction(() => /QC2 formed [\d,]+\sms before block/.test(document.querySelector('.timeline svg')?.textContent ?? ''));
    if (README_SHOTS) {
      await page.waitForFunction(() => /in 3\.\d s/.test(document.querySelector('.countdown')?.textContent ?? '')); // an open block is to be seen too
      await pictureForReadme(page, 'page-light', 'light');
      await pictureForReadme(page, 'page-dark', 'dark');
    }
    [t2 = '', t1 = ''] = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>('tr[data-id]')].map((row) => row.dataset['id'] ?? ''));
    const moments = await read();
    const both = (stages: string[]) => (m: Moment) => stages.includes(m.stages[t1] ?? '') && stages.includes(m.stages[t2] ?? '');
    const certified = moments.find(both(CERTIFIED));
    assert.ok(certified, 'both were CERTIFIED at one moment');
    const firstSeen = moments.find((m) => t1 in m.stages);
    assert.equal(certified.height, firstSeen?.height, 'the height stood still from the first payment to the second QC');
    const included = moments.find(both(ON_CHAIN));
    assert.ok(included && included.height > certified.height, `INCLUDED at ${included?.height}, CERTIFIED at ${certified.height}`);

    const said = await page.getByTestId('sentence').textContent();
    assert.match(said ?? '', new RegExp(`^Both QCs formed [\\d,]+\\sms and [\\d,]+\\sms before block ${certified.height + 1}\\.$`));
    assert.match((await page.locator('.hero .aside').textContent()) ?? '', /^2 of 2 payments on the chain/);
  });

  test('the keyboard walks the timeline and opens a payment', async () => {
    await page.locator('.timeline-keys').focus();
    await page.keyboard.press('ArrowLeft');
    await page.waitForFunction(() => /(Block \d+ seen|INCLUDED|FINALIZED|CERTIFIED|vote|first seen)/.test(document.querySelector('.readout')?.textContent ?? ''));
    for (let i = 0; i < 30 && !/Alice|Bob|Carol/.test((await page.locator('.readout').textContent()) ?? ''); i++) await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.hash.startsWith('#/payment/0x'));
  });

  test('a payment shows each certificate, and its QC checks out in the tab', async () => {
    await go(page, `#/payment/${t2}`);
    for (const name of ['dave', 'edgar']) await page.getByRole('row', { name: new RegExp(`${name} ✓ signed`) }).waitFor();
    await page.getByRole('button', { name: 'Verify in this tab' }).click();
    await page.getByText("VALID: the payer's signature and 2 of 2 votes are good").waitFor();
    assert.equal(await page.getByRole('link', { name: 'Alice → Bob' }).first().getAttribute('href'), `#/payment/${t1}`);
    await inspect(page, 'payment');
  });

  test('a QC file is judged, and one with a flipped bit is not valid', async () => {
    const text = await (await fetch(`${demo.url}/api/v1/payments/${t2}/qc`)).text();
    await go(page, '#/verify');
    const drop = (name: string, content: string) => page.getByLabel(/Drop a QC file/).setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(content) });
    await drop('qc.json', text);
    await page.getByText(/VALID: the payer's signature/).waitFor();
    await inspect(page, 'verify');

    const file = JSON.parse(text) as { qc: string };
    const at = file.qc.length - 20; // within the last vote's signature
    const flipped = file.qc.slice(0, at) + (parseInt(file.qc[at] ?? '0', 16) ^ 1).toString(16) + file.qc.slice(at + 1);
    await drop('flipped.json', text.replace(file.qc, flipped));
    await page.getByText('NOT VALID: do not rely on it').waitFor();
    assert.match((await page.getByTestId('verdict-problem').textContent()) ?? '', /^INVALID_FORMAT/);
    await inspect(page, 'verify-flipped');

    await drop('shopping.txt', 'milk, bread');
    await page.getByText(/not JSON of schema/).waitFor();
    const canonical = new Uint8Array(await (await fetch(`${demo.url}/api/v1/payments/${t2}/qc`, { headers: { Accept: 'application/octet-stream' } })).arrayBuffer());
    await page.getByLabel(/Drop a QC file/).setInputFiles({ name: 'qc.bin', mimeType: 'application/octet-stream', buffer: Buffer.from(canonical) });
    await page.getByText(/VALID: the payer's signature/).waitFor();
  });

  test('a demo account pays, and what it may spend changes before the chain does', async () => {
    await order('Carol (demo account, its key is public)', addressOf('bob'), '1.25');
    await isCertified();
    await page.waitForFunction(() => {
      const text = (id: string) => document.querySelector(`[data-testid=${id}]`)?.textContent;
      return text('spendable') === '$13.75' && text('confirmed') !== null;
    });
    await inspect(page, 'pay');
  });

  test('a payment request is shown, read, refused where it should be, and paid once', async () => {
    await go(page, '#/pay');
    await page.getByLabel('From').selectOption({ label: 'Bob (demo account, its key is public)' });
    await page.getByLabel('How much').fill('0.75');
    await page.getByLabel(/^Note/).fill('INV-7');
    await page.getByRole('button', { name: 'Show the request' }).click();
    await page.getByRole('img', { name: 'QR code of the payment request' }).waitFor();
    const uri = (await page.getByTestId('request-uri').locator('code').textContent()) ?? '';
    assert.match(uri, /^allegro:0x[0-9a-fA-F]{40}\?network=[0-9a-f]{64}&asset=0x[0-9a-fA-F]{40}&amount=750000&note=INV-7&expires=\d+/);
    await inspect(page, 'pay-ask');

    const asked = page.getByLabel('Payment request', { exact: true });
    await asked.fill(uri);
    await page.getByText('It asks the account that pays to pay itself').waitFor();
    await page.getByLabel('From').selectOption({ label: 'Alice (demo account, its key is public)' });
    await page.getByText('This is what you are asked for.').waitFor();
    for (const [text, says] of [
      [uri.replace(/network=[0-9a-f]{64}/, `network=${'0'.repeat(64)}`), 'It is of another network'],
      [uri.replace(/expires=\d+/, 'expires=1000000000'), 'It has expired'],
      [`${uri}&tip=1`, 'this request asks for "tip", which this version does not know'],
    ] as const) {
      await asked.fill(text);
      await page.getByText(says).waitFor();
      assert.ok(await page.getByRole('button', { name: /^Pay( \$|$)/ }).isDisabled());
    }
    await inspect(page, 'pay-asked-wrong');
    await page.getByRole('button', { name: 'Pay without a request' }).click();

    await go(page, `#/pay?request=${encodeURIComponent(uri)}`);
    await page.getByTestId('asked-note').getByText('INV-7').waitFor();
    assert.equal(await page.getByLabel('To', { exact: true }).inputValue(), addressOf('bob'));
    assert.ok(await page.getByLabel('Amount').isDisabled());
    await inspect(page, 'pay-asked');
    await page.getByRole('button', { name: 'Pay $0.75' }).click();
    await isCertified();
    await page.waitForFunction(() => location.hash === '#/pay'); // the request is gone: it is not paid twice
    assert.equal(await asked.inputValue(), '');
    const { payments } = (await (await fetch(`${demo.url}/api/v1/payments`)).json()) as { payments: Payment[] };
    assert.equal(payments.filter((p) => p.note === noteHash('INV-7') && p.amount === '750000').length, 1);
  });

  test('what is too much or no address is said before anything is signed', async () => {
    await order('Alice (demo account, its key is public)', addressOf('bob'), '5000');
    await page.getByText('Nothing was paid.').waitFor();
    await page.getByText(/INSUFFICIENT|funds|spendable|short/i).first().waitFor();
    await page.getByLabel('To', { exact: true }).fill('0x12');
    await page.getByText('Whom to pay: 0x and 40 hex digits.').waitFor();
    assert.ok(await page.getByRole('button', { name: /^Pay \$/ }).isDisabled());
  });

  test('wallets: one signs, one cannot, one declines, one signs something else', async () => {
    const other = await visit(browser, 'about:blank');
    await addWallet(other.context, 'Tempora', keyOf('carol'), 'signs');
    await addWallet(other.context, 'Foxy', keyOf('alice'), 'cannot');
    await addWallet(other.context, 'Shy', keyOf('alice'), 'declines');
    await addWallet(other.context, 'Crook', keyOf('alice'), 'forges');
    const mine = page;
    page = other.page;
    try {
      await page.goto(`${demo.url}/#/pay`);
      for (const name of ['Tempora', 'Foxy', 'Shy', 'Crook']) await page.getByRole('button', { name: `Use ${name}` }).click();
      await order('Foxy (wallet)', addressOf('bob'), '1');
      await page.getByText(/Foxy cannot sign Tempo transactions \(type 0x76\)/).waitFor();
      await order('Shy (wallet)', addressOf('bob'), '1');
      await page.getByText(/You declined in Shy. Nothing was signed./).waitFor();
      await order('Crook (wallet)', addressOf('bob'), '1');
      await page.getByText(/signature is of 0x[0-9a-f]+, the sender is|signed another transaction/).waitFor();
      await inspect(page, 'pay-failed');
      await order('Tempora (wallet)', addressOf('bob'), '1');
      await isCertified();
      assert.deepEqual(other.faults, []);
    } finally {
      page = mine;
      await other.context.close();
    }
  });

  test('the tab joins as a peer, checks votes itself and pays by itself', async () => {
    await go(page, '#/network');
    await page.getByRole('button', { name: 'Make this tab a peer' }).click();
    await page.locator('.voice.ready').waitFor();
    await page.waitForFunction(() => /dave.*edgar|edgar.*dave/.test(document.querySelector('.voice')?.textContent ?? ''));
    await inspect(page, 'network-peer');
    await go(page, '#/pay');
    await page.getByLabel('this tab, as a peer').check();
    await order('Bob (demo account, its key is public)', addressOf('alice'), '0.5');
    await isCertified();
    await page.waitForFunction(() => document.querySelector('.voice')?.textContent?.includes('verified 2/2 in this tab'));
    await inspect(page, 'pay-tab');
    await go(page, '#/');
    await inspect(page, 'live-peer');
  });

  test('the visitor may trust this tab alone, and cut the page off', async () => {
    await go(page, '#/network');
    await page.getByLabel('Show only what this tab checked itself').check();
    await page.getByLabel('Cut this page off from its aggregator').check();
    await page.getByText('Cut off from the aggregator.').waitFor();
    await go(page, '#/pay');
    await order('Bob (demo account, its key is public)', addressOf('carol'), '0.25');
    await isCertified();
    await go(page, '#/');
    const height = Number((await page.getByTestId('height').textContent())?.replace(/\D/g, ''));
    await page.waitForFunction((h) => Number(document.querySelector('[data-testid=height]')?.textContent?.replace(/\D/g, '')) > h, height);
    await page.locator('tr[data-id]').first().getByText('2/2').first().waitFor();
    await inspect(page, 'live-cut');
    await page.getByRole('button', { name: 'Connect again' }).click();
    await page.waitForFunction(() => ['INCLUDED', 'FINALIZED'].includes(document.querySelector<HTMLElement>('tr[data-id]')?.dataset['stage'] ?? ''));
    await go(page, '#/network');
    await page.getByLabel('Show only what this tab checked itself').uncheck();
    await page.getByRole('button', { name: 'Leave the network' }).click();
    await page.getByRole('button', { name: 'Make this tab a peer' }).waitFor();
  });

  test('every other screen passes in both themes and widths', async () => {
    await go(page, '#/how');
    await page.getByRole('button', { name: /Bob spends it at once/ }).click();
    await inspect(page, 'how');
    await go(page, '#/nowhere');
    await page.getByText('names nothing here').waitFor();
    await go(page, `#/payment/0x${'ab'.repeat(32)}`);
    await page.getByText('This payment cannot be shown.').waitFor();
    await inspect(page, 'payment-unknown');
  });

  test('the theme is a choice that stays', async () => {
    await page.getByRole('button', { name: /^Theme: system/ }).click();
    await page.getByRole('button', { name: /^Theme: light/ }).click();
    assert.equal(await page.evaluate(() => document.documentElement.dataset['theme']), 'dark');
    await page.reload();
    await page.waitForFunction(() => document.documentElement.dataset['theme'] === 'dark');
  });

  test('nothing failed inside the page', () => {
    assert.deepEqual(v.faults, []);
  });
});
