// The peers that a payment request names: multiaddrs in one spelling.

const MAX_PEER = 256; // bytes
const MAX_PEERS = 4;
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** What is wrong with a multiaddr that a request is to name; null if nothing is. */
export function peerFault(text: string): string | null {
  const size = new TextEncoder().encode(text).length;
  if (size > MAX_PEER) return `peer has ${size} bytes: at most ${MAX_PEER} are possible`;
  const [, protocol = '', host = '', port = '', id = ''] = /^\/(ip4|ip6|dns4|dns6|dns)\/([^/]+)\/(?:tcp\/([^/]+)|udp\/(?:[^/]+)\/quic-v1)\/p2p\/([^/]+)$/.exec(text) ?? [];
  if (protocol === '') return `peer ${JSON.stringify(text)} is no address that peers dial: want one like /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…`;
  const fault = hostFault(protocol, host) ?? portFault(port || (text.split('/')[4] ?? '')) ?? (isPeerId(id) ? null : 'want a peer id like 12D3KooW…');
  return fault === null ? null : `peer ${text}: ${fault}`;
}

/**
 * Those of some multiaddrs that a request names: one of each peer, the first that is not
 * loopback, of the first four that have such; or loopback ones if there are no others.
 */
export function choosePeers(addrs: readonly string[]): string[] {
  const far = new Map<string, string>();
  const near = new Map<string, string>();
  for (const text of addrs) {
    if (peerFault(text) !== null) continue;
    const [, protocol = '', host = ''] = text.split('/');
    const id = text.slice(text.lastIndexOf('/') + 1);
    const list = isLoopback(protocol, host) ? near : far;
    if (!list.has(id)) list.set(id, text);
  }
  return [...(far.size > 0 ? far : near).values()].slice(0, MAX_PEERS);
}

function isLoopback(protocol: string, host: string): boolean {
  return protocol === 'ip4' ? host.startsWith('127.') : host === (protocol === 'ip6' ? '::1' : 'localhost');
}

function hostFault(protocol: string, host: string): string | null {
  if (protocol.startsWith('dns')) return /^[a-z0-9.-]+$/.test(host) ? null : 'want a host name of lower-case letters, digits, hyphens and dots';
  if (protocol === 'ip4') {
    const parts = host.split('.');
    if (parts.length !== 4 || !parts.every((p) => /^(0|[1-9][0-9]{0,2})$/.test(p) && Number(p) < 256)) return `${host} is not an ip4 address`;
    return host === '0.0.0.0' ? 'it cannot be dialed' : null;
  }
  let spelled: string;
  try {
    spelled = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  } catch {
    return `${host} is not an ip6 address`;
  }
  if (/^::ffff:[0-9a-f]+:[0-9a-f]+$/.test(spelled)) return `${host} is an IPv4 address: want /ip4/`;
  if (spelled !== host) return `want /ip6/${spelled}`;
  return host === '::' ? 'it cannot be dialed' : null;
}

function portFault(text: string): string | null {
  if (!/^[1-9][0-9]*$/.test(text)) return `${text} is no port: want a number from 1 to 65535, without zeros in front`;
  return Number(text) > 65535 ? `port ${text} is above 65535` : null;
}

/** Whether a text is the base58 form of the id of an Ed25519 key: 38 bytes that begin with 00 24 08 01 12 20. */
function isPeerId(text: string): boolean {
  if (!text.startsWith('1')) return false;
  let n = 0n;
  for (const c of text.slice(1)) {
    const digit = BASE58.indexOf(c);
    if (digit < 0) return false;
    n = n * 58n + BigInt(digit);
  }
  const hex = n.toString(16).padStart(2 * 37, '0'); // its first byte, 0, is the 1 in front
  return hex.length === 2 * 37 && hex.startsWith('2408011220') && text[1] !== '1';
}
