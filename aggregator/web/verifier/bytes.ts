/** Bytes as lower-case 0x-hex. Texts of one length compare as their bytes do. */
export type Hex = `0x${string}`;

const digits = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** toHex writes bytes as lower-case 0x-hex. */
export function toHex(bytes: Uint8Array): Hex {
  let out: Hex = '0x';
  for (const b of bytes) out += digits[b];
  return out;
}

/** isHex reports whether a text is lower-case 0x-hex of a number of bytes, or of any. */
export function isHex(text: unknown, size?: number): text is Hex {
  return typeof text === 'string' && /^0x([0-9a-f]{2})*$/.test(text) && (size === undefined || text.length === 2 + 2 * size);
}

/** fromHex reads lower-case 0x-hex. It throws a TypeError for any other text. */
export function fromHex(text: string): Uint8Array {
  if (!isHex(text)) throw new TypeError('not lower-case 0x-hex of whole bytes');
  const out = new Uint8Array(text.length / 2 - 1);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16);
  return out;
}

/** concat joins bytes. */
export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** equal compares bytes. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

/** toBigInt reads a big-endian integer. */
export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(toHex(bytes));
}

/** fromBigInt writes an integer below 2^(8·size) as big-endian bytes. */
export function fromBigInt(n: bigint, size: number): Uint8Array {
  return fromHex(`0x${n.toString(16).padStart(2 * size, '0')}`);
}

/** ascii encodes a text whose characters are all below 128. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** zeros is the 32 bytes that stand for nothing. */
export const zeros: Hex = `0x${'00'.repeat(32)}`;
