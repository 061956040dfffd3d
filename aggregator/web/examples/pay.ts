// An example: pays over HTTP and verifies the QC itself.
//
//   node examples/pay.ts URL DIGEST KEYFILE PAYEE UNITS
//
// URL is an aggregator's, DIGEST that of the network file, KEYFILE holds the payer's private
// key as 64 hex digits.
import { readFile } from 'node:fs/promises';
import { privateKeyToAccount } from 'viem/accounts';
import * as wallet from './wallet.ts';

const [url, digest, keyFile, payee, units] = process.argv.slice(2);
if (!url || !digest || !keyFile || !payee || !wallet.isUnits(units)) throw new Error(`usage: pay.ts URL DIGEST KEYFILE PAYEE UNITS\n${wallet.UNITS}`);

const account = privateKeyToAccount(`0x${(await readFile(keyFile, 'utf8')).trim()}`);
const { file, network } = await wallet.network(url, digest);
const asset = network.assets[0]!;
const order = { from: account.address, to: payee, asset: asset.address, amount: BigInt(units), note: '' };

const payment = await wallet.prepare(url, file, account, order);
console.log(`signed ${payment.tx_id}`);
const progress = await wallet.submit(url, payment);
console.log(`the aggregator says ${progress.stage}`);

const qc = await wallet.fetchQC(url, network, payment.tx_id);
const now = BigInt(Math.floor(Date.now() / 1000));
const good = wallet.pays(qc, { payee, asset: asset.address, atLeast: order.amount, now, leastLeft: network.minSettle / 2n });
const signers = qc.certificates.map(({ signer }) => network.memberName(qc.committee, signer));
console.log(`verified here: ${signers.join(', ')} signed, weight ${qc.weight} of ${qc.committee.total}, ${good ? 'good' : 'not good'} for ${units} units`);
process.exitCode = good ? 0 : 1;
