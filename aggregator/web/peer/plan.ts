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

/** Payer is who pays, by what is known; now is the chain's time in seconds. */
export interface Payer {
  lane: Lane;
  known: Known;
  now: bigint;
}

/** Request is a payment to be planned. */
export interface Request extends Payer {
  to: Hex;
  amount: bigint;
  note: string; // its SHA-256 is in the payment; empty for none
}

/** Stages at which something else has used the slot of a payment. */
const displaced = ['FAILED', 'CONFLICTED'];

/** Stages of a payment that has expired and whose slot nothing has used. */
const unused = ['EXPIRED', 'REJECTED'];

const slack = 5n; // seconds by which clocks and blocks differ

/**
 * planPayment finds the next slot of a lane and the credits to cite, by the evidence of this
 * tab alone (sections 4.5 and 5), and returns the envelope to sign. It throws a Refusal that
 * says why no payment can be made now. A lane is restarted once all that is open in it has
 * expired and the validators say that it was not executed: only the chain can tell that a
 * slot was not used, and if they told it wrong, none of them votes.
 */
export function planPayment(n: Network, c: Committee, board: Board, q: Request): Envelope {
  const nonce = BigInt(q.known.nonce);
  const slots = slotsOf(board, c, q.lane);
  const { pending, restart } = standOf(slots, nonce, board.finalizedTime(c));
  const open = pending.filter((r) => !isFinal(r)).length;
  if (open >= maxDepth) throw unavailable(`${open} payments of the account are open: wait until some are on the chain`);
  const last = pending.at(-1) ?? null;
  const below = last ?? (nonce === 0n || restart !== null ? null : executedAt(slots, nonce - 1n));
  const parents = fund(board, pending, q, n.minSettle);
  let expiry = min(q.now + lifeOf(n), c.end);
  for (const id of new Set([...parents, ...pending.flatMap((r) => r.tx.envelope.parents)])) expiry = min(expiry, effectiveExpiry(board, id) ?? expiry);
  if (expiry < q.now + n.minSettle + slack) {
    throw unavailable(`a cited payment or the committee ends at chain time ${expiry}, too soon for another payment on top: wait until it is on the chain`);
  }
  const seq = nonce + BigInt(pending.length);
  return {
    chainId: n.chainId, committeeId: c.id, asset: q.lane.asset, sender: q.lane.sender, seq,
    prev: restart !== null ? q.lane.restart(seq, restart) : below ? below.tx.id : q.lane.genesis(), recipient: q.to, amount: q.amount, maxFee: n.maxFees[0]!, parents, validBefore: expiry,
    restart: restart ?? below?.tx.envelope.restart ?? 0n, note: noteHash(q.note),
  };
}

/**
 * spendableOf returns what the next payment of a lane can be at most: what is left of the
 * balance and the largest credits that one payment can cite. It throws a Refusal if none can
 * be made now.
 */
export function spendableOf(n: Network, c: Committee, board: Board, p: Payer): bigint {
  const { rest, spare } = fundsOf(board, standOf(slotsOf(board, c, p.lane), BigInt(p.known.nonce), board.finalizedTime(c)).pending, p, n.minSettle);
  return spare.slice(0, maxParents).reduce((sum, r) => sum + r.tx.envelope.amount, rest);
}

function slotsOf(board: Board, c: Committee, lane: Lane): Record[] {
  return board.lane(lane.id).filter((r) => r.committee.id === c.id);
}

function lifeOf(n: Network): bigint {
  const least = n.minSettle + slack;
  const longest = n.maxLife - slack;
  return min(n.defaultLife > least ? n.defaultLife : least, longest);
}

/** Stand is where a lane stands: the payments on which the next one does, and the time of a restart that comes first, if one does. */
interface Stand {
  pending: Record[];
  restart: bigint | null;
}

