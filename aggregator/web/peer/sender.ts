import type { Hex, Network } from '../verifier/index.ts';
import { type Board, stageOf } from './board.ts';
import type { Drops } from './drops.ts';
import { request } from './frame.ts';
import type { Journal } from './journal.ts';
import type { Greeted, Roster } from './roster.ts';
import { decodeSubmitResults, encodePayments, maxSubmitResponse, type Outgoing, submitProtocol, submitTimeout } from './submit.ts';

const resubmitEvery = 1_000; // ms

/**
 * Sender hands own payments to every connected member until a quorum has voted or the
 * payment is over: at once, when a member connects, and again every second (section 5).
 */
export class Sender {
  private readonly network: Network;
  private readonly board: Board;
  private readonly roster: Roster;
  private readonly journal: Journal;
  private readonly drops: Drops;
  private readonly life: AbortSignal;
  private readonly open = new Map<Hex, Outgoing>();
  private readonly under = new Set<string>(); // submits under way, by payment and member
  private readonly final = new Set<string>(); // refused for good, the same

  /** It works until life ends. */
  constructor(network: Network, board: Board, roster: Roster, journal: Journal, drops: Drops, life: AbortSignal) {
    this.network = network;
    this.board = board;
    this.roster = roster;
    this.journal = journal;
    this.drops = drops;
    this.life = life;
    const timer = setInterval(() => this.send(), resubmitEvery);
    life.addEventListener('abort', () => clearInterval(timer));
  }

  /** add takes on a payment that is in the journal and on the board. */
  add(p: Outgoing): void {
    this.open.set(p.tx.id, p);
    this.send();
  }

  /** send submits what is open to the members that have not answered. */
  send(): void {
    for (const p of this.open.values()) {
      const record = this.board.get(p.tx.id);
      const expired = record && p.tx.envelope.validBefore <= this.board.finalizedTime(record.committee);
      if (!record || record.qc || expired || stageOf(record) === 'REJECTED') {
        this.finish(p.tx.id);
        continue;
      }
      for (const g of this.roster.members()) {
        const signer = record.committee.members.findIndex((m) => m.key === g.member);
        const id = `${p.tx.id}/${g.member}`;
        if (signer < 0 || record.votes.has(signer) || this.under.has(id) || this.final.has(id)) continue;
        this.under.add(id);
        void this.submit(g, signer, p, id).finally(() => this.under.delete(id));
      }
    }
  }

  private finish(id: Hex): void {
    this.open.delete(id);
    this.journal.remove(id);
    this.board.unpin(id);
    for (const key of this.final) if (key.startsWith(id)) this.final.delete(key);
  }

  private async submit(g: Greeted, signer: number, p: Outgoing, id: string): Promise<void> {
    let data: Uint8Array;
    try {
      data = await request(g.connection, { protocol: submitProtocol, payload: encodePayments([p]), responseLimit: maxSubmitResponse, timeout: submitTimeout }, this.life);
    } catch {
      this.drops.count('requests_failed');
      return;
    }
    try {
      const [result] = decodeSubmitResults(data, this.network, [p]);
      if (result?.certificate) this.board.addCertificate(result.certificate);
      else if (result?.reject) {
        this.board.noteReject(p.tx.id, signer, result.reject);
        if (!result.reject.retryable) this.final.add(id);
      }
    } catch {
      this.drops.count('answers_invalid');
    }
  }
}
