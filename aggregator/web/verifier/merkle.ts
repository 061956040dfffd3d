import { fromHex, type Hex } from './bytes.ts';
import { H } from './hash.ts';

function leaf(id: Hex): Uint8Array {
  return H('leaf', fromHex(id));
}

/** levels is the Merkle tree over 1 to 1,024 tx ids, leaves first. An odd last node moves up unchanged. */
export function levels(ids: readonly Hex[]): Uint8Array[][] {
  let level = ids.map(leaf);
  const out = [level];
  while (level.length > 1) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      next.push(i + 1 < level.length ? H('node', level[i]!, level[i + 1]!) : level[i]!);
    }
    out.push(next);
    level = next;
  }
  return out;
}

/** pathOf returns the siblings from leaf i up to the root. */
export function pathOf(tree: readonly Uint8Array[][], i: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  for (const level of tree.slice(0, -1)) {
    const sibling = level[i ^ 1];
    if (sibling !== undefined) path.push(sibling);
    i >>= 1;
  }
  return path;
}

/** fold computes the root from leaf i of count and its path; null if the path has too few or too many elements. */
export function fold(id: Hex, i: number, count: number, path: readonly Uint8Array[]): Uint8Array | null {
  let h = leaf(id);
  let used = 0;
  for (let w = count; w > 1; w = (w + 1) >> 1) {
    if (i % 2 === 1 || i !== w - 1) {
      const sibling = path[used++];
      if (sibling === undefined) return null;
      h = i % 2 === 1 ? H('node', sibling, h) : H('node', h, sibling);
    }
    i >>= 1;
  }
  return used === path.length ? h : null;
}
