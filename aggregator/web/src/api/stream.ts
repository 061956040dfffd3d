// A server-sent event stream, where there is no EventSource: as the answer to a POST, or in Node.

export interface StreamEvent {
  event: string;
  data: string;
}

/** Longest event that is read; a longer one breaks the stream. */
const MAX_EVENT = 1 << 20;

/** Yields the events of a response's body until it ends. onId is told of each id, before its event: one may also come alone. */
export async function* parseEvents(body: ReadableStream<Uint8Array> | null, onId?: (id: string) => void): AsyncGenerator<StreamEvent> {
  if (!body) return;
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest = (rest + value).replace(/\r\n/g, '\n');
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const event = parseEvent(rest.slice(0, end), onId);
        rest = rest.slice(end + 2);
        if (event) yield event;
      }
      if (rest.length > MAX_EVENT) throw new Error('an event of the stream is longer than 1 MiB');
    }
  } finally {
    await reader.cancel();
  }
}

function parseEvent(block: string, onId?: (id: string) => void): StreamEvent | null {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === 0) continue; // a comment keeps the connection alive
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    if (field === 'data') data.push(value);
    if (field === 'id') onId?.(value);
  }
  return data.length === 0 ? null : { event, data: data.join('\n') };
}
