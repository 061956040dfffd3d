import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { privateKeyToAccount } from 'viem/accounts';
import { asset, key, World } from '../peer/world.ts';
import { accountOf, encodeEnvelope, fileOf, type Hex, sponsoredForm, signingHashOf, toHex, transferOf } from '../verifier/index.ts';
import * as wallet from './wallet.ts';

const w = new World(4);
const tx = w.tx('alice');
const account = privateKeyToAccount(toHex(key('alice')));
const order = { from: account.address, to: accountOf(key('payee')), asset, amount: 5n, note: '' };
const plan = (change: Partial<wallet.Plan> = {}): wallet.Plan => ({
  tx_id: tx.id, envelope: toHex(encodeEnvelope(tx.envelope)), signing_hash: toHex(signingHashOf(tx.envelope, w.committee)), ...change,
});

test('viem signs the transaction that every peer rebuilds', async () => {
  const want = toHex(sponsoredForm(transferOf(tx.envelope, w.committee), tx.signature));
  assert.equal(await wallet.sign(plan(), order, w.file, account), want);
});

test('a plan that is not the order is not signed', async () => {
  const other = w.tx('alice', { amount: 6n });
  for (const [what, bad] of Object.entries({
    amount: plan({ tx_id: other.id, envelope: toHex(encodeEnvelope(other.envelope)), signing_hash: toHex(signingHashOf(other.envelope, w.committee)) }),
    'tx id': plan({ tx_id: other.id }), 'signing hash': plan({ signing_hash: toHex(signingHashOf(other.envelope, w.committee)) }),
  })) {
    await assert.rejects(wallet.sign(bad, order, w.file, account), /nothing was signed/, what);
  }
  const mallory = privateKeyToAccount(toHex(key('mallory')));
  await assert.rejects(wallet.sign(plan(), order, w.file, mallory), /signature is of/);
});

// An aggregator that answers what it is told to. Text is an event stream, which ends behind it.
let answers: [status: number, body: unknown][] = [];
const bodies: string[] = [];
const cursors: unknown[] = []; // of event streams
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += String(chunk); });
  request.on('end', () => {
    bodies.push(body);
    const [status, answer] = answers.shift() ?? [500, { code: 'INTERNAL', error: 'asked too often' }];
    if (typeof answer === 'string') {
      cursors.push(request.headers['last-event-id']);
      response.writeHead(status, { 'Content-Type': 'text/event-stream' }).end(answer);
      return;
    }
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
  });
});
await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
after(() => server.close());
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

test('the same bytes go out until the QC has formed', async () => {
  bodies.length = 0;
  answers = [[503, { code: 'TEMPORARY_UNAVAILABLE', error: 'not now' }], [200, { stage: 'ACCEPTED', qc_formed: false }], [200, { stage: 'CERTIFIED', qc_formed: true }]];
  const progress = await wallet.submit(url, { signed_tx: '0x76c0', envelope: '0xc0' });
  assert.equal(progress.stage, 'CERTIFIED');
  assert.deepEqual(bodies, Array<string>(3).fill('{"signed_tx":"0x76c0","envelope":"0xc0"}'));
});

test('what can never succeed is not sent again', async () => {
  answers = [[409, { code: 'EQUIVOCATION', error: 'the slot is promised' }]];
  await assert.rejects(wallet.submit(url, { signed_tx: '0x76c0', envelope: '0xc0' }), { code: 'EQUIVOCATION', retryable: false });
});

test('a network is believed by its digest alone', async () => {
  answers = [[200, w.file], [200, w.file]];
  assert.equal((await wallet.network(url, w.network.digest)).network.chainId, 1337n);
  await assert.rejects(wallet.network(url, `0x${'00'.repeat(32)}`), /this wallet of/);
});

