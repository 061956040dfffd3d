// States of the page that a sound network does not get into: empty, stale, broken.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { encodeEnvelope, Network, signingHashOf, toHex, txIdOf, type Envelope } from '../verifier/index.ts';
import { go, inspect, launch, visit, type Visit } from './browser.ts';
import { ALICE, BOB, Fake } from './fake.ts';

describe('states of the page', () => {
  let browser: Browser;
  let fake: Fake;
  let v: Visit;
  let page: Page;

  before(async () => { browser = await launch(); });
  after(async () => { await browser?.close(); });
  beforeEach(async () => { fake = await Fake.start(); });
  afterEach(async () => {
    const faults = v.faults;
    await v.context.close();
    await fake[Symbol.asyncDispose]();
    assert.deepEqual(faults, []);
  });

  async function open(hash = '#/'): Promise<void> {
    const opened = fake.opened;
    v = await visit(browser, `${fake.url}/${hash}`);
    page = v.page;
    await fake.reader(opened);
  }

  const heightIs = (height: number) =>
    page.waitForFunction((text) => document.querySelector('[data-testid=height]')?.textContent === text, String(height));

  test('nothing has happened yet', async () => {
    fake.head(null, Date.now());
    await open();
    await page.getByText('No payment yet.').waitFor();
    await page.getByText('No block seen yet.').waitFor();
    await inspect(page, 'state-empty');
  });

  test('one validator is down: the votes that are missing are counted and named', async () => {
    fake.payments(fake.payment(1, 'ACCEPTED', 3200, { waiting: [{ validator: 'edgar', code: null, problem: 'not reached: connection refused' }] }));
    fake.answers.set('GET /committee', { body: fake.committee([true, false]) });
    await open();
    await page.getByText(/1 of 2 votes, waiting for Edgar/).first().waitFor();
    await inspect(page, 'state-waiting');
    await go(page, '#/network');
    await page.getByText('No quorum can be reached.').waitFor();
    await page.getByText('No peer is connected.').waitFor();
    await inspect(page, 'state-no-quorum');
  });

  test('the chain stands still: nothing is judged', async () => {
    fake.payments(fake.payment(1, 'CERTIFIED', 16_000));
    fake.head(41, Date.now() - 20_000);
    await open();
    await page.getByText(/The chain has shown no block for/).waitFor();
    await page.getByText('Nothing is judged until the chain moves again.').waitFor();
    assert.equal(await page.locator('.timeline.stale').count(), 1);
    assert.ok(!/before block|still open/.test((await page.locator('.timeline svg').textContent()) ?? ''));
    await inspect(page, 'state-stale');
    fake.head(42, Date.now());
    await page.getByText(/before block 42/).first().waitFor();
  });

  test('an answer that is older than an event does not undo it', async () => {
    fake.payments(fake.payment(1, 'ACCEPTED', 500));
    const held = fake.hold('GET /payments');
    await open();
    await held.asked;
    fake.head(42, Date.now());
    fake.tell('payment', fake.payment(1, 'CERTIFIED', 500));
    await heightIs(42);
    held.answer();
    await page.getByText('demo', { exact: true }).waitFor(); // the load has ended: the network has its name
    assert.equal(await page.getByTestId('height').textContent(), '42');
    assert.equal(await page.locator('tr[data-id]').first().getAttribute('data-stage'), 'CERTIFIED');
  });

  test('a block that came before the QC is told, not hidden', async () => {
    const seen = Date.now() - 3000;
    fake.payments(fake.payment(1, 'CERTIFIED', 3000, { certified_unix_micros: String((seen + 1220) * 1000) }));
    fake.head(41, seen - 2000);
    await open();
    await heightIs(41); // a page that hears of 42 alone cannot say when it came
    fake.head(42, seen + 1000);
    await page.getByText(/Block 42 came first: the QC formed 220\sms after it/).waitFor();
    await inspect(page, 'state-block-first');
  });

  test('an address names a run, which is loaded and played again at a quarter of its speed', async () => {
    const day = 86_400_000;
    fake.head(17_321, Date.now());
    const block = (Date.now() - day + 408) * 1000;
    const [first, second] = [
      fake.payment(1, 'INCLUDED', day), fake.payment(2, 'INCLUDED', day - 20, { parents: [`0x${'1'.padStart(64, '0')}`] }),
    ].map((p) => ({ ...p, lead_micros: String(block - Number(p.certified_unix_micros)), included_height: '42', included_unix_micros: String(block) }));
    for (const p of [first, second]) fake.answers.set(`GET /payments/${p?.tx_id}`, { body: p });
    await open();
    await page.addInitScript(() => {
      const shown: string[] = [];
      Object.assign(globalThis, { shown });
      const look = () => {
        const text = ['.hero', '.timeline svg'].map((part) => document.querySelector(part)?.textContent ?? '').join(' ');
        if (text !== shown[shown.length - 1]) shown.push(text);
      };
      new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
    });
    await page.goto(`${fake.url}/?run=${second?.tx_id}#/`);
    const shown = () => page.evaluate(() => (globalThis as unknown as { shown: string[] }).shown);
    await page.waitForFunction(() => {
      const texts = (globalThis as unknown as { shown: string[] }).shown;
      return texts.some((text) => text.includes('as it was')) && !texts[texts.length - 1]?.includes('as it was');
    });
    const past = (await shown()).filter((text) => text.includes('as it was: a replay at ¼ speed'));
    const open42 = past.findIndex((text) => /Block height41as.*holds the QC and can spend \$10.00 now.*QC2 formed at height 41 · block still open/.test(text));
    const closed = past.findIndex((text) => /Block height42as.*Both QCs formed \d+\sms and \d+\sms before block 42\.2 of 2 payments on the chain.*INCLUDED.*INCLUDED/.test(text));
    assert.ok(open42 >= 0 && closed > open42, `the block is open at ${open42} and closed at ${closed} of ${past.length} pictures: ${past.join('\n')}`);
    assert.equal(await page.getByTestId('height').textContent(), '17,321');
    assert.match((await page.getByTestId('sentence').textContent()) ?? '', /^Both QCs formed/);
    await page.getByRole('button', { name: 'Replay at ¼ speed' }).click();
    await page.getByRole('button', { name: 'Back to now' }).click();
    assert.equal(await page.getByRole('link', { name: 'Link to this run' }).getAttribute('href'), `?run=${second?.tx_id}#/`);
    await inspect(page, 'live-run');
  });

  test('the timeline slides, and for those who want no motion moves once a second', async () => {
    fake.payments(fake.payment(1, 'CERTIFIED', 500));
    await open();
    const moved = () => page.evaluate(async () => {
      const axis = document.querySelector('.timeline g[transform] g') ?? document.body;
      const begun = performance.now();
      let count = 0;
      for (let last = axis.getAttribute('transform'), i = 0; i < 60; i++) {
        await new Promise(requestAnimationFrame);
        const now = axis.getAttribute('transform');
        if (now !== last) count++;
        last = now;
      }
      return { count, seconds: (performance.now() - begun) / 1000 };
    });
    await page.locator('.timeline .bar').waitFor();
    const sliding = await moved();
    assert.ok(sliding.count > 30, `it moved ${sliding.count} times in 60 frames`);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    const stepping = await moved();
    assert.ok(stepping.count <= stepping.seconds + 2, `it moved ${stepping.count} times in ${stepping.seconds} s`);
  });

  test('a run that is not known is said to be', async () => {
    await open(`?run=0x${'ab'.repeat(32)}#/`);
    await page.getByText('This run cannot be shown.').waitFor();
    await page.getByText('no payment of this id is known here').waitFor();
  });

  test('the scene runs for somebody else already, or breaks off', async () => {
    fake.network.demo = true;
    await open();
    fake.answers.set('POST /demo/chained-flow', { status: 409, body: { error: 'the scene is being played for somebody else', code: 'DEMO_RUNNING', hint: 'watch it in the list of payments, then try again' } });
    await page.getByRole('button', { name: 'Play the scene again' }).click();
    await page.getByText('the scene is being played for somebody else').waitFor();
    await inspect(page, 'state-scene-busy');
    const held = fake.hold('POST /demo/chained-flow');
    fake.answers.set('POST /demo/chained-flow', { stream: 'event: error\ndata: {"message":"money is short"}\n\n' });
    await page.getByRole('button', { name: 'Play the scene again' }).click();
    await held.asked;
    await page.getByRole('button', { name: 'The scene runs …', disabled: true }).waitFor();
    held.answer();
    await page.getByText('money is short').waitFor();
  });

  test('every end that is none of a payment’s is shown with its reason', async () => {
    const evidence = { cause: 'unused', block: '44', block_hash: `0x${'44'.repeat(32)}`, block_time: '1900000000', chain_tx_hash: null, outflow_tx_hash: null, parent: null };
    fake.payments(
      fake.payment(1, 'REJECTED', 9000, { waiting: [{ validator: 'dave', code: 'INSUFFICIENT_FUNDS', problem: 'has 5.00, needs 10.00' }] }),
      fake.payment(2, 'EXPIRED', 8000, { stage_evidence: evidence, why: 'its time to be executed has passed' }), fake.payment(3, 'FAILED', 7000), fake.payment(4, 'CONFLICTED', 6000),
    );
    await open();
    for (const word of ['REJECTED', 'EXPIRED', 'FAILED', 'CONFLICTED']) await page.getByRole('cell', { name: word }).waitFor();
    await inspect(page, 'state-ends');
    await go(page, `#/payment/0x${'2'.padStart(64, '0')}`);
    await page.getByText('Its time to be executed has passed').waitFor();
    await inspect(page, 'state-expired');
  });

  test('the aggregator falls silent and comes back', async () => {
    await open();
    await page.getByText('No payment yet.').waitFor();
    fake.answers.set('GET /network', { status: 503, body: { error: 'this aggregator is stopping', code: 'STOPPING' } });
    fake.hangUp();
    await page.getByText('The aggregator does not answer.').waitFor();
    await page.getByText(/this aggregator is stopping/).waitFor();
    await inspect(page, 'state-lost');
    fake.answers.set('GET /network', { body: fake.network });
    fake.payments(fake.payment(1, 'CERTIFIED', 100));
    await page.getByRole('cell', { name: 'CERTIFIED' }).waitFor();
    await page.getByText('The aggregator does not answer.').waitFor({ state: 'detached' });
  });

  test('after a gap that the aggregator cannot fill, all is loaded anew', async () => {
    fake.payments(fake.payment(1, 'ACCEPTED', 500));
    await open();
    await page.getByRole('cell', { name: 'ACCEPTED' }).waitFor();
    fake.payments(fake.payment(1, 'CERTIFIED', 500), fake.payment(2, 'CERTIFIED', 300));
    fake.tell('reset', {});
    await page.getByText('away for longer than the aggregator remembers').waitFor();
    await page.waitForFunction(() => document.querySelectorAll('tr[data-stage=CERTIFIED]').length === 2);
    await page.getByRole('button', { name: 'Good' }).click();
    await page.getByText('away for longer').waitFor({ state: 'detached' });
  });

  test('a busy network: the page keeps up, and says what it leaves out', async () => {
    await open();
    await page.getByText('No payment yet.').waitFor();
    const busy = Array.from({ length: 600 }, (_, n) => fake.payment(n + 1, 'CERTIFIED', 6000 - 10 * n, { from: `0x${(n % 40 + 1).toString(16).padStart(40, '0')}` }));
    for (const p of busy) fake.tell('payment', p);
    await page.waitForFunction(() => document.querySelector('tr[data-id]')?.getAttribute('data-id')?.endsWith('258'));
    assert.equal(await page.locator('tr[data-id]').count(), 100);
    await page.getByText(/more payments are in the table/).waitFor();
  });

  test('a plan that is not the order is not signed', async () => {
    const file = new Network(fake.network);
    const committee = file.committees[0] ?? assert.fail('no committee');
    const asset = file.assets[0] ?? assert.fail('no asset');
    fake.network.demo = true;
    fake.answers.set('GET /demo/accounts', { body: { accounts: [{ name: 'alice', address: '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf', private_key: `0x${'1'.padStart(64, '0')}` }] } });
    const envelope: Envelope = {
      chainId: file.chainId, committeeId: committee.id, asset: asset.address, sender: '0x7e5f4552091a69125d5dfcb7b8c2659029395bdf', seq: 0n, prev: `0x${'00'.repeat(32)}`,
      recipient: ALICE.toLowerCase() as `0x${string}`, amount: 1_000_000n, maxFee: file.maxFees[0] ?? 0n, parents: [], validBefore: 1_900_000_000n, restart: 0n, note: `0x${'00'.repeat(32)}`,
    };
    const plan = (e: Envelope, changed: object = {}) => ({
      body: { tx_id: txIdOf(e), envelope: toHex(encodeEnvelope(e)), envelope_fields: {}, signing_hash: toHex(signingHashOf(e, committee)), transaction: '0x76', explain: '', ...changed },
    });
    fake.answers.set('POST /submit-raw-tx', { status: 500, body: { error: 'a wrong plan was signed', code: 'TEST' } });
    const honest = { ...envelope, recipient: BOB.toLowerCase() as `0x${string}` };
    const cases: [{ body: unknown }, RegExp][] = [
      [plan(envelope), /the plan's payee is 0x099d/],
      [plan({ ...honest, amount: 9_000_000n }), /the plan's amount is 9000000/],
      [plan({ ...honest, note: `0x${'12'.repeat(32)}` }), /the plan's note is 0x1212/],
      [plan({ ...honest, maxFee: honest.maxFee + 1n }), /a fee of \d+, which the network file does not list/],
      [plan(honest, { tx_id: `0x${'12'.repeat(32)}` }), /the plan's tx id is/],
      [plan(honest, { signing_hash: `0x${'12'.repeat(32)}` }), /the plan's signing hash is/],
      [plan(honest, { envelope: '0xc0' }), /plan/],
    ];
    await open('#/pay');
    await page.getByLabel('To', { exact: true }).fill(BOB);
    await page.getByLabel('Amount').fill('1');
    for (const [answer, want] of cases) {
      fake.answers.set('POST /payments/prepare', answer);
      await page.getByRole('button', { name: 'Pay $1.00' }).click();
      await page.locator('.notice.bad', { hasText: want }).waitFor();
    }
    fake.answers.set('POST /payments/prepare', plan(honest));
    await page.getByRole('button', { name: 'Pay $1.00' }).click();
    await page.locator('.notice.bad', { hasText: 'a wrong plan was signed' }).waitFor(); // the honest one is, and got as far as that
  });

  test('refusals of validators are shown with their codes', async () => {
    fake.network.demo = true;
    fake.answers.set('GET /demo/accounts', { body: { accounts: [{ name: 'alice', address: '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf', private_key: `0x${'1'.padStart(64, '0')}` }] } });
    fake.answers.set('POST /payments/prepare', { status: 422, body: { error: 'alice may spend 5.00 and not 10.00', code: 'INSUFFICIENT_FUNDS', hint: 'wait for what is coming in' } });
    await open('#/pay');
    await page.getByLabel('To', { exact: true }).fill(BOB);
    await page.getByRole('button', { name: 'Pay $10.00' }).click();
    await page.getByText('alice may spend 5.00 and not 10.00').waitFor();
    await page.getByText('wait for what is coming in').waitFor();
    await inspect(page, 'state-refused');
  });

  test('a key of the tab’s own is not offered on a public chain', async () => {
    fake.network.chain.id = 4217;
    delete (fake.network as { digest?: string }).digest;
    await open('#/pay');
    await page.getByText('No wallet was found in this browser.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Make an account in this tab' }).count(), 0);
    await inspect(page, 'state-no-account');
  });
});
