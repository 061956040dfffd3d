// Verify: drop a QC file. No network is asked.
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { Card, Hash, Title } from '../shell/parts.tsx';
import { committee, link, network } from '../state/store.ts';
import { Certificate } from './certificate.tsx';
import { verifyQC, type Verification } from './verify.ts';

export function Verify() {
  const result = useSignal<{ name: string; verification: Verification } | null>(null);
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const take = async (file: File | undefined) => {
    if (!file) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    const text = bytes[0] === 0xf8 || bytes[0] === 0xf9 || bytes[0] === 0xfa ? bytes : new TextDecoder().decode(bytes);
    result.value = { name: file.name, verification: await verifyQC(text) };
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    over.value = false;
    void take(event.dataTransfer?.files[0]);
  };
  const pick = async () => {
    await take(input.current?.files?.[0]);
    if (input.current) input.current.value = ''; // the same file may have changed and be chosen again
  };
  return (
    <>
      <Title>Verify a quorum certificate</Title>
      <p class="lead">A QC is worth the same wherever it came from: this tab checks the payer’s signature, every vote and their weight, and asks nobody.</p>
      <Card label="File">
        <label
          class={over.value ? 'drop over' : 'drop'} onDrop={drop}
          onDragOver={(event) => { event.preventDefault(); over.value = true; }} onDragLeave={() => { over.value = false; }}
        >
          <strong>Drop a QC file here, or choose one</strong>
          <span>qc.json as <code>allegro qc get</code> writes it, or its bytes</span>
          <input ref={input} type="file" onChange={() => void pick()} />
        </label>
        <div aria-live="polite">
          {result.value && <><h2 class="file-name">{result.value.name}</h2><Certificate result={result.value.verification} /></>}
        </div>
      </Card>
      <Card title="What it is checked against">
        {network.value && committee.value ? (
          <>
            <p>The committees of the network file that {link.value === 'none' ? 'you opened' : 'this page has from its aggregator'}. The one in office is of epoch {committee.value.epoch}, <Hash value={committee.value.id} label="committee id" />, and needs weight {committee.value.threshold} of {committee.value.total}. Compare it with <code>allegro committee show</code>.</p>
            <p>{link.value === 'none' ? 'Whoever gave you this page wrote its checks.' : 'The page came from the aggregator too.'} Where that matters, <code>allegro qc verify qc.json --network network.toml</code> needs neither.</p>
          </>
        ) : <p class="empty">The network file has not been loaded yet.</p>}
      </Card>
    </>
  );
}
