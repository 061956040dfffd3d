import { multiaddr } from '@multiformats/multiaddr';
import type { Committee, Network } from '../verifier/index.ts';
import { type Board, type Record as Held, stageOf } from './board.ts';
import type { Drops } from './drops.ts';
import type { Roster } from './roster.ts';

/** TabVote is a member's vote that this tab verified; seenAt is of performance.now, as all moments here. */
export interface TabVote {
  signer: number;
  name: string;
  seenAt: number;
}

/** TabPayment is a payment as this tab verified it. Amounts and weights are exact integers. */
export interface TabPayment {
  txId: string;
  from: string;
  to: string;
  asset: string;
  amount: bigint;
  parents: string[];
  /** '' before a vote, ACCEPTED, CERTIFIED or REJECTED: a tab has no chain. */
  stage: string;
  votes: TabVote[];
  weight: number;
  threshold: number;
  certified: boolean;
  certifiedAt: number | null;
  firstSeenAt: number;
  rejects: { name: string; code: string; text: string }[];
}

/** TabHead is a member's newest view of the chain, which the member signed. */
export interface TabHead {
  name: string;
  height: bigint;
  finalizedHeight: bigint;
  time: bigint; // chain seconds
  seenAt: number;
}

/** TabSnapshot is what a tab knows at one moment. */
export interface TabSnapshot {
  peerId: string;
  /** ready: members that weigh a quorum are connected and have proved their keys. */
  state: 'joining' | 'ready' | 'closed';
  connections: { peerId: string; name: string | null; transport: string; address: string; ready: boolean }[];
  /** Peers in the mesh of each kind of topic: tx, cert, head, evidence. */
  mesh: Record<string, number>;
  /** The latest change first. */
  payments: TabPayment[];
  heads: TabHead[];
  /** What was dropped, by cause: see Drop. */
  dropped: Record<string, number>;
  problems: string[];
}

/** TabPeer is a browser tab that is a peer of the network. */
export interface TabPeer {
  /** snapshot describes what is known now. */
  snapshot(): TabSnapshot;
  /** subscribe calls onChange after changes, at most once per turn of the event loop; the function returned ends that. */
  subscribe(onChange: () => void): () => void;
  /**
   * pay plans, signs and sends a payment with nobody's help but the validators', and returns
   * its tx id once it is journaled and on its way. Amounts are token units, of a note the
   * payment has the SHA-256, an empty one is none. It throws a
   * Refusal that says why nothing was signed.
   */
  pay(order: { key: Uint8Array; to: string; asset: string; amount: bigint; note: string }): Promise<string>;
  /**
   * spendable is what the next payment of an account can be at most by what this tab knows,
   * in token units; null if the account's balance was never told, or none can be made now.
   */
  spendable(account: string, asset: string): bigint | null;
  /** qcFile is the QC of a payment as a file's text, as allegro qc get writes it; null if this tab has none. */
  qcFile(id: string): string | null;
  /** sync asks the connected members for an account's payments. It throws if nobody answers. */
  sync(account: string): Promise<void>;
  /** close leaves the network. */
  close(): Promise<void>;
}

/** Parts are what a snapshot is made of. */
export interface Parts {
  network: Network;
  committee: Committee;
  board: Board;
  roster: Roster;
  drops: Drops;
  peerId: string;
  mesh: Record<string, number>;
  closed: boolean;
}

/** describe makes a snapshot. */
export function describe(p: Parts): TabSnapshot {
  const { network, committee } = p;
  const proven = p.roster.members().map((g) => committee.members.findIndex((m) => m.key === g.member)).filter((i) => i >= 0);
  return {
    peerId: p.peerId,
    state: p.closed ? 'closed' : committee.weightOf(proven) >= committee.quorum ? 'ready' : 'joining',
    connections: p.roster.connections().map(({ peerId, address, greeted }) => ({
      peerId, name: greeted?.member ? network.nameOfKey(greeted.member) : null, transport: transportOf(address), address, ready: greeted !== null,
    })),
    mesh: p.mesh,
    payments: [...p.board.all()].reverse().map((r) => describePayment(network, r)),
    heads: p.board.headsOf(committee).map(({ head, seenAt }) => ({
      name: network.memberName(committee, head.signer), height: head.height, finalizedHeight: head.finalizedHeight, time: head.time, seenAt,
    })),
    dropped: p.drops.snapshot(),
    problems: p.roster.told(),
  };
}

function describePayment(network: Network, r: Held): TabPayment {
  const e = r.tx.envelope;
  const name = (signer: number) => network.memberName(r.committee, signer);
  return {
    txId: r.tx.id, from: e.sender, to: e.recipient, asset: e.asset, amount: e.amount, parents: [...e.parents], stage: stageOf(r),
    votes: [...r.votes].map(([signer, v]) => ({ signer, name: name(signer), seenAt: v.seenAt })).sort((a, b) => a.seenAt - b.seenAt),
    weight: Number(r.committee.weightOf(r.votes.keys())), threshold: Number(r.committee.quorum),
    certified: r.qc !== null, certifiedAt: r.certifiedAt, firstSeenAt: r.firstSeenAt,
    rejects: [...r.rejects].map(([signer, { code, text }]) => ({ name: name(signer), code, text })),
  };
}

/** transportOf names the transport of an address as peers do: ws, webrtc-direct, else its last protocol. */
function transportOf(address: string): string {
  const names = multiaddr(address).getComponents().map((c) => c.name);
  return ['webrtc-direct', 'ws', 'wss'].find((t) => names.includes(t)) ?? names.findLast((n) => n !== 'p2p' && n !== 'certhash') ?? '';
}