/** standOf finds the payments from slot nonce up, without a gap, at the newest generation; those that are final are of any. */
function standOf(slots: Record[], nonce: bigint, chainTime: bigint): Stand {
  const above = slots.filter((r) => r.tx.envelope.seq >= nonce);
  const generation = above.reduce((newest, r) => (r.tx.envelope.restart > newest ? r.tx.envelope.restart : newest), 0n);
  const open = above.filter((r) => !isFinal(r) && r.tx.envelope.restart === generation);
  const dead = open.some((r) => displaced.includes(r.hint) || r.hint === 'EXPIRED' || r.tx.envelope.validBefore <= chainTime);
  const pending: Record[] = [];
  for (let seq = nonce; ; seq++) {
    const final = above.find((r) => r.tx.envelope.seq === seq && isFinal(r));
    if (!final && dead) return { pending, restart: restartOf(open, chainTime) };
    const here = final ? [final] : open.filter((r) => r.tx.envelope.seq === seq);
    const certified = here.filter((r) => r.qc || isFinal(r));
    const at = certified.length > 0 ? certified : here;
    if (at.length === 0) {
      if (above.some((r) => r.tx.envelope.seq > seq)) throw unavailable(`the account's payment at slot ${seq} is not known here, though a later one is: ask a validator again, or pay with allegro pay`);
      return { pending, restart: null };
    }
    if (at.length > 1) throw new Refusal('EQUIVOCATION', `the account signed ${at.length} payments for slot ${seq}: nothing can be signed on top`);
    const r = at[0]!;
    if (stageOf(r) === 'REJECTED' && !isFinal(r)) throw unavailable(`the validators refused payment ${r.tx.id} below: the lane restarts when that expires at chain time ${r.tx.envelope.validBefore}`);
    pending.push(r);
  }
}

/** restartOf returns the time of the restart that voids a lane's open payments, of which one is dead. */
function restartOf(open: Record[], chainTime: bigint): bigint {
  const other = open.find((r) => displaced.includes(r.hint));
  if (other) throw unavailable(`something else used the slot of payment ${other.tx.id} on the chain, which this tab cannot read: read the account anew, or pay with allegro pay`);
  const last = open.reduce((latest, r) => (r.tx.envelope.validBefore > latest ? r.tx.envelope.validBefore : latest), 0n);
  if (last > chainTime) throw unavailable(`a payment of the account expired unexecuted: its lane restarts when the last one expires at chain time ${last}, it is ${chainTime}`);
  const untold = open.find((r) => !unused.includes(r.hint));
  if (untold) throw unavailable(`payment ${untold.tx.id} has expired, and no validator has said yet that it was not executed: wait for the next block`);
  return chainTime;
}

/** executedAt returns the payment that the chain has at a slot. */
function executedAt(slots: Record[], seq: bigint): Record {
  const here = slots.filter((r) => r.tx.envelope.seq === seq);
  const at = here.find(isFinal) ?? here.find((r) => r.qc);
  if (!at) throw unavailable(`the account's last payment, at slot ${seq}, is not known here: ask a validator again, or pay with allegro pay`);
  return at;
}

/**
 * fundsOf returns what is left of a balance with the credits that are cited already, and the
 * credits that can be cited besides, the largest first.
 */
function fundsOf(board: Board, pending: Record[], p: Payer, minSettle: bigint): { rest: bigint; spare: Record[] } {
  const height = BigInt(p.known.height);
  const counts = (r: Record | undefined) =>
    r?.qc && r.tx.envelope.recipient === p.lane.sender && r.tx.envelope.asset === p.lane.asset && r.openAt >= height ? r.tx.envelope.amount : 0n;
  const cited = new Set(pending.flatMap((r) => r.tx.envelope.parents));
  let rest = BigInt(p.known.confirmed);
  for (const r of pending) rest -= r.tx.envelope.amount;
  for (const id of cited) rest += counts(board.get(id));
  const spare = [...board.all()]
    .filter((r) => !cited.has(r.tx.id) && counts(r) > 0n && livesLong(effectiveExpiry(board, r.tx.id), p.now + minSettle + slack))
    .sort((a, b) => (a.tx.envelope.amount === b.tx.envelope.amount ? (a.tx.id < b.tx.id ? -1 : 1) : a.tx.envelope.amount > b.tx.envelope.amount ? -1 : 1));
  return { rest, spare };
}

/** fund returns the credits to cite, ascending: none if the rest covers the amount, else as few as do, the largest first. */
function fund(board: Board, pending: Record[], q: Request, minSettle: bigint): Hex[] {
  const { rest, spare } = fundsOf(board, pending, q, minSettle);
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
