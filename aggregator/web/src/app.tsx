// The page around its screens: the bar, what stands in the way, and who speaks.
import type { ComponentType } from 'preact';
import { cut } from './api/client.ts';
import { later } from './shell/later.tsx';
import { Notice, Title } from './shell/parts.tsx';
import { theme, type Theme } from './shell/theme.ts';
import { duration, short } from './format.ts';
import { Live } from './live/live.tsx';
import { Detail } from './payments/detail.tsx';
import { route } from './route.ts';
import { joining } from './state/peer.ts';
import { link, loadProblem, network, observer, payments, reset, tab } from './state/store.ts';

const How = later(async () => (await import('./how/screen.tsx')).How);
const NetworkScreen = later(async () => (await import('./network/screen.tsx')).NetworkScreen);
const Pay = later(async () => (await import('./pay/screen.tsx')).Pay);
const Verify = later(async () => (await import('./verify/screen.tsx')).Verify);

const SCREENS = [
  { hash: '#/', name: 'Live', screen: 'live' },
  { hash: '#/pay', name: 'Pay', screen: 'pay' },
  { hash: '#/network', name: 'Network', screen: 'network' },
  { hash: '#/verify', name: 'Verify', screen: 'verify' },
  { hash: '#/how', name: 'How it works', screen: 'how' },
];

/** The page. opening stands in place of the screens that need a network, until there is one. */
export function App({ opening: Opening }: { opening?: ComponentType }) {
  const screen = route.value.screen;
  const closed = Opening && network.value === null && screen !== 'how';
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>To the content</a>
      <header class="top">
        <a class="brand" href="#/"><Mark /> Allegro{network.value && <span class="network-name">{network.value.name}</span>}</a>
        <nav aria-label="Screens">
          {SCREENS.map((s) => <a key={s.hash} href={s.hash} aria-current={s.screen === screen || (s.screen === 'live' && screen === 'payment') ? 'page' : undefined}>{s.name}</a>)}
        </nav>
        <ThemeChoice />
      </header>
      <Voice />
      <main id="main" tabIndex={-1}><Standing />{closed ? <Opening /> : <Screen />}</main>
      <footer>
        <p>{network.value?.demo && 'A demo: every key is public, never use them for money. '}Times are those at which {observer.value} saw things.</p>
        {link.value !== 'none' && <p><a href="/openapi.yaml">API for programs</a></p>}
      </footer>
    </>
  );
}

function Screen() {
  const r = route.value;
  switch (r.screen) {
    case 'live':
      return <Live />;
    case 'payment':
      return <Detail id={r.id} />;
    case 'pay':
      return <Pay />;
    case 'network':
      return <NetworkScreen />;
    case 'verify':
      return <Verify />;
    case 'how':
      return <How />;
    case 'unknown':
      return <><Title>No such screen</Title><p>The address <code>{r.path}</code> names nothing here. <a href="#/">To the payments</a></p></>;
  }
}

/** What stands in the way of an up-to-date page. */
function Standing() {
  if (link.value === 'connecting' && !loadProblem.value) return null;
  if (link.value === 'cut') {
    return <Notice tone="open" title="Cut off from the aggregator."><p>{tab.value ? 'What you see comes from the validators, through this tab’s own peer. ' : 'Nothing new comes in. '}<button type="button" class="quiet" onClick={() => { cut.value = false; }}>Connect again</button></p></Notice>;
  }
  if (link.value === 'lost') {
    return <Notice tone={tab.value?.state === 'ready' ? 'open' : 'bad'} title="The aggregator does not answer."><p>{loadProblem.value ?? 'The connection broke.'} This page tries again by itself. {tab.value?.state === 'ready' && 'Meanwhile this tab goes on as a peer: heights and votes come from the validators.'}</p></Notice>;
  }
  if (!reset.value) return null;
  return <Notice title="The page was away for longer than the aggregator remembers."><p>Everything was loaded anew. <button type="button" class="quiet" onClick={() => { reset.value = false; }}>Good</button></p></Notice>;
}

/** Who speaks: the aggregator, or this tab as a peer of its own. */
function Voice() {
  const state = joining.value.state;
  if (state !== 'joined' || !tab.value) return null;
  const { peerId, connections, mesh } = tab.value;
  const transports = [...new Set(connections.filter((c) => c.ready).map((c) => c.transport))].join(', ');
  const names = connections.filter((c) => c.ready && c.name).map((c) => c.name).join(', ');
  const last = [...payments.value.values()].filter((p) => p.tab).sort((a, b) => (b.firstSeen ?? 0) - (a.firstSeen ?? 0))[0];
  return (
    <p class={`voice ${tab.value.state}`} data-testid="voice" role="status">
      <span aria-hidden="true">●</span> This tab is peer <a href="#/network" title={peerId}>{short(peerId)}</a>
      {names ? ` · ${transports} to ${names}` : ' · connecting'} · mesh {mesh['cert'] ?? 0}
      {last?.tab && <> · <a href={`#/payment/${last.id}`}>verified {last.tab.weight}/{last.threshold} in this tab</a>{last.tab.certifiedAt !== null && last.firstSeen !== null ? ` +${duration(last.tab.certifiedAt - last.firstSeen)}` : ''}</>}
    </p>
  );
}

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const SIGN: Record<Theme, string> = { system: '◐', light: '○', dark: '●' };

function ThemeChoice() {
  const t = theme.value;
  return <button type="button" class="theme" onClick={() => { theme.value = NEXT[t]; }} aria-label={`Theme: ${t}. Change to ${NEXT[t]}`} title={`Theme: ${t}`}><span aria-hidden="true">{SIGN[t]}</span></button>;
}

function Mark() {
  return <svg class="mark-logo" viewBox="0 0 32 32" width={22} height={22} aria-hidden="true"><path class="logo-diamond" d="M14 5 24 16 14 27 4 16Z" /><path class="logo-rule" d="M28 3v26" /></svg>;
}
