import type { Connection } from '@libp2p/interface';
import { type Batch, equal, type Hex, idOf, type Network, type Tx } from '../verifier/index.ts';
import { type Board, stageOf } from './board.ts';
import type { Drops } from './drops.ts';
import { request } from './frame.ts';
import { Lookups } from './lookups.ts';
import type { Greeted, Roster } from './roster.ts';
import { decodeSyncResponse, encodeSyncRequest, maxSyncItems, maxSyncResponse, type SyncRequest, syncProtocol, type SyncResponse, syncTimeout } from './sync.ts';

const maxPages = 8; // of 256 items, that a catch-up takes: what a tab holds
const refreshEvery = 1_000; // ms

/** CatchUp asks peers for what gossip lost (section 3). */
export class CatchUp {
  private readonly network: Network;
  private readonly board: Board;
  private readonly roster: Roster;
  private readonly drops: Drops;
  private readonly life: AbortSignal;
  private readonly lookups: Lookups;
  private waiting = new Set<Hex>(); // uncertified at the last look

  /** forwarded reports whether neighbours forward payments to this tab. It works until life ends. */
  constructor(network: Network, board: Board, roster: Roster, drops: Drops, forwarded: () => boolean, life: AbortSignal) {
    this.network = network;
    this.board = board;
    this.roster = roster;
    this.drops = drops;
    this.life = life;
    this.lookups = new Lookups({
      board, drops, forwarded, peers: () => roster.all(), ask: (g, ids, signal) => this.ask(g, { kind: 'ids', ids }, signal),
      now: () => performance.now(), chance: Math.random,
    }, life);
    const refresh = setInterval(() => void this.askForVotes(), refreshEvery);
    life.addEventListener('abort', () => clearInterval(refresh));
  }

  /** from takes everything that a peer has, from its beginning to its end: after a hello, what was missed. */
  async from(g: Greeted): Promise<void> {
    let cursor: Uint8Array = new Uint8Array();
    for (let page = 0; page < maxPages; page++) {
      const r = await this.ask(g, { kind: 'since', cursor, limit: maxSyncItems, wait: 0 });
      if (!r?.more) return;
      cursor = r.next;
    }
    this.drops.count('catch_up_cut');
  }

  /** account asks all connected members, or everybody if there are none, for an account's latest payments. It returns how many answered. */
  async account(account: Hex): Promise<number> {
    return this.askAll({ kind: 'account', account, cursor: new Uint8Array(), limit: maxSyncItems });
  }

  /** lane asks the same peers for the payments of a lane from a slot on. */
  async lane(lane: Hex, fromSeq: bigint): Promise<number> {
    return this.askAll({ kind: 'lane', lane, fromSeq, limit: maxSyncItems });
  }

  /** want asks for payments that a member's votes named, if gossip does not bring them first. */
  want(b: Batch, ids: readonly Hex[]): void {
    this.lookups.want(b, ids);
  }

  /** askForVotes asks members for votes on payments that had no QC at the last look either. */
  private async askForVotes(): Promise<void> {
    const open = [...this.board.all()].filter((r) => !r.qc && stageOf(r) !== 'REJECTED' && !lost(r.hint)).map((r) => r.tx.id).slice(-maxSyncItems);
    const again = open.filter((id) => this.waiting.has(id));
    this.waiting = new Set(open);
    if (again.length > 0) await this.askAll({ kind: 'ids', ids: again });
  }

  private async askAll(q: SyncRequest): Promise<number> {
    const members = this.roster.members();
    const answers = await Promise.all((members.length > 0 ? members : this.roster.all()).map((g) => this.ask(g, q)));
    return answers.filter((a) => a !== null).length;
  }

  /** ask takes one answer to the board. It returns null, and counts, if there is none. After signal it is not waited for. */
  private async ask(g: Greeted, q: SyncRequest, signal = this.life): Promise<SyncResponse | null> {
    const data = await this.send(g.connection, q, signal);
    if (!data) return null;
    let r: SyncResponse;
    try {
      r = await decodeSyncResponse(data, q, { network: this.network, held: (raw) => this.held(raw), rest });
    } catch {
      this.drops.count('answers_invalid');
      return null;
    }
    this.drops.count('items_invalid', r.dropped);
    for (const item of r.items) {
      this.board.addTx(item.tx);
      for (const c of item.certificates) this.board.addCertificate(c);
      this.board.noteStage(item.tx.id, item.stage);
      const signer = this.network.committeeOf(item.tx.envelope.committeeId).members.findIndex((m) => m.key === g.member);
      // Refusals count as the word of the member that the peer has proved to be.
      if (signer >= 0) for (const reject of item.rejects) this.board.noteReject(item.tx.id, signer, reject);
    }
    return r;
  }

  /** held returns the payment of these bytes if its QC is held. */
  private held(rawTx: Uint8Array): Tx | null {
    const id = idOf(rawTx);
    const record = id && this.board.get(id);
    return record && record.qc && equal(record.tx.raw, rawTx) ? record.tx : null;
  }

  private async send(connection: Connection, q: SyncRequest, signal: AbortSignal): Promise<Uint8Array | null> {
    try {
      return await request(connection, { protocol: syncProtocol, payload: encodeSyncRequest(q), responseLimit: maxSyncResponse, timeout: syncTimeout }, signal);
    } catch {
      if (!signal.aborted) this.drops.count('requests_failed');
      return null;
    }
  }
}

const turn = 8; // ms of work between rests: half of a frame
let rested = 0;

/** rest lets the page draw, if this has not done so for a while. */
async function rest(): Promise<void> {
  if (performance.now() - rested < turn) return;
  await new Promise((resolve) => setTimeout(resolve));
  rested = performance.now();
}

/** lost reports whether a responder says that a payment is over without a QC here: then votes for it are not worth asking for. */
function lost(hint: string): boolean {
  return ['FINALIZED', 'REJECTED', 'EXPIRED', 'FAILED', 'CONFLICTED'].includes(hint);
}
