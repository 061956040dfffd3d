// An example: waits over HTTP for a payment, and takes it once it has verified the QC itself.
//
//   node examples/receive.ts URL DIGEST PAYEE UNITS
//
// URL is an aggregator's, DIGEST that of the network file. It waits for a payment that comes
// from now on, of the network's first token and at least UNITS. It ends with 0 at CERTIFIED,
// which is good for a coffee: who sells cars asks a chain node of its own for the final block.
import * as wallet from './wallet.ts';

const [url, digest, payee, units] = process.argv.slice(2);
if (!url || !digest || !payee || !wallet.isUnits(units)) throw new Error(`usage: receive.ts URL DIGEST PAYEE UNITS\n${wallet.UNITS}`);

const { network } = await wallet.network(url, digest);
const asset = network.assets[0]!;
const atLeast = BigInt(units);

/** The QC of a payment; null as long as there is none. */
async function qcOf(txId: string) {
  try {
    return await wallet.fetchQC(url!, network, txId);
  } catch (problem) {
    if (problem instanceof wallet.Refused && problem.code === 'NO_QC') return null;
    throw problem;
  }
}

const payments = await wallet.incoming(url, payee);
console.log(`waiting for ${units} units at ${payee}`);
const refused = new Set<string>();
for await (const txId of payments) {
  const qc = refused.has(txId) ? null : await wallet.patiently(() => qcOf(txId));
  if (!qc) continue; // an event tells when there is one
  const { sender, amount, validBefore } = qc.tx.envelope;
  // Beside the votes: is it this payee's money, enough of it, and is there time left for the chain to take it?
  const now = BigInt(Math.floor(Date.now() / 1000));
  if (!wallet.pays(qc, { payee, asset: asset.address, atLeast, now, leastLeft: network.minSettle / 2n })) {
    refused.add(txId);
    console.log(`not taken: ${txId}, ${amount} units of ${qc.tx.envelope.asset}, ${validBefore - now} s left`);
    continue;
  }
  const signers = qc.certificates.map(({ signer }) => network.memberName(qc.committee, signer));
  console.log(`CERTIFIED ${txId}: ${amount} units from ${sender}`);
  console.log(`verified here: ${signers.join(', ')} signed, weight ${qc.weight} of ${qc.committee.total}, ${validBefore - now} s left for the chain to take it`);
  break;
}
