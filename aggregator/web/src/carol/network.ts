// What a network file says, in place of the aggregator's answers.
import type { Committee } from '../api/documents.ts';
import { Network, type NetworkJSON } from '../../verifier/index.ts';
import { addressesOf, browserAddresses, type PeerAddresses } from '../../peer/addresses.ts';
import { committee, dialable, network } from '../state/store.ts';

/** Where a tab may reach the validators of a network file, by the file and by what peers say of themselves. */
export function addressesFor(file: NetworkJSON, peers: readonly PeerAddresses[]): string[] {
  return [...new Set([...browserAddresses(peers), ...addressesOf(file)])];
}

/** Makes the page that of a network, whose validators are at some addresses. */
export function openNetwork(file: NetworkJSON, addresses: readonly string[]): void {
  const checked = new Network(file);
  dialable.value = addresses;
  committee.value = committeeOf(checked, file);
  network.value = { ...file, digest: checked.digest, demo: false, role: '', peer_id: '' };
}

/** The committee in office as a document. Whom this tab reaches is not in it. */
function committeeOf(n: Network, file: NetworkJSON): Committee {
  const c = n.committeeAt(BigInt(Math.floor(Date.now() / 1000)));
  const members = new Map(file.committee.flatMap((f) => f.member.map((m) => [m.key.toLowerCase(), m])));
  return {
    schema: 'allegro.committee/v1', id: c.id, epoch: String(c.epoch), start: String(c.start), end: String(c.end), threshold: Number(c.quorum), total: Number(c.total),
    members: c.members.map((m, index) => ({
      index, name: n.memberName(c, index), key: m.key, weight: Number(m.weight), sponsor: members.get(m.key)?.sponsor ?? '', addresses: members.get(m.key)?.addresses ?? [],
      reached: null, peer_id: null, problem: null, head: null,
    })),
  };
}
