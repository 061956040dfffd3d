// The first screen of a page without an aggregator: which network, and where it is.
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { NetworkJSON } from '../../verifier/index.ts';
import type { PeerAddresses } from '../../peer/addresses.ts';
import { Card, Fact, Facts, Hash, Notice, Title } from '../shell/parts.tsx';
import { joinNetwork } from '../state/peer.ts';
import { MAX_TEXT, readDropped } from './dropped.ts';
import { addressesFor, openNetwork } from './network.ts';

/** More addresses than this are no help. */
const MAX_PEERS = 64;

export function Opening() {
  const found = useSignal<{ file: NetworkJSON; digest: string } | null>(null);
  const peers = useSignal<readonly PeerAddresses[]>([]);
  const problem = useSignal<string | null>(null);
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const pasted = useRef<HTMLTextAreaElement>(null);

  const take = (text: string, from: string) => {
    try {
      const dropped = readDropped(text);
      if (dropped.kind === 'network') found.value = dropped;
      else peers.value = [...peers.value, ...dropped.peers].slice(-MAX_PEERS);
    } catch (cause) {
      problem.value = `${from}: ${cause instanceof Error ? cause.message : String(cause)}`;
    }
  };
  const takeFiles = async (files: FileList | null | undefined) => {
    problem.value = null;
    for (const file of files ?? []) take(await file.slice(0, MAX_TEXT + 1).text(), file.name);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    over.value = false;
    void takeFiles(event.dataTransfer?.files);
  };
  const pick = async () => {
    await takeFiles(input.current?.files);
    if (input.current) input.current.value = ''; // the same file may have changed and be chosen again
  };
  const paste = () => {
    problem.value = null;
    take(pasted.current?.value ?? '', 'The text');
    if (pasted.current && problem.value === null) pasted.current.value = '';
  };
  const addresses = found.value ? addressesFor(found.value.file, peers.value) : [];
  const join = () => {
    if (!found.value) return;
    openNetwork(found.value.file, addresses);
    void joinNetwork();
  };
  return (
    <>
      <Title>Join a network</Title>
      <p class="lead">This file is a peer. It needs no server: give it a network file, and it connects to the validators, checks every signature itself, and can pay.</p>
      <Card label="Network file">
        <label
          class={over.value ? 'drop over' : 'drop'} onDrop={drop}
          onDragOver={(event) => { event.preventDefault(); over.value = true; }} onDragLeave={() => { over.value = false; }}
        >
          <strong>Drop a network file here, or choose one</strong>
          <span><code>network.toml</code>, and what <code>allegro id -o json</code> prints on a validator if its WebSocket port is not in it</span>
          <input ref={input} type="file" multiple onChange={() => void pick()} />
        </label>
        <div class="form">
          <label>Or paste one<textarea ref={pasted} rows={4} spellcheck={false} autocomplete="off" /></label>
          <p><button type="button" class="quiet" onClick={paste}>Read it</button></p>
        </div>
        {problem.value && <Notice tone="bad" title="This cannot be used."><p>{problem.value}</p></Notice>}
      </Card>
      {found.value && (
        <Card title={`Network ${found.value.file.name}`}>
          <Facts>
            <Fact name="Digest"><Hash value={found.value.digest} label="digest of the network file" /></Fact>
            <Fact name="Chain">{String(found.value.file.chain.id)}</Fact>
            <Fact name="Validators">{found.value.file.committee.at(-1)?.member.map((m) => m.name).join(', ')}</Fact>
            <Fact name="To be dialled">{addresses.length === 0 ? <span class="open-text">nothing yet: the file has no address that a browser can dial, so drop what <code>allegro id -o json</code> prints on a validator</span> : <ul class="addresses">{addresses.map((a) => <li key={a}><code>{a}</code></li>)}</ul>}</Fact>
          </Facts>
          <p class="hint">Whoever gave you the file named the validators that you believe: compare the digest with somebody whom you trust. Validators must run with <code>p2p.browser = true</code>.</p>
          <p><button type="button" class="primary" onClick={join} disabled={addresses.length === 0}>Join as a peer</button></p>
        </Card>
      )}
      {peers.value.length > 0 && !found.value && <Notice title={`Addresses of ${peers.value.length} ${peers.value.length === 1 ? 'peer' : 'peers'} were read.`}><p>The network file is still missing.</p></Notice>}
    </>
  );
}
