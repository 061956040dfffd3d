// Which screen is shown: the part of the address behind the #.
import { signal } from '@preact/signals';

export type Route =
  | { screen: 'live' }
  | { screen: 'payment'; id: string }
  | { screen: 'pay'; request: string }
  | { screen: 'network' }
  | { screen: 'verify' }
  | { screen: 'how' }
  | { screen: 'unknown'; path: string };

/**
 * Reads an address such as #/payment/0x12…; #/peer is the network screen, which joins at once,
 * #/pay?request=allegro:… is Pay with a payment request, escaped or not.
 */
export function parseRoute(hash: string): Route {
  const asked = /^#\/?pay\?request=(.*)$/s.exec(hash)?.[1];
  if (asked !== undefined) return { screen: 'pay', request: asked.startsWith('allegro:') ? asked : decoded(asked) };
  const [screen = '', id = ''] = hash.replace(/^#\/?/, '').split('/');
  switch (screen) {
    case '':
      return { screen: 'live' };
    case 'payment':
      return /^0x[0-9a-f]{64}$/.test(id) ? { screen: 'payment', id } : { screen: 'unknown', path: hash };
    case 'peer':
      return { screen: 'network' };
    case 'pay':
      return { screen, request: '' };
    case 'network':
    case 'verify':
    case 'how':
      return { screen };
    default:
      return { screen: 'unknown', path: hash };
  }
}

/** The run that an address asks for, ?run=<tx id>: the payment and all that rest on one another with it. */
export function runOf(search: string): string | null {
  const id = new URLSearchParams(search).get('run');
  return id !== null && /^0x[0-9a-f]{64}$/.test(id) ? id : null;
}

/** What an escaped text stands for; a text that stands for nothing comes back as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = signal<Route>({ screen: 'live' });

/** Follows the address. onPeer is called where the address asks this tab to be a peer. */
export function followRoute(onPeer: () => void): void {
  const read = () => {
    route.value = parseRoute(location.hash);
    if (location.hash === '#/peer') onPeer();
  };
  addEventListener('hashchange', () => {
    read();
    scrollTo(0, 0);
    document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
  });
  read();
}
