// Checks a QC file in this tab, with the committee of the network file and nothing else.
import type { NetworkJSON } from '../api/documents.ts';
import { network } from '../state/store.ts';

export interface Signer {
  name: string;
  weight: number;
}

export type Verification =
  | {
    valid: true;
    txId: string;
    from: string;
    to: string;
    asset: string;
    amount: bigint;
    parents: readonly string[];
    validBefore: number;
    signers: Signer[];
    weight: number;
    threshold: number;
    total: number;
    committee: string;
    epoch: string;
    digest: string;
  }
  | { valid: false; problem: string };

/** Longest file that is read; a QC has at most 512 KiB, twice that in hex. */
const MAX_FILE = 2 << 20;

/** Verifies a QC: the text of a file, or its canonical bytes. */
export async function verifyQC(qc: string | Uint8Array): Promise<Verification> {
  const file: NetworkJSON | null = network.value;
  if (!file) return { valid: false, problem: 'The network file has not been loaded: a QC is checked against the committee that it names.' };
  if (qc.length > MAX_FILE) return { valid: false, problem: 'The file is larger than a QC can be.' };
  const { Network } = await import('../../verifier/index.ts');
  try {
    const known = new Network(file);
    const good = typeof qc === 'string' ? known.parseQCFile(qc) : known.parseQC(qc);
    const { envelope } = good.tx;
    return {
      valid: true, txId: good.tx.id, from: envelope.sender, to: envelope.recipient, asset: envelope.asset, amount: envelope.amount,
      parents: envelope.parents, validBefore: Number(envelope.validBefore),
      signers: good.certificates.map((c) => ({ name: known.memberName(good.committee, c.signer), weight: Number(good.committee.weightOf([c.signer])) })),
      weight: Number(good.weight), threshold: Number(good.committee.quorum), total: Number(good.committee.total),
      committee: good.committee.id, epoch: String(good.committee.epoch), digest: known.digest,
    };
  } catch (problem) {
    return { valid: false, problem: problem instanceof Error ? problem.message : String(problem) };
  }
}
