import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEvents } from './stream.ts';

async function read(...chunks: string[]): Promise<{ event: string; data: string }[]> {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      controller.close();
    },
  });
  return Array.fromAsync(parseEvents(body));
}

test('events come whole, wherever the stream is cut', async () => {
  const text = 'event: step\ndata: {"a":1}\n\n: still here\n\nid: 7\nevent: done\r\ndata: x\r\ndata: y\r\n\r\n';
  const want = [{ event: 'step', data: '{"a":1}' }, { event: 'done', data: 'x\ny' }];
  assert.deepEqual(await read(text), want);
  assert.deepEqual(await read(...text), want);
});

test('an id is told before its event, and without one', async () => {
  const told: string[] = [];
  const body = new Response('retry: 1\nid: 7\n\nid: 8\ndata: x\n\ndata: y\n\n').body;
  for await (const { data } of parseEvents(body, (id) => told.push(id))) told.push(data);
  assert.deepEqual(told, ['7', '8', 'x', 'y']);
});

test('an event without an end is not taken, and one without end breaks the stream', async () => {
  assert.deepEqual(await read('event: step\ndata: 1'), []);
  await assert.rejects(read(`data: ${'x'.repeat(600_000)}`, 'x'.repeat(600_000)), /longer than/);
});
