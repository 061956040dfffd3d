import { yamux } from '@chainsafe/libp2p-yamux';
import { type GossipSub, gossipsub, type GossipSubComponents } from '@libp2p/gossipsub';
import { createTopicScoreParams } from '@libp2p/gossipsub/score';
import { identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { createLibp2p, type Libp2pOptions } from 'libp2p';
import { type Network, sha256 } from '../verifier/index.ts';
import { version } from './hello.ts';

/** The libp2p host of a tab: it dials and never listens. */
export type Host = Libp2p<{ pubsub: Gossip }>;

/** Gossip is gossipsub with its mesh, which its interface leaves out. */
export type Gossip = GossipSub & { getMeshPeers(topic: string): string[] };

/** Transports are those that this program's surroundings have: a browser's, or a test's. */
export type Transports = NonNullable<Libp2pOptions['transports']>;

/** Kinds of topics, as their names end (section 3). */
export const kinds = ['tx', 'cert', 'head', 'evidence'] as const;
export type Kind = (typeof kinds)[number];

const messageIdLength = 20;
const maxGossipRPC = (256 << 10) + (4 << 10); // bytes
const seenFor = 120_000; // ms
const maxConnections = 64; // the committee, and some more
const behaviourThreshold = 64; // a neighbour that was killed and comes back, eight times at once
const behaviourDecay = 0.01 ** (1 / 60); // a second: a hundredth is left after a minute

/** messageId identifies a message by its topic and bytes: no author or number is on the wire. */
export function messageId(message: { topic: string; data: Uint8Array }): Uint8Array {
  const topic = new TextEncoder().encode(message.topic);
  const id = sha256.create().update(Uint8Array.of(topic.length)).update(topic).update(message.data).digest();
  return id.slice(0, messageIdLength);
}

/** createHost makes a host with a fresh identity. It dials nobody yet. */
export function createHost(n: Network, transports: Transports): Promise<Host> {
  const topics = n.committees.flatMap((c) => kinds.map((kind) => `${c.topicPrefix}/${kind}`));
  return createLibp2p({
    transports,
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Peers behind private addresses are peers: the network file or the page names them.
    connectionGater: { denyDialMultiaddr: () => false },
    connectionManager: { maxConnections, reconnectRetries: 0 },
    nodeInfo: { name: 'allegro', version, userAgent: `allegro/${version}/client` },
    services: { identify: identify(), pubsub: (components: GossipSubComponents) => gossip(topics)(components) as Gossip },
  });
}

function gossip(topics: string[]) {
  return gossipsub({
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: messageId,
    allowedTopics: topics,
    emitSelf: false,
    floodPublish: true,
    fallbackToFloodsub: false,
    doPX: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    seenTTL: seenFor,
    heartbeatInterval: 500,
    maxInboundDataLength: maxGossipRPC,
    // Penalties alone, as every peer counts them (section 3): for rejected messages, and for grafts and broken
    // promises beyond what restarts explain. What an honest small network does scores nothing.
    scoreParams: {
      IPColocationFactorWeight: 0,
      behaviourPenaltyWeight: -10, behaviourPenaltyThreshold: behaviourThreshold, behaviourPenaltyDecay: behaviourDecay, decayInterval: 1_000,
      topics: Object.fromEntries(topics.map((t) => [t, createTopicScoreParams({
        topicWeight: 1, invalidMessageDeliveriesWeight: t.endsWith('/cert') ? -500 : -20, invalidMessageDeliveriesDecay: 0.99,
        timeInMeshWeight: 0, firstMessageDeliveriesWeight: 0, meshMessageDeliveriesWeight: 0, meshFailurePenaltyWeight: 0,
      })])),
    },
    scoreThresholds: { gossipThreshold: -500, publishThreshold: -1000, graylistThreshold: -2500 },
  });
}
