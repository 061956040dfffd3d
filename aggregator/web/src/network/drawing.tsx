// A drawing of who is connected to whom, as far as it is known here: the aggregator's
// connections and this tab's.
import { useRef } from 'preact/hooks';
import { short } from '../format.ts';
import type { Peer } from '../api/documents.ts';
import { useWidth } from '../shell/width.ts';
import { committee, network, tab } from '../state/store.ts';

interface Node {
  id: string;
  name: string;
  role: string;
  x: number;
  y: number;
}

/** Peers around the validators; more make no picture. */
const MAX_NODES = 24;
const HEIGHT = 300;
const MAX_WIDTH = 720;

export function Drawing({ peers }: { peers: Peer[] }) {
  const box = useRef<HTMLDivElement>(null);
  const width = Math.min(MAX_WIDTH, useWidth(box));
  return <div ref={box}>{width > 0 && <Picture peers={peers} width={width} />}</div>;
}

function Picture({ peers, width }: { peers: Peer[]; width: number }) {
  const here = network.value?.peer_id;
  if (here === undefined) return <p class="empty">Waiting for the aggregator.</p>;
  const members = committee.value?.members ?? [];
  const nodes: Node[] = [];
  members.slice(0, 8).forEach((m, i, all) => nodes.push({
    id: m.peer_id ?? tab.value?.connections.find((c) => c.name === m.name)?.peerId ?? `member ${m.index}`, name: m.name, role: 'validator', x: (width * (i + 1)) / (all.length + 1), y: 70,
  }));
  const others = [
    ...(here !== '' ? [{ id: here, name: 'aggregator', role: 'aggregator' }] : []),
    ...peers.filter((p) => p.address !== null && !nodes.some((n) => n.id === p.peer_id) && p.peer_id !== tab.value?.peerId)
      .map((p) => ({ id: p.peer_id, name: p.name ?? p.role ?? short(p.peer_id), role: p.role ?? 'client' })),
    ...(tab.value && tab.value.state !== 'closed' ? [{ id: tab.value.peerId, name: 'this tab', role: 'tab' }] : []),
  ].slice(0, MAX_NODES);
  others.forEach((o, i) => nodes.push({ ...o, x: (width * (i + 1)) / (others.length + 1), y: 230 }));
  const at = new Map(nodes.map((n) => [n.id, n]));
  const edges = [
    ...peers.filter((p) => p.address !== null).map((p) => ({ from: here, to: p.peer_id, tab: false })),
    ...(tab.value?.connections ?? []).map((c) => ({ from: tab.value?.peerId ?? '', to: c.peerId, tab: true })),
  ].filter((e) => at.has(e.from) && at.has(e.to));
  const label = `${nodes.length} peers and ${edges.length} connections: ${nodes.map((n) => n.name).join(', ')}`;
  return (
    <svg class="drawing" width={width} height={HEIGHT} role="img" aria-label={label}>
      {edges.map((e) => <Edge key={`${e.from} ${e.to} ${e.tab}`} a={at.get(e.from)} b={at.get(e.to)} tab={e.tab} />)}
      {nodes.map((n) => (
        <g key={n.id} class={`node ${n.role}`} transform={`translate(${n.x} ${n.y})`}>
          {n.role === 'validator' ? <rect x={-13} y={-13} width={26} height={26} rx={5} /> : <circle r={13} />}
          <text y={n.role === 'validator' ? -24 : 34} text-anchor="middle">{n.name}</text>
        </g>
      ))}
    </svg>
  );
}

function Edge({ a, b, tab: ofTab }: { a: Node | undefined; b: Node | undefined; tab: boolean }) {
  if (!a || !b) return null;
  const bend = a.y === b.y ? 60 : 0;
  const d = bend ? `M ${a.x} ${a.y} Q ${(a.x + b.x) / 2} ${a.y - bend} ${b.x} ${b.y}` : `M ${a.x} ${a.y} L ${b.x} ${b.y}`;
  return <path class={ofTab ? 'edge-of-tab' : 'edge-of-peer'} d={d} />;
}
