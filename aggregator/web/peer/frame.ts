import type { Connection, Stream } from '@libp2p/interface';
import { concat } from '../verifier/index.ts';

/**
 * A stream carries one request and one response, each one frame (section 3):
 * uint32be(n) ‖ n bytes, the RLP of one list, 1 <= n <= limit.
 */
const header = 4;

/** writeFrame sends a frame and closes this side of the stream. */
export async function writeFrame(stream: Stream, payload: Uint8Array, signal: AbortSignal): Promise<void> {
  const size = new Uint8Array(header);
  new DataView(size.buffer).setUint32(0, payload.length);
  if (!stream.send(concat(size, payload))) await stream.onDrain({ signal });
  await stream.close({ signal });
}

/** readFrame reads one frame of at most limit bytes and nothing behind it. */
export function readFrame(stream: Stream, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let have = 0;
    let want = -1; // not known before the header is here
    const done = (end: () => void) => {
      stream.removeEventListener('message', onMessage);
      stream.removeEventListener('close', onClose);
      stream.removeEventListener('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      end();
    };
    const fail = (error: unknown) => done(() => reject(error instanceof Error ? error : new Error(String(error))));
    const onMessage = (event: { data: Uint8Array | { subarray(): Uint8Array } }) => {
      const chunk = event.data instanceof Uint8Array ? event.data : event.data.subarray();
      parts.push(chunk);
      have += chunk.length;
      if (want < 0 && have >= header) {
        const all = concat(...parts);
        const n = new DataView(all.buffer).getUint32(0);
        if (n === 0 || n > limit) return fail(new Error(`frame of ${n} bytes: between 1 and ${limit} are possible`));
        want = header + n;
      }
      if (want >= 0 && have > want) return fail(new Error('there are bytes behind the frame'));
      if (have === want) done(() => resolve(concat(...parts).slice(header)));
    };
    const onClose = (event: { error?: Error }) => fail(event.error ?? new Error('the stream ended before its frame'));
    const onEnd = () => fail(new Error('the stream ended before its frame'));
    const onAbort = () => fail(signal.reason);
    stream.addEventListener('message', onMessage);
    stream.addEventListener('close', onClose);
    stream.addEventListener('end', onEnd);
    signal.addEventListener('abort', onAbort);
    // What came with the negotiation is delivered even if the stream has ended meanwhile.
    if (signal.aborted) onAbort();
    else if (stream.readStatus === 'closed' && stream.readBufferLength === 0) onEnd();
  });
}

/** Call is one request to a peer: sizes in bytes, time in milliseconds. */
export interface Call {
  protocol: string;
  payload: Uint8Array;
  responseLimit: number;
  timeout: number;
}

/** request runs a call on a connection and returns the response, which has not been looked at. It throws what kept it from. */
export async function request(connection: Connection, call: Call, life: AbortSignal): Promise<Uint8Array> {
  const signal = AbortSignal.any([life, AbortSignal.timeout(call.timeout)]);
  const stream = await connection.newStream(call.protocol, { signal });
  try {
    const response = readFrame(stream, call.responseLimit, signal);
    const [, answer] = await Promise.all([writeFrame(stream, call.payload, signal), response]);
    return answer;
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

/** answer reads a request of a stream, and writes what respond makes of it. It resets the stream if that throws. */
export async function answer(stream: Stream, requestLimit: number, timeout: number, life: AbortSignal, respond: (request: Uint8Array) => Promise<Uint8Array> | Uint8Array): Promise<void> {
  const signal = AbortSignal.any([life, AbortSignal.timeout(timeout)]);
  try {
    await writeFrame(stream, await respond(await readFrame(stream, requestLimit, signal)), signal);
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}
