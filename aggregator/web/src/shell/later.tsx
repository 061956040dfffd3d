// Screens that are loaded after the first one, so that the first one is there at once.
import { signal, type Signal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { Notice, Title } from './parts.tsx';

type Loaded = { component: FunctionComponent } | { problem: string } | null;

interface Part {
  loaded: Signal<Loaded>;
  load: () => Promise<void>;
}

const parts: Part[] = [];

/** Returns a component that stands for one that is still to be loaded. */
export function later(fetch: () => Promise<FunctionComponent>): FunctionComponent {
  const loaded = signal<Loaded>(null);
  const load = async () => {
    if (loaded.value && 'component' in loaded.value) return;
    try {
      loaded.value = { component: await fetch() };
    } catch {
      loaded.value = { problem: 'This part of the page could not be loaded: the aggregator that serves it does not answer.' };
    }
  };
  parts.push({ loaded, load });
  return function Later() {
    const now = loaded.value;
    if (now === null) void load();
    if (now && 'component' in now) {
      const Component = now.component;
      return <Component />;
    }
    return now === null ? <p class="empty">Loading …</p> : (
      <>
        <Title>Not loaded</Title>
        <Notice tone="bad" title={now.problem}><p><button type="button" class="quiet" onClick={() => { loaded.value = null; }}>Try again</button></p></Notice>
      </>
    );
  };
}

/** Loads everything that is still to be loaded: the aggregator may be gone when it is wanted. */
export async function loadAll(): Promise<void> {
  await Promise.all(parts.map((part) => part.load()));
}
