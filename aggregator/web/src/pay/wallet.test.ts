import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, signTransaction, type Wallet } from './wallet.ts';

const walletOf = (answer: (method: string) => unknown): Wallet => ({
  id: '1', name: 'Foxy', provider: { request: async ({ method }) => answer(method) },
});
const throwing = (code: number, message: string) => walletOf(() => { throw Object.assign(new Error(message), { code }); });

test('a wallet that cannot sign 0x76 is told so, however it says it', async () => {
  const cases: [Wallet, RegExp][] = [
    [throwing(-32601, 'the method eth_signTransaction does not exist'), /Foxy cannot sign Tempo transactions \(type 0x76\): it answered “the method/],
    [throwing(4200, 'unsupported'), /cannot sign Tempo/],
    [throwing(-32000, 'unknown transaction type'), /cannot sign Tempo.*unknown transaction type/],
    [walletOf(() => '0x02f8'), /signed a transaction of type 0x02 instead/],
    [walletOf(() => null), /returned no transaction/],
    [walletOf(() => ({ raw: 5 })), /returned no transaction/],
  ];
  for (const [wallet, want] of cases) await assert.rejects(signTransaction(wallet, {}), want);
});

test('an owner who declines is told nothing was signed', async () => {
  await assert.rejects(signTransaction(throwing(4001, 'User rejected'), {}), (error: Error & { declined?: boolean }) =>
    error.declined === true && /declined in Foxy/.test(error.message));
});

test('a signed transaction comes as text or in an object', async () => {
  assert.equal(await signTransaction(walletOf(() => '0x76c0'), {}), '0x76c0');
  assert.equal(await signTransaction(walletOf(() => ({ raw: '0x76c0', tx: {} })), {}), '0x76c0');
});

test('an account is an address', async () => {
  const address = `0x${'aB'.repeat(20)}`;
  assert.equal(await connect(walletOf(() => [address])), address);
  await assert.rejects(connect(walletOf(() => [])), /showed no account/);
  await assert.rejects(connect(throwing(-32002, 'already pending')), /did not show an account: already pending/);
});
