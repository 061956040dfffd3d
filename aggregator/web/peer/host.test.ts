import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScorePenalty } from '@libp2p/gossipsub/metrics';
import type { PeerScore } from '@libp2p/gossipsub/score';
import { webSockets } from '@libp2p/websockets';
import { createHost } from './host.ts';
import { World } from './world.ts';

test('a neighbour that was killed eight times at once is listened to, one that floods grafts is not, until a minute later', async (t) => {
  const host = await createHost(new World(2).network, [webSockets()]);
  t.after(() => host.stop());
  const { score } = host.services.pubsub as unknown as { score: PeerScore }; // which its interface leaves out
  const scoreOf = (id: string, grafts: number, seconds: number) => {
    score.addPeer(id);
    score.addPenalty(id, grafts, ScorePenalty.GraftBackoff);
    for (let i = 0; i < seconds; i++) score.refreshScores();
    return score.score(id);
  };
  assert.equal(scoreOf('killed', 8 * 4 * 2, 0), 0, 'each graft, one in each topic, counts twice');
  assert.ok(scoreOf('flooding', 80, 0) < -2500);
  assert.equal(scoreOf('flooded', 6_000, 60), 0);
});
