import { type Committee, type Envelope, type Hex, type Lane, maxDepth, maxParents, type Network, noteHash, Refusal } from '../verifier/index.ts';
import { type Board, isFinal, type Record, stageOf } from './board.ts';

/**
 * Known is what somebody with a chain node said of an account at a final block: decimal
 * strings, the balance in token units and the lane's next slot. It is trusted for planning
 * alone: validators look themselves, and what they refuse costs time, never money.
 */
export interface Known {
  confirmed: string;
  nonce: string;
  height: string;
}

/** Request is a payment to be planned; now is the chain's time in seconds. */
export interface Request {
  lane: Lane;
  to: Hex;
  amount: bigint;
  note: string; // its SHA-256 is in the payment; empty for none
  known: Known;
  now: bigint;
}

/** Stages at which the slot of a payment is not the payment's. */
const voided = ['EXPIRED', 'FAILED', 'CONFLICTED'];

const slack = 5n; // seconds by which clocks and blocks differ

/**
 * planPayment finds the next slot of a lane and the credits to cite, by the evidence of this
 * tab alone (sections 4.5 and 5), and returns the envelope to sign. It throws a Refusal that
 * says why no payment can be made now. A lane whose payments expired needs a wallet with a
 * chain node: only the chain can tell that a slot was not used.
 */
export function planPayment(n: Network, c: Committee, board: Board, q: Request): Envelope {
  const nonce = BigInt(q.known.nonce);
  const slots = board.lane(q.lane.id).filter((r) => r.committee.id === c.id);
  const pending = pendingOf(slots, nonce, board.finalizedTime(c));
  if (pending.length >= maxDepth) throw unavailable(`${pending.length} payments of the account are open: wait until some are on the chain`);
  const last = pending.at(-1) ?? null;
  const below = last ?? (nonce === 0n ? null : executedAt(slots, nonce - 1n));
  const parents = fund(board, pending, q, n.minSettle);
  let expiry = min(q.now + lifeOf(n), c.end);
  for (const id of new Set([...parents, ...pending.flatMap((r) => r.tx.envelope.parents)])) expiry = min(expiry, effectiveExpiry(board, id) ?? expiry);
  if (expiry < q.now + n.minSettle + slack) {
    throw unavailable(`a cited payment or the committee ends at chain time ${expiry}, too soon for another payment on top: wait until it is on the chain`);
  }
  return {
    chainId: n.chainId, committeeId: c.id, asset: q.lane.asset, sender: q.lane.sender, seq: nonce + BigInt(pending.length),
    prev: below ? below.tx.id : q.lane.genesis(), recipient: q.to, amount: q.amount, maxFee: n.maxFees[0]!, parents, validBefore: expiry,
    restart: below ? below.tx.envelope.restart : 0n, note: noteHash(q.note),
  };
}

function lifeOf(n: Network): bigint {
  const least = n.minSettle + slack;
  const longest = n.maxLife - slack;
  return min(n.defaultLife > least ? n.defaultLife : least, longest);
}

/** pendingOf returns the payments from slot nonce up, without a gap, on which the next one stands. */
function pendingOf(slots: Record[], nonce: bigint, chainTime: bigint): Record[] {
  const pending: Record[] = [];
  for (let seq = nonce; ; seq++) {
    const here = slots.filter((r) => r.tx.envelope.seq === seq);
    const certified = here.filter((r) => r.qc || isFinal(r));
    const at = certified.length > 0 ? certified : here;
    if (at.length === 0) return pending;
    if (at.length > 1) throw new Refusal('EQUIVOCATION', `the account signed ${at.length} payments for slot ${seq}: nothing can be signed on top`);
    const r = at[0]!;
    if (stageOf(r) === 'REJECTED') throw unavailable(`the validators refused payment ${r.tx.id} below: the lane restarts when that expires at chain time ${r.tx.envelope.validBefore}`);
    if (voided.includes(r.hint) || !isFinal(r) && r.tx.envelope.validBefore <= chainTime) {
      throw unavailable(`payment ${r.tx.id} below has expired or failed, and this tab has no chain to see what took its slot: read the account anew, or pay with allegro pay`);
    }
    pending.push(r);
  }
}

/** executedAt returns the payment that the chain has at a slot. */
function executedAt(slots: Record[], seq: bigint): Record {
  const here = slots.filter((r) => r.tx.envelope.seq === seq);
  const at = here.find(isFinal) ?? here.find((r) => r.qc);
  if (!at) throw unavailable(`the account's last payment, at slot ${seq}, is not known here: ask a validator again, or pay with allegro pay`);
  return at;
}

/** fund returns the credits to cite, ascending: none if the rest covers the amount, else as few as do, the largest first. */
function fund(board: Board, pending: Record[], q: Request, minSettle: bigint): Hex[] {
  const height = BigInt(q.known.height);
  const counts = (r: Record | undefined) =>
    r?.qc && r.tx.envelope.recipient === q.lane.sender && r.tx.envelope.asset === q.lane.asset && r.openAt >= height ? r.tx.envelope.amount : 0n;
  const cited = new Set(pending.flatMap((r) => r.tx.envelope.parents));
  let rest = BigInt(q.known.confirmed);
  for (const r of pending) rest -= r.tx.envelope.amount;
  for (const id of cited) rest += counts(board.get(id));
  const spare = [...board.all()]
    .filter((r) => !cited.has(r.tx.id) && counts(r) > 0n && livesLong(effectiveExpiry(board, r.tx.id), q.now + minSettle + slack))
    .sort((a, b) => (a.tx.envelope.amount === b.tx.envelope.amount ? (a.tx.id < b.tx.id ? -1 : 1) : a.tx.envelope.amount > b.tx.envelope.amount ? -1 : 1));
  const parents: Hex[] = [];
  let have = rest;
  for (const r of spare) {
    if (have >= q.amount || parents.length === maxParents) break;
    parents.push(r.tx.id);
    have += r.tx.envelope.amount;
  }
  if (have < q.amount) throw new Refusal('INSUFFICIENT_FUNDS', `${have} units are spendable by what this tab knows, the payment needs ${q.amount}`);
  return parents.sort();
}

/** livesLong reports whether an effective expiry is not before a time; a final payment has none. */
function livesLong(expiry: bigint | null, until: bigint): boolean {
  return expiry === null || expiry >= until;
}

/** effectiveExpiry is the least valid_before of a payment and those below it that are not final; null if there are none. */
function effectiveExpiry(board: Board, id: Hex): bigint | null {
  let expiry: bigint | null = null;
  for (let r = board.get(id); r && !isFinal(r); r = board.get(r.tx.envelope.prev)) {
    expiry = expiry === null ? r.tx.envelope.validBefore : min(expiry, r.tx.envelope.validBefore);
  }
  return expiry;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function unavailable(text: string): Refusal {
  return new Refusal('TEMPORARY_UNAVAILABLE', text);
}
