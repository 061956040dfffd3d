import { type Certificate, encode, fromHex, type Hex, invalid, type Item, maxMembers, type Network, Raw, Reader, Refusal, type Tx, zeros } from '../verifier/index.ts';
import { printable, readReject, type Reject } from './submit.ts';

/** The sync stream: its protocol and, in bytes and milliseconds, its limits. */
export const syncProtocol = '/allegro/sync/1';
export const maxSyncRequest = 16 << 10;
export const maxSyncResponse = 1 << 20;
export const syncTimeout = 10_000;
export const maxSyncItems = 256;
export const maxSyncWait = 30; // seconds

const maxCursor = 64;
const maxRejects = 16;
const maxStage = 16;
const none = new Uint8Array();
const nobody: Hex = `0x${'00'.repeat(20)}`;

/** SyncRequest asks a peer for what it has verified; the kinds are those of section 3. */
export type SyncRequest =
  | { kind: 'ids'; ids: readonly Hex[] } // 1 to 256
  | { kind: 'lane'; lane: Hex; fromSeq: bigint; limit: number }
  | { kind: 'account'; account: Hex; cursor: Uint8Array; limit: number }
  | { kind: 'since'; cursor: Uint8Array; limit: number; wait: number } // seconds
  | { kind: 'digests' }
  | { kind: 'bucket'; bucket: number; cursor: Uint8Array; limit: number };

const kinds = ['ids', 'lane', 'account', 'since', 'digests', 'bucket'] as const;

/** encodeSyncRequest returns the request's bytes. */
export function encodeSyncRequest(q: SyncRequest): Uint8Array {
  const number = (n: number | undefined) => BigInt(n ?? 0);
  const has = q as Partial<{ ids: Hex[]; lane: Hex; fromSeq: bigint; account: Hex; cursor: Uint8Array; limit: number; wait: number; bucket: number }>;
  return encode([
    BigInt(kinds.indexOf(q.kind) + 1), has.ids ?? [], has.lane ?? zeros, has.fromSeq ?? 0n, has.account ?? nobody, has.cursor ?? none,
    number(has.limit), number(has.wait), number(has.bucket),
  ]);
}

/** decodeSyncRequest reads and checks a request: a field that its kind does not use is zero. It throws a Refusal. */
export function decodeSyncRequest(data: Uint8Array): SyncRequest {
  const r = Reader.of(data, 'sync request');
  const kind = kinds[Number(r.uint(1)) - 1];
  const ids = r.all(maxSyncItems, (p) => p.hex(32));
  const lane = r.hex(32);
  const fromSeq = r.uint();
  const account = r.hex(20);
  const cursor = r.bytes();
  const limit = Number(r.uint());
  const wait = Number(r.uint());
  const bucket = Number(r.uint(1));
  r.end();
  const q: SyncRequest | undefined =
    kind === 'ids' ? { kind, ids } : kind === 'lane' ? { kind, lane, fromSeq, limit } : kind === 'account' ? { kind, account, cursor, limit }
      : kind === 'since' ? { kind, cursor, limit, wait } : kind === 'digests' ? { kind } : kind === 'bucket' ? { kind, bucket, cursor, limit } : undefined;
  if (!q || cursor.length > maxCursor || wait > maxSyncWait) throw invalid('sync request of an unknown kind or with too large a field');
  if (kind === 'ids' ? ids.length === 0 : kind !== 'digests' && (limit < 1 || limit > maxSyncItems)) throw invalid('sync request asks for no or too many items');
  // One form of each request: what was read and not used must be zero.
  if (encodeSyncRequest(q).length !== data.length || !sameBytes(encodeSyncRequest(q), data)) throw invalid('sync request has a field that its kind does not use');
  return q;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((v, i) => v === b[i]);
}

/** SyncItem is a payment with what the responder holds of it. Its stage is a hint, its rejects are its own word. */
export interface SyncItem {
  tx: Tx;
  certificates: readonly Certificate[];
  rejects: readonly Reject[];
  stage: string;
}

/** encodeSyncItem returns an item as a peer sends it that refuses nothing itself. */
export function encodeSyncItem(tx: Tx, certificates: readonly Certificate[], stage: string): Uint8Array {
  return encode([new Raw(tx.raw), certificates.map((c) => new Raw(c.raw)), [], new TextEncoder().encode(stage)]);
}

/** encodeSyncResponse returns an answer of encoded items. */
export function encodeSyncResponse(items: readonly Uint8Array[], next: Uint8Array, more: boolean, digests: readonly Uint8Array[]): Uint8Array {
  return encode([items.map((i): Item => new Raw(i)), next, more, digests]);
}

/** SyncResponse is an answer. dropped counts payments and certificates in it that did not verify or were not asked for. */
export interface SyncResponse {
  items: SyncItem[];
  next: Uint8Array;
  more: boolean;
  dropped: number;
}

/** Reading is what it takes to read an answer: 256 items with their signatures take a second. */
export interface Reading {
  network: Network;
  /** held returns the payment of these bytes if it is held with a QC: nothing of it is verified again. */
  held(rawTx: Uint8Array): Tx | null;
  /** rest is called between items, and lets others have their turn. */
  rest(): Promise<void>;
}

/** decodeSyncResponse reads the answer to a request other than digests and verifies what is in it. It throws a Refusal if it is none. */
export async function decodeSyncResponse(data: Uint8Array, q: SyncRequest, { network: n, held, rest }: Reading): Promise<SyncResponse> {
  const r = Reader.of(data, 'sync response');
  const raw = r.all(q.kind === 'ids' ? q.ids.length : q.kind === 'digests' ? 0 : q.limit, (i) => {
    const item = i.list();
    const parts = { tx: item.raw(), certificates: item.all(maxMembers, (c) => c.raw()), rejects: item.all(maxRejects, readReject), stage: item.bytes() };
    item.end();
    if (parts.stage.length > maxStage) throw invalid(`sync response has a stage of ${parts.stage.length} bytes`);
    return parts;
  });
  const next = r.bytes();
  const more = r.bool();
  const digests = r.all(0, (d) => d.bytes(32));
  r.end();
  if (next.length > maxCursor || digests.length > 0) throw invalid('sync response does not fit its request');
  const out: SyncResponse = { items: [], next, more, dropped: 0 };
  const take = <T>(parse: () => T): T[] => {
    try {
      return [parse()];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      out.dropped++;
      return [];
    }
  };
  for (const parts of raw) {
    await rest();
    const old = held(parts.tx);
    for (const tx of old ? [old] : take(() => n.parseTx(parts.tx))) {
      if (!wants(q, tx)) {
        out.dropped++;
        continue;
      }
      const certificates = old ? [] : parts.certificates.flatMap((c) => take(() => n.parseCertificate(tx, c)));
      out.items.push({ tx, certificates, rejects: parts.rejects, stage: printable(parts.stage) });
    }
  }
  return out;
}

function wants(q: SyncRequest, tx: Tx): boolean {
  switch (q.kind) {
    case 'ids':
      return q.ids.includes(tx.id);
    case 'lane':
      return tx.lane === q.lane && tx.envelope.seq >= q.fromSeq;
    case 'account':
      return tx.envelope.sender === q.account || tx.envelope.recipient === q.account;
    case 'bucket':
      return fromHex(tx.lane)[0] === q.bucket;
    default:
      return true;
  }
}
