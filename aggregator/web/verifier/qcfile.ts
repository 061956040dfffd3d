import { fromHex, isHex, toHex } from './bytes.ts';
import { invalid } from './errors.ts';
import { QC } from './qc.ts';

const schema = 'allegro.qc/v1';

/** QCFile is a QC as a JSON file: the bytes are the QC, the view must say the same (section 10). */
export interface QCFile {
  schema: string;
  tx_id: string;
  qc: string;
  view: Record<string, unknown>;
}

/** fileOf returns a QC as a file, with its keys in the one order. */
export function fileOf(qc: QC): QCFile {
  const { envelope: e, id } = qc.tx;
  const c = qc.committee;
  return {
    schema,
    tx_id: id,
    qc: toHex(qc.raw),
    view: {
      chain_id: String(e.chainId), committee_id: c.id, epoch: String(c.epoch), payer: e.sender, payee: e.recipient, asset: e.asset,
      amount: String(e.amount), seq: String(e.seq), parents: e.parents, valid_before: String(e.validBefore), restart: String(e.restart),
      note: e.note,
      signers: qc.certificates.map(({ signer }) => ({ index: signer, key: c.members[signer]!.key, weight: Number(c.members[signer]!.weight) })),
      weight: Number(qc.weight), threshold: Number(c.quorum), total: Number(c.total),
    },
  };
}

/**
 * parseQCFile verifies a QC file: the QC's bytes with parse, and that the rest says the same
 * in the one spelling. Only white space is free. It throws a Refusal.
 */
export function parseQCFile(text: string, parse: (raw: Uint8Array) => QC): QC {
  let file: Partial<QCFile> | null;
  try {
    file = JSON.parse(text) as Partial<QCFile> | null;
  } catch {
    throw invalid(`QC file is not JSON of schema ${schema}`);
  }
  if (file?.schema !== schema) throw invalid(`QC file has schema ${JSON.stringify(file?.schema)}, want "${schema}"`);
  if (!isHex(file.qc)) throw invalid('QC file: qc is not lower-case 0x-hex');
  const qc = parse(fromHex(file.qc));
  const want = fileOf(qc);
  if (file.tx_id !== want.tx_id) throw invalid(`QC file: tx_id is ${file.tx_id}, the bytes say ${want.tx_id}`);
  for (const [key, value] of Object.entries(want.view)) {
    const has = (file.view as Record<string, unknown> | undefined)?.[key];
    if (JSON.stringify(has) !== JSON.stringify(value)) {
      throw invalid(`QC file: the view does not say what the bytes say: view.${key} is ${JSON.stringify(has)}, the bytes say ${JSON.stringify(value)}`);
    }
  }
  if (compact(text) !== JSON.stringify(want)) throw invalid(`QC file: members are not spelled and ordered as schema ${schema} has them`);
  return qc;
}

/** compact removes the white space between the tokens of valid JSON. */
function compact(text: string): string {
  return text.replace(/("(?:[^"\\]|\\.)*")|[ \t\n\r]+/g, '$1');
}
