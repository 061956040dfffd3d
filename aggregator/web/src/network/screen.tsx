// The network: validators, the aggregator's peers, the mesh, and this tab as one of them.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import * as api from '../api/client.ts';
import type { Member, Peer, Topic } from '../api/documents.ts';
import { ago, duration } from '../format.ts';
import { Card, Fact, Facts, Hash, Notice, Scroll, Title } from '../shell/parts.tsx';
import { now } from '../shell/ticker.ts';
import { joining, joinNetwork, leaveNetwork } from '../state/peer.ts';
import { committee, link, network, tab, trustTab, validatorHeads } from '../state/store.ts';
import { Drawing } from './drawing.tsx';
import { peersChanged } from './changes.ts';

/** Peers and topics are asked for anew at least this often while the screen is shown. */
const REFRESH_MS = 5000;

export function NetworkScreen() {
  const peers = useSignal<Peer[] | null>(null);
  const topics = useSignal<Topic[]>([]);
  const changes = peersChanged.value;
  const live = link.value === 'live';
  useEffect(() => {
    if (!live) return undefined;
    let gone = false;
    const ask = async () => {
      try {
        const [p, t] = await Promise.all([api.peers(), api.topics()]);
        if (!gone) [peers.value, topics.value] = [p, t];
      } catch {
        // The bar at the top says that the aggregator is silent; what it told last stays.
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), REFRESH_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [live, changes]);
  return (
    <>
      <Title>Network</Title>
      <ThisTab />
      <Card title="Who is connected to whom"><Drawing peers={peers.value ?? []} /></Card>
      <Validators />
      {link.value !== 'none' && <><OfAggregator peers={peers.value} topics={topics.value} /><Download /></>}
    </>
  );
}

/** The aggregator's own connections and mesh. */
function OfAggregator({ peers, topics }: { peers: Peer[] | null; topics: Topic[] }) {
  return (
    <>
      <Card title="Peers of the aggregator" aside={<span class="count">{peers ? `${connected(peers).length} connected` : ''}</span>}>
        {peers === null ? <p class="empty">{link.value === 'live' ? 'Asking the aggregator …' : 'The aggregator does not answer.'}</p>
          : connected(peers).length === 0 ? <Notice tone="open" title="No peer is connected."><p>The aggregator hears nothing: look at its addresses and at the network file.</p></Notice>
            : <PeerTable peers={connected(peers)} />}
      </Card>
      <Card title="Mesh of the aggregator">
        {topics.length === 0 ? <p class="empty">No topic is joined.</p> : (
          <table class="plain">
            <thead><tr><th scope="col">Topic</th><th scope="col">Subscribers</th><th scope="col">In the mesh</th></tr></thead>
            <tbody>{topics.map((t) => <tr key={t.name}><th scope="row">{t.kind}</th><td>{t.peers.length}</td><td>{t.mesh.length === 0 ? 'none' : t.mesh.map((p) => p.name ?? p.peer_id.slice(-5)).join(', ')}</td></tr>)}</tbody>
          </table>
        )}
      </Card>
    </>
  );
}

function Download() {
  return (
    <Card title="Without an aggregator">
      <p>This page is also one file that needs no server: opened from a disk, it joins the network by its network file, checks everything itself and pays.</p>
      <p><a href="./carol.html" download="carol.html">Download carol.html</a></p>
    </Card>
  );
}

const connected = (peers: Peer[]) => peers.filter((p) => p.address !== null);

function ThisTab() {
  const state = joining.value;
  const picture = tab.value;
  const cut = api.cut.value;
  return (
    <Card title="This tab">
      {picture && state.state === 'joined' ? (
        <>
          <Facts>
            <Fact name="Peer id"><Hash value={picture.peerId} label="peer id of this tab" /></Fact>
            <Fact name="State">{picture.state === 'ready' ? 'ready: it reaches a quorum by itself' : picture.state === 'joining' ? 'joining: connecting to the validators' : 'closed'}</Fact>
            <Fact name="Connected to">{picture.connections.length === 0 ? 'nobody yet' : picture.connections.map((c) => `${c.name ?? c.peerId.slice(-5)} by ${c.transport}${c.ready ? '' : ' (greeting)'}`).join(', ')}</Fact>
            <Fact name="Mesh">{Object.entries(picture.mesh).map(([kind, n]) => `${kind} ${n}`).join(' · ') || 'none yet'}</Fact>
            <Fact name="Checked here">{picture.payments.filter((p) => p.certified).length} of {picture.payments.length} payments certified</Fact>
            <Fact name="Dropped">{Object.entries(picture.dropped).filter(([, n]) => n > 0).map(([why, n]) => `${why} ${n}`).join(' · ') || 'nothing'}</Fact>
          </Facts>
          {picture.problems.map((p) => <Notice key={p} tone="open" title={p} />)}
          <div class="actions">
            {link.value !== 'none' && (
              <>
                <label class="switch"><input type="checkbox" checked={trustTab.value} onChange={(e) => { trustTab.value = e.currentTarget.checked; }} /> Show only what this tab checked itself</label>
                <label class="switch"><input type="checkbox" checked={cut} onChange={(e) => { api.cut.value = e.currentTarget.checked; }} /> Cut this page off from its aggregator</label>
              </>
            )}
            <button type="button" class="quiet" onClick={() => void leaveNetwork()}>Leave the network</button>
          </div>
          {link.value !== 'none' && <p class="hint">Cut off, the page hears nothing of the aggregator any more. Heights, votes and certificates then come from the validators over this tab’s own connections, and Pay still works. Stopping the aggregator’s process does the same.</p>}
        </>
      ) : (
        <>
          <p>A tab can be a peer: it then hears payments and votes from the validators themselves, checks every signature, and needs no aggregator for a payment.</p>
          {state.state === 'failed' && <Notice tone="bad" title="This tab could not join."><p>{state.problem}</p></Notice>}
          <p><button type="button" onClick={() => void joinNetwork()} disabled={network.value === null || state.state === 'loading' || state.state === 'joining'}>{state.state === 'loading' ? 'Loading …' : state.state === 'joining' ? 'Joining …' : 'Make this tab a peer'}</button></p>
          {cut && link.value !== 'none' && <label class="switch"><input type="checkbox" checked onChange={() => { api.cut.value = false; }} /> Cut this page off from its aggregator</label>}
        </>
      )}
    </Card>
  );
}

function Validators() {
  const c = committee.value;
  if (!c) return null;
  const mine = new Set(tab.value?.connections.filter((p) => p.ready).map((p) => p.name));
  const live = link.value === 'live';
  const isReached = (m: Member) => (live ? m.reached === true : mine.has(m.name)); // by whoever speaks: the aggregator, else this tab
  const reached = c.members.filter(isReached).reduce((sum, m) => sum + m.weight, 0);
  return (
    <Card title="Validators" aside={<span class="count">epoch {c.epoch}, {c.threshold} of {c.total} needed</span>}>
      {live && reached < c.threshold && <Notice tone="bad" title="No quorum can be reached."><p>The aggregator reaches weight {reached}, {c.threshold} is needed: no payment certifies until more validators are back.</p></Notice>}
      <Scroll label="Table of the validators"><table class="plain">
        <thead><tr><th scope="col">Name</th><th scope="col">Weight</th><th scope="col">Reached</th><th scope="col">Height</th><th scope="col">Final</th><th scope="col">Key</th></tr></thead>
        <tbody>
          {c.members.map((m) => {
            const head = validatorHeads.value.get(m.name) ?? m.head;
            return (
              <tr key={m.name}>
                <th scope="row">{m.name}</th><td>{m.weight}</td>
                <td>{isReached(m) ? <span class="certified-text">● yes</span> : <span class="open-text">○ {(live ? m.problem : null) ?? 'not yet'}</span>}</td>
                <td>{head?.height ?? '–'}</td><td>{head?.finalized_height ?? '–'}</td><td><Hash value={m.key} label={`vote key of ${m.name}`} /></td>
              </tr>
            );
          })}
        </tbody>
      </table></Scroll>
    </Card>
  );
}

function PeerTable({ peers }: { peers: Peer[] }) {
  return (
    <Scroll label="Table of the aggregator's peers">
      <table class="plain">
        <thead><tr><th scope="col">Peer</th><th scope="col">Role</th><th scope="col">State</th><th scope="col">Transport</th><th scope="col">Latency</th><th scope="col">Since</th><th scope="col">Score</th></tr></thead>
        <tbody>
          {peers.map((p) => (
            <tr key={p.peer_id}>
              <th scope="row">{p.peer_id === tab.value?.peerId ? 'this tab' : p.name ?? ''} <Hash value={p.peer_id} label="peer id" /></th>
              <td>{p.role ?? '–'}</td><td>{p.problem ? <span class="open-text">{p.problem}</span> : p.state}</td><td>{p.transport ?? '–'} {p.direction ?? ''}</td>
              <td>{p.latency_micros ? duration(Number(p.latency_micros) / 1000) : '–'}</td><td>{p.since_unix_micros ? ago(now.value - Number(p.since_unix_micros) / 1000) : '–'}</td><td>{Math.round(p.score)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
