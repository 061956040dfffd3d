import type { Batch, Hex, Network, Verdict } from '../verifier/index.ts';
import { invalid, splitPayments, verdictOf } from '../verifier/index.ts';
import type { Board } from './board.ts';
import type { Drops } from './drops.ts';
import type { Kind } from './host.ts';

/** What a gossip message of a committee's topic does: what is good goes to the board, once. */
export class Judge {
  private readonly network: Network;
  private readonly board: Board;
  private readonly drops: Drops;
  private readonly onUnknown: (b: Batch, ids: readonly Hex[]) => void;

  /** onUnknown is told of the payments that a member's votes name and that are not held. */
  constructor(network: Network, board: Board, drops: Drops, onUnknown: (b: Batch, ids: readonly Hex[]) => void) {
    this.network = network;
    this.board = board;
    this.drops = drops;
    this.onUnknown = onUnknown;
  }

  /** judge verifies a message before it is forwarded. A fault of this tab is nobody's: the message is ignored. */
  judge(committeeId: Hex, kind: Kind, data: Uint8Array): Verdict {
    let verdict: Verdict;
    try {
      verdict = this.take(committeeId, kind, data) ? 'accept' : 'ignore';
    } catch (error) {
      verdict = verdictOf(error);
    }
    if (verdict !== 'accept') this.drops.count(verdict === 'reject' ? 'gossip_rejected' : 'gossip_ignored');
    return verdict;
  }

  /** take reports whether a message says anything new. */
  private take(committeeId: Hex, kind: Kind, data: Uint8Array): boolean {
    switch (kind) {
      case 'tx':
        return this.takePayments(committeeId, data);
      case 'cert': {
        const batch = this.network.parseBatch(data);
        inTopic(committeeId, batch.committee.id);
        const { unknown, news } = this.board.addBatch(batch);
        this.onUnknown(batch, unknown);
        return news;
      }
      case 'head': {
        const head = this.network.parseHead(data);
        inTopic(committeeId, head.committee.id);
        return this.board.addHead(head);
      }
      case 'evidence': {
        const e = this.network.parseEvidence(data);
        inTopic(committeeId, e.a.envelope.committeeId);
        return this.board.addOffence(e.key);
      }
    }
  }

  /** The board gets none of a message's payments if one of them can never be valid. */
  private takePayments(committeeId: Hex, data: Uint8Array): boolean {
    const payments = splitPayments(data).flatMap((item) => {
      try {
        const p = this.network.parsePayment(item);
        inTopic(committeeId, p.tx.envelope.committeeId);
        return [p];
      } catch (error) {
        if (verdictOf(error) === 'reject') throw error;
        return [];
      }
    });
    let news = false;
    for (const p of payments) {
      for (const qc of p.parents) news = this.board.addQC(qc) || news;
      this.board.addTx(p.tx);
      news = this.board.noteGossiped(p.tx.id) || news;
    }
    return news;
  }
}

function inTopic(topic: Hex, of: Hex): void {
  if (topic !== of) throw invalid(`message of committee ${of} in a topic of ${topic}`);
}
