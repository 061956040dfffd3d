import { type Committee, encode, type Hex, helloDigest, invalid, type Network, Reader } from '../verifier/index.ts';

/** The hello stream: its protocol and, in bytes and milliseconds, its limits. */
export const helloProtocol = '/allegro/hello/1';
export const maxHello = 8 << 10;
export const helloTimeout = 5_000;

const maxAddresses = 16;
const maxAddress = 256;
const maxVersion = 64;
const roles = ['validator', 'client', 'aggregator'];

/** Version of this program as peers are told it. */
export const version = 'web';

/** HelloRequest asks who the responder is. A browser listens nowhere: it has no addresses. */
export function encodeHelloRequest(n: Network, c: Committee, nonce: Uint8Array): Uint8Array {
  return encode([text(version), text('client'), n.digest, c.id, [], nonce]);
}

/** decodeHelloRequest checks another peer's request and returns the digest of its network file. It throws a Refusal. */
export function decodeHelloRequest(data: Uint8Array): { digest: Hex } {
  const r = Reader.of(data, 'hello request');
  const { digest } = readCommon(r);
  r.bytes(32);
  r.end();
  return { digest };
}

/** encodeHelloResponse is the answer of a peer that proves no membership. */
export function encodeHelloResponse(n: Network, c: Committee): Uint8Array {
  return encode([text(version), text('client'), n.digest, c.id, [], 0n, new Uint8Array()]);
}

/** Greeting is what a peer said in hello, and the vote key that it proved to hold, null if none. */
export interface Greeting {
  role: string;
  version: string;
  digest: Hex;
  member: Hex | null;
}

/** HelloQuestion is what the responder's signature must be over. Peer ids are binary. */
export interface HelloQuestion {
  requester: Uint8Array;
  responder: Uint8Array;
  nonce: Uint8Array;
}

/**
 * decodeHelloResponse reads an answer and verifies the membership it claims. It throws a
 * Refusal for a malformed answer and for a forged membership. A committee that this network
 * file does not have is taken as no membership.
 */
export function decodeHelloResponse(data: Uint8Array, n: Network, asked: HelloQuestion): Greeting {
  const r = Reader.of(data, 'hello response');
  const { role, version, digest, committeeId } = readCommon(r);
  const plusOne = r.uint();
  const signature = r.bytes();
  r.end();
  if (signature.length !== (plusOne === 0n ? 0 : 64)) throw invalid(`hello has a signature of ${signature.length} bytes`);
  const c = n.committees.find((known) => known.id === committeeId);
  if (plusOne === 0n || !c) return { role, version, digest, member: null };
  const signer = c.signer(plusOne - 1n);
  if (!c.verify(signer, helloDigest(c.id, asked.requester, asked.responder, asked.nonce), signature)) {
    throw invalid(`the peer claims to be ${n.memberName(c, signer)} without that member's signature`);
  }
  return { role, version, digest, member: c.members[signer]!.key };
}

function readCommon(r: Reader) {
  const version = r.bytes();
  const role = new TextDecoder().decode(r.bytes());
  if (version.length < 1 || version.length > maxVersion || version.some((b) => b < 0x20 || b > 0x7e)) throw invalid('hello has no printable version');
  if (!roles.includes(role)) throw invalid('hello has an unknown role');
  const digest = r.hex(32);
  const committeeId = r.hex(32);
  if (r.all(maxAddresses, (a) => a.bytes()).some((a) => a.length > maxAddress)) throw invalid('hello has too long an address');
  return { role, version: new TextDecoder().decode(version), digest, committeeId };
}

function text(s: string): Uint8Array {
  return new TextEncoder().encode(s);
}
