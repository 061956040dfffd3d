// Small parts that every screen uses.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Stage } from '../api/documents.ts';
import { checksummed } from '../checksum.ts';
import { short } from '../format.ts';
import { lookOf } from '../payments/stage.ts';
import { CopyIcon } from './icons.tsx';
import { moneyOf, nameOf, names } from '../state/store.ts';

/** The heading of a screen. It takes the focus when the screen comes up. */
export function Title({ children }: { children: ComponentChildren }) {
  return <h1 tabIndex={-1}>{children}</h1>;
}

export function Card({ title, aside, children, label }: {
  title?: string; aside?: ComponentChildren; children: ComponentChildren; label?: string;
}) {
  return (
    <section class="card" aria-label={title ?? label}>
      {title && <header class="card-head"><h2>{title}</h2>{aside}</header>}
      {children}
    </section>
  );
}

/** Something a person should know: what is wrong or empty, and what to do about it. */
export function Notice({ tone = 'plain', title, children }: { tone?: 'plain' | 'open' | 'bad' | 'good'; title: string; children?: ComponentChildren }) {
  return (
    <div class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <strong>{title}</strong>
      {children && <div>{children}</div>}
    </div>
  );
}

export function StageBadge({ stage }: { stage: Stage | null }) {
  const look = lookOf(stage);
  return (
    <span class={`stage ${look.tone}`} title={look.meaning}>
      <span aria-hidden="true">{look.shape}</span> {look.word}
    </span>
  );
}

/** An account by its name, else by its address. */
export function Name({ address }: { address: string }) {
  const known = names.value.has(address.toLowerCase());
  return <span class={known ? 'name' : 'name mono'} title={checksummed(address)}>{nameOf(address)}</span>;
}

export function Money({ units, asset }: { units: bigint; asset: string }) {
  return <span class="money">{moneyOf(units, asset)}</span>;
}

/** A hash, an address or a peer id, cut in the middle, with a button that copies all of it. */
export function Hash({ value: given, label, full = false }: { value: string; label: string; full?: boolean }) {
  const value = checksummed(given);
  const [copied, setCopied] = useState<'yes' | 'no' | null>(null);
  useEffect(() => {
    if (copied === null) return undefined;
    const timer = setTimeout(() => setCopied(null), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied('yes');
    } catch {
      setCopied('no'); // an insecure origin has no clipboard, or the visitor forbade it
    }
  };
  return (
    <span class="hash">
      <code class={full ? 'full' : undefined} title={value}>{full ? value : short(value)}</code>
      <button type="button" class="copy" onClick={() => void copy()} aria-label={`Copy ${label}`} title={`Copy ${label}`}>
        {copied === 'yes' ? '✓' : copied === 'no' ? '✕' : <CopyIcon />}
      </button>
      <span class="unseen" role="status">{copied === 'yes' ? 'copied' : copied === 'no' ? 'copying is not possible here' : ''}</span>
    </span>
  );
}

/** A list of facts: names and what they are. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

/** What may be wider than the window: it scrolls by itself, also by keyboard. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return <div class="scroll" tabIndex={0} role="region" aria-label={label}>{children}</div>;
}
