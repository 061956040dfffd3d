/**
 * A browser tab as a peer of an Allegro network: it gossips, gathers the validators' votes,
 * verifies them itself (../verifier) and pays, with no server. Loaded lazily.
 */
import { webRTCDirect } from '@libp2p/webrtc';
import { webSockets } from '@libp2p/websockets';
import type { NetworkJSON } from '../verifier/index.ts';
import type { TabPeer } from './snapshot.ts';
import { type Options, Tab } from './tab.ts';

export type { NetworkJSON } from '../verifier/index.ts';
export { addressesOf, browserAddresses, type PeerAddresses } from './addresses.ts';
export type { Known } from './plan.ts';
export type { TabHead, TabPayment, TabPeer, TabSnapshot, TabVote } from './snapshot.ts';
export type { Options } from './tab.ts';

/** join makes this tab a peer. It returns as soon as it dials: its snapshot says how far it has come. It throws if the network file is none. */
export function join(network: NetworkJSON, options: Options = {}): Promise<TabPeer> {
  return Tab.start(network, [webRTCDirect(), webSockets()], options);
}
