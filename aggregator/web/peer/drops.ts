/** What a tab drops, by cause: the names are those of its snapshot. */
export type Drop =
  | 'gossip_rejected' // messages that can never be valid
  | 'gossip_ignored' // messages without news, or of what this network file does not take
  | 'answers_invalid' // answers that break the protocol
  | 'items_invalid' // payments and votes in answers that did not verify or were not asked for
  | 'requests_failed'
  | 'requests_refused' // of other peers: too many, or malformed
  | 'catch_up_cut' // catch-ups that ended before the responder's end
  | 'lookups' // ids that a member's votes named, beyond its share of what is asked for
  | 'votes_for_unknown_payments'
  | 'payments_evicted';

/** Drops counts what is dropped. */
export class Drops {
  private readonly counts = new Map<Drop, number>();

  count(what: Drop, n = 1): void {
    if (n > 0) this.counts.set(what, (this.counts.get(what) ?? 0) + n);
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(this.counts);
  }
}
