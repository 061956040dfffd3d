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
