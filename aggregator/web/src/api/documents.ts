// The JSON documents of the aggregator, with its names. Integers that may exceed 2^31
// are decimal strings, times are Unix microseconds on the aggregator's clock.
import type { NetworkJSON as NetworkFile } from '../../verifier/index.ts';

export type Stage =
  | 'ACCEPTED'
  | 'CERTIFIED'
  | 'QUEUED_ONCHAIN'
  | 'INCLUDED'
  | 'FINALIZED'
  | 'REJECTED'
  | 'EXPIRED'
  | 'FAILED'
  | 'CONFLICTED';

export interface Vote {
  validator: string;
  index: number;
  weight: number;
  seen_unix_micros: string | null;
}

export interface WaitingFor {
  validator: string;
  code: string | null;
  problem: string | null;
}

export interface TimelineEvent {
  event: string;
  unix_micros: string | null;
  height: string | null;
  validator: string | null;
}

export interface StageEvidence {
  cause: string;
  /** It used the slot or, if none has, is the finalized one at which that was read. */
  block: string;
  block_hash: string;
  block_time: string;
  chain_tx_hash: string | null;
  outflow_tx_hash: string | null;
  parent: string | null;
}

export interface Payment {
  schema: string;
  tx_id: string;
  from: string;
  to: string;
  asset: string;
  symbol: string | null;
  decimals: number | null;
  amount: string;
  seq: string;
  parents: string[];
  valid_before: string;
  restart: string;
  note: string | null;
  committee_id: string;
  raw: string;
  stage: Stage | null;
  guarantee: string;
  why: string;
  first_seen_unix_micros: string | null;
  certified_unix_micros: string | null;
  latency_micros: string | null;
  height_at_qc: string | null;
  lead_micros: string | null;
  queued_unix_micros: string | null;
  included_unix_micros: string | null;
  included_height: string | null;
  finalized_unix_micros: string | null;
  chain_tx_hash: string | null;
  votes: Vote[];
  weight: number;
  threshold: number;
  total: number;
  signers: string[];
  waiting: WaitingFor[];
  timeline?: TimelineEvent[];
  stage_evidence: StageEvidence | null;
}

export interface PaymentPage {
  schema: string;
  payments: Payment[];
  next_cursor: string | null;
}

/** A block, as the aggregator saw it. */
export interface Head {
  height: string;
  hash: string;
  /** The block's own time, chain seconds. */
  time: string;
  seen_unix_micros: string;
}

export interface ChainHead {
  block_height: number;
  block_hash: string;
  unix_millis: number;
  observed_unix_micros: string | null;
  next_block_eta_ms: number | null;
  source: string;
}

export interface ValidatorHead {
  validator: string;
  height: string;
  finalized_height: string;
  time: string;
}

/** The network file, and what this aggregator adds to it. */
export type NetworkJSON = NetworkFile & {
  digest: string;
  demo: boolean;
  role: string;
  /** Empty on a page that has no aggregator. */
  peer_id: string;
};

export interface Member {
  index: number;
  name: string;
  key: string;
  weight: number;
  sponsor: string;
  addresses: string[];
  reached: boolean | null;
  peer_id: string | null;
  problem: string | null;
  head: ValidatorHead | null;
}

export interface Committee {
  schema: string;
  id: string;
  epoch: string;
  start: string;
  end: string;
  members: Member[];
  threshold: number;
  total: number;
}

export interface Balance {
  asset: string;
  symbol: string;
  decimals: number;
  confirmed: string;
  certified_in: string;
  certified_out: string;
  spendable: string;
  height: string;
  nonce: string;
}

export interface Account {
  schema: string;
  account: string;
  balances: Balance[];
}

export interface Peer {
  peer_id: string;
  name: string | null;
  state: string;
  role: string | null;
  version: string | null;
  direction: string | null;
  transport: string | null;
  address: string | null;
  addresses: string[];
  since_unix_micros: string | null;
  latency_micros: string | null;
  score: number;
  problem: string | null;
}

export interface Topic {
  name: string;
  kind: string;
  committee: string;
  peers: { peer_id: string; name: string | null }[];
  mesh: { peer_id: string; name: string | null }[];
}

export interface DemoAccount {
  name: string;
  address: string;
  private_key: string;
}

export interface Prepared {
  tx_id: string;
  envelope: string;
  envelope_fields: Record<string, unknown>;
  signing_hash: string;
  transaction: string;
  explain: string;
}

export interface Reject {
  validator: string;
  code: string;
  message: string;
}

export interface Submitted {
  tx_hash: string;
  tx_id: string;
  stage: string;
  cert_count: number;
  qc_formed: boolean;
  threshold: number;
  rejects: Reject[];
}
