import { concat, type Hex, toBigInt, toHex, fromHex } from './bytes.ts';
import { invalid } from './errors.ts';

/** Raw is RLP that stands in a value as it is. */
export class Raw {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** Item is a value with an RLP form: bytes, an integer, a list, or RLP itself. A Hex is bytes. */
export type Item = Uint8Array | Hex | bigint | boolean | Raw | readonly Item[];

/** encode returns the RLP of a value. Integers are minimal; true is 1, false is 0. */
export function encode(item: Item): Uint8Array {
  if (item instanceof Raw) return item.bytes;
  if (item instanceof Uint8Array) return encodeBytes(item);
  if (typeof item === 'string') return encodeBytes(fromHex(item));
  if (typeof item === 'boolean') return encode(item ? 1n : 0n);
  if (typeof item === 'bigint') return encodeBytes(item === 0n ? new Uint8Array() : fromHex(evenHex(item)));
  const content = concat(...item.map(encode));
  return concat(header(0xc0, content.length), content);
}

function evenHex(n: bigint): Hex {
  const text = n.toString(16);
  return `0x${text.length % 2 === 0 ? text : `0${text}`}`;
}

function encodeBytes(b: Uint8Array): Uint8Array {
  return b.length === 1 && b[0]! < 0x80 ? b : concat(header(0x80, b.length), b);
}

function header(base: number, length: number): Uint8Array {
  if (length < 56) return Uint8Array.of(base + length);
  const size = fromHex(evenHex(BigInt(length)));
  return concat(Uint8Array.of(base + 55 + size.length), size);
}

/**
 * Reader takes the items of one list off its front. It is strict: the shortest form of
 * every header and integer, exact lengths, and {@link Reader.end} for nothing left. What
 * it finds else it throws as an INVALID_FORMAT that names the value.
 */
export class Reader {
  private readonly data: Uint8Array;
  private readonly what: string;
  private at = 0;

  private constructor(content: Uint8Array, what: string) {
    this.data = content;
    this.what = what;
  }

  /** of reads the one list that the bytes are. */
  static of(data: Uint8Array, what: string): Reader {
    const outer = new Reader(data, what);
    const inner = outer.list();
    outer.end();
    return inner;
  }

  /** more reports whether items are left. */
  get more(): boolean {
    return this.at < this.data.length;
  }

  /** end throws if items are left. */
  end(): void {
    if (this.more) throw this.fault('has something behind its last field');
  }

  /** bytes takes a byte string, of an exact size if one is given. */
  bytes(size?: number): Uint8Array {
    const { list, content } = this.next();
    if (list) throw this.fault('has a list where bytes belong');
    if (size !== undefined && content.length !== size) throw this.fault(`has ${content.length} bytes where ${size} belong`);
    return content;
  }

  /** hex takes a byte string of a size. */
  hex(size: number): Hex {
    return toHex(this.bytes(size));
  }

  /** uint takes an integer of at most so many bytes. */
  uint(size = 8): bigint {
    const b = this.bytes();
    if (b.length > size) throw this.fault(`has an integer of ${b.length} bytes, at most ${size} are possible`);
    if (b[0] === 0) throw this.fault('has an integer with leading zeros');
    return toBigInt(b);
  }

  /** bool takes true or false. */
  bool(): boolean {
    const n = this.uint(1);
    if (n > 1n) throw this.fault(`has ${n} where 0 or 1 belongs`);
    return n === 1n;
  }

  /** list takes a list. */
  list(): Reader {
    const { list, content } = this.next();
    if (!list) throw this.fault('has bytes where a list belongs');
    return new Reader(content, this.what);
  }

  /** all takes a list of at most so many items, each by read. */
  all<T>(most: number, read: (r: Reader) => T): T[] {
    const inner = this.list();
    const out: T[] = [];
    while (inner.more) {
      if (out.length === most) throw this.fault(`has a list of more than ${most} items`);
      out.push(read(inner));
    }
    return out;
  }

  /** raw takes an item of either kind with its header; what is in it has not been looked at. */
  raw(): Uint8Array {
    const begin = this.at;
    this.next();
    return this.data.slice(begin, this.at);
  }

  private next(): { list: boolean; content: Uint8Array } {
    const first = this.data[this.at];
    if (first === undefined) throw this.fault('lacks a field');
    if (first < 0x80) return { list: false, content: this.take(1) };
    this.at++;
    const list = first >= 0xc0;
    const short = first - (list ? 0xc0 : 0x80);
    if (short < 56) {
      const content = this.take(short);
      if (!list && short === 1 && content[0]! < 0x80) throw this.fault('has a single byte with a header');
      return { list, content };
    }
    const size = this.take(short - 55);
    const length = toBigInt(size);
    if (size[0] === 0 || length < 56n) throw this.fault('has a header that is not the shortest');
    if (length > BigInt(this.data.length)) throw this.fault('ends too early');
    return { list, content: this.take(Number(length)) };
  }

  private take(n: number): Uint8Array {
    if (n > this.data.length - this.at) throw this.fault('ends too early');
    this.at += n;
    return this.data.slice(this.at - n, this.at);
  }

  private fault(text: string) {
    return invalid(`${this.what} is not canonical rlp: it ${text}`);
  }
}
