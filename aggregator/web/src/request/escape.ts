// Values of a payment request's URI: one spelling for every byte.

/** What stands for itself: what RFC 3986 leaves unreserved, and what multiaddrs are made of. */
const LITERAL = /^[A-Za-z0-9\-._~/:]$/;

const percent = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/** Writes a value. */
export function escape(value: string): string {
  return [...new TextEncoder().encode(value)].map((byte) => (LITERAL.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : percent(byte))).join('');
}

/** Reads a value that {@link escape} wrote; an error says what is wrong with any other. */
export function unescape(text: string): string {
  const bytes: number[] = [];
  const written = new TextEncoder().encode(text);
  for (let i = 0; i < written.length; i++) {
    const c = String.fromCharCode(written[i] ?? 0);
    if (LITERAL.test(c)) {
      bytes.push(c.charCodeAt(0));
    } else if (c === '%') {
      const digits = String.fromCharCode(...written.slice(i + 1, i + 3));
      if (!/^[0-9A-F]{2}$/.test(digits)) throw new Error(`%${digits} is no byte: want % and two upper-case hex digits`);
      const byte = Number.parseInt(digits, 16);
      if (LITERAL.test(String.fromCharCode(byte))) throw new Error(`%${digits} stands for ${String.fromCharCode(byte)}, which must stand for itself`);
      bytes.push(byte);
      i += 2;
    } else {
      throw new Error(`${JSON.stringify(c)} must be written as ${percent(written[i] ?? 0)}`);
    }
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    throw new Error('it is not UTF-8');
  }
}