test('a QC is believed by its bytes alone', async () => {
  const file = fileOf(w.qc(tx));
  const forged = { ...file, view: { ...file.view, amount: '99' } };
  answers = [[200, file], [200, forged], [200, fileOf(w.qc(w.tx('bob')))], [409, { code: 'NO_QC', error: 'not yet' }]];
  const qc = await wallet.fetchQC(url, w.network, tx.id);
  await assert.rejects(wallet.fetchQC(url, w.network, tx.id), /view\.amount/);
  await assert.rejects(wallet.fetchQC(url, w.network, tx.id), /sent the QC of/);
  await assert.rejects(wallet.fetchQC(url, w.network, tx.id), { code: 'NO_QC' });

  const want = { payee: order.to, asset: asset as string, atLeast: 5n, now: 1_000n, leastLeft: 30n };
  assert.ok(wallet.pays(qc, want));
  const others: Partial<typeof want>[] = [{ payee: accountOf(key('bob')) as Hex }, { asset: `0x${'20'.repeat(20)}` }, { atLeast: 6n }, { now: 4_980n }];
  for (const other of others) assert.ok(!wallet.pays(qc, { ...want, ...other }), JSON.stringify(Object.keys(other)));
});

test('units are digits and nothing else', () => {
  for (const word of ['1', '1000000', '340282366920938463463374607431768211456']) assert.ok(wallet.isUnits(word), word);
  assert.ok(!wallet.isUnits(undefined));
  for (const word of ['', '0', '01', '10.00', '-1', '0x10', '1e6', ' 1', '1\n']) assert.ok(!wallet.isUnits(word), word);
});

/** The ids that a payee is told of until the aggregator answers 404. */
async function toldUntilGone(payee: string): Promise<string[]> {
  const payments = await wallet.incoming(url, payee);
  const ids: string[] = [];
  await assert.rejects(async () => {
    for await (const id of payments) ids.push(id);
  }, { code: 'NOT_FOUND' });
  return ids;
}

test('no payment to an account is missed, however often its events break off', async () => {
  cursors.length = 0;
  const payee = accountOf(key('payee'));
  const told = (tx_id: string, to = `0x${payee.slice(2).toUpperCase()}`) => ({ tx_id, to });
  const event = (id: string, p: object) => `id: ${id}\nevent: payment\ndata: ${JSON.stringify(p)}\n\n`;
  answers = [
    [200, { payments: [told('old')] }],
    [200, 'id: run-1\n\n'],
    [200, { payments: [told('old')] }],
    [503, { code: 'BUSY', error: 'not now' }],
    [200, `id: run-1\n\n${event('run-2', told('old'))}${event('run-3', told('own', accountOf(key('alice'))))}${event('run-4', told('first'))}`],
    [200, 'id: other-9\nevent: reset\ndata: {}\n\n'],
    [503, { code: 'NOT_READY', error: 'not now' }],
    [200, { payments: [told('second'), told('first'), told('old')] }],
    [404, { code: 'NOT_FOUND', error: 'no such route' }],
  ];
  assert.deepEqual(await toldUntilGone(payee), ['first', 'second', 'first']);
  assert.deepEqual(cursors, [undefined, 'run-1', 'run-4']);
});

test('a payment is not missed that happens before the first stream is open', async () => {
  cursors.length = 0;
  const payee = accountOf(key('payee'));
  const told = (tx_id: string) => ({ tx_id, to: payee });
  answers = [
    [200, { payments: [told('old')] }],
    [503, { code: 'BUSY', error: 'not now' }], // meanwhile it becomes final: no event tells of it any more
    [200, ''], // breaks off before the first id
    [200, { payments: [told('first'), told('old')] }],
    [200, 'id: run-7\n\n'],
    [200, { payments: [told('second'), told('first'), told('old')] }],
    [404, { code: 'NOT_FOUND', error: 'no such route' }],
  ];
  assert.deepEqual(await toldUntilGone(payee), ['first', 'second', 'first']);
  assert.deepEqual(cursors, [undefined, undefined]);
});
