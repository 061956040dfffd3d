import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measure, type Piece } from './budget.ts';

const piece = (file: string, bytes: number, imports: string[] = [], more: Partial<Piece> = {}): Piece => ({
  file, bytes, imports, modules: [`/web/${file}`], isEntry: false, ...more,
});

test('a part is all that is loaded with it, less what the shell has brought', () => {
  const pieces = [
    piece('main.js', 10, ['shared.js', 'main.css'], { isEntry: true }), piece('main.css', 5), piece('shared.js', 3),
    piece('peer.js', 100, ['shared.js', 'noble.js']), piece('noble.js', 20, ['peer.js']),
  ];
  const parts = [
    { name: 'shell', root: null, kilobytes: 1 }, { name: 'p2p', root: 'peer.js', kilobytes: 1 }, { name: 'absent', root: 'absent.js', kilobytes: 1 },
  ];
  assert.deepEqual(measure(pieces, parts).map((m) => [m.part.name, m.bytes]), [['shell', 18], ['p2p', 120]]);
});

test('a build without an entry is an error', () => {
  assert.throws(() => measure([piece('peer.js', 1)], []), /no entry/);
});
