// A payment for tests.
import type { PaymentView } from './view.ts';

export function payment(changed: Partial<PaymentView> = {}): PaymentView {
  return {
    id: '0x01', from: '0xa', to: '0xb', asset: '0x20', amount: 10_000_000n, parents: [], stage: null, votes: [], weight: 0, threshold: 2,
    total: 2, firstSeen: null, certifiedAt: null, heightAtQC: null, lead: null, includedAt: null, includedHeight: null, finalizedAt: null,
    waiting: [], evidence: null, document: null, tab: null, ...changed,
  };
}
