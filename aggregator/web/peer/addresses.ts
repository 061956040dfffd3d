import type { NetworkJSON } from '../verifier/index.ts';

/** PeerAddresses is a peer with its addresses, as /p2p/self and /p2p/peers tell them: those of others lack /p2p/. */
export interface PeerAddresses {
  peer_id: string;
  addresses: string[];
}

/** Transports that a browser can dial. */
const dialable = /\/(ws|wss|webrtc-direct)(\/|$)/;

/** browserAddresses returns the multiaddrs at which a browser reaches peers, each ending in /p2p/ and its id. */
export function browserAddresses(peers: Iterable<PeerAddresses>): string[] {
  const out = new Set<string>();
  for (const p of peers) {
    for (const a of p.addresses) if (dialable.test(a)) out.add(a.includes('/p2p/') ? a : `${a}/p2p/${p.peer_id}`);
  }
  return [...out];
}

/** A TCP port that speaks libp2p, on which a peer with p2p.browser = true speaks WebSocket too. */
const tcp = /^(\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+)(\/p2p\/[^/]+)$/;

/**
 * addressesOf returns the multiaddrs of a network file at which a browser may reach the
 * validators: those that it can dial, and WebSocket on the ports of TCP addresses, where
 * validators with p2p.browser = true listen for it.
 */
export function addressesOf(network: NetworkJSON): string[] {
  const out = new Set<string>();
  for (const a of network.committee.flatMap((c) => c.member.flatMap((m) => m.addresses ?? []))) {
    if (dialable.test(a)) out.add(a);
    const [, at, peer] = tcp.exec(a) ?? [];
    if (at && peer) out.add(`${at}/ws${peer}`);
  }
  return [...out];
}
