// What a visitor downloads, in kB of gzip, is bounded: a build that exceeds a bound fails.
import { gzipSync } from 'node:zlib';
import type { Plugin, Rolldown } from 'vite';

/** A part of the page that is loaded as one: the modules it is known by, and its bound. */
export interface Part {
  name: string;
  /** End of the path of the module at its root; null for what every visitor loads first. */
  root: string | null;
  /** 1000 bytes each, after gzip. */
  kilobytes: number;
}

const PARTS: Part[] = [
  { name: 'shell', root: null, kilobytes: 40 },
  { name: 'signing', root: 'src/pay/signing.ts', kilobytes: 100 },
  { name: 'p2p', root: 'peer/index.ts', kilobytes: 190 },
];

/** A chunk or style sheet, as far as the bounds are concerned. */
export interface Piece {
  file: string;
  /** Paths of the modules inside. */
  modules: string[];
  /** Files that are loaded with it. */
  imports: string[];
  isEntry: boolean;
  bytes: number;
}

export interface Measured {
  part: Part;
  bytes: number;
  files: string[];
}

/**
 * Adds up each part: a root and all that is loaded with it, less what the shell has
 * brought already. A part that is not in the build is left out; a missing shell is an error.
 */
export function measure(pieces: Piece[], parts: Part[]): Measured[] {
  const byFile = new Map(pieces.map((piece) => [piece.file, piece]));
  const closure = (from: Piece, into: Set<string>): Set<string> => {
    if (into.has(from.file)) return into;
    into.add(from.file);
    for (const file of from.imports) {
      const piece = byFile.get(file);
      if (piece) closure(piece, into);
    }
    return into;
  };
  const entry = pieces.find((piece) => piece.isEntry);
  if (!entry) throw new Error('budget: the build has no entry');
  const shell = closure(entry, new Set());
  const measured: Measured[] = [];
  for (const part of parts) {
    const root = part.root === null ? entry : pieces.find((p) => p.modules.some((m) => m.endsWith(part.root ?? '')));
    if (!root) continue;
    const files = [...closure(root, new Set())].filter((file) => part.root === null || !shell.has(file));
    const bytes = files.reduce((sum, file) => sum + (byFile.get(file)?.bytes ?? 0), 0);
    measured.push({ part, bytes, files });
  }
  return measured;
}

/** Says what each part weighs and fails if one exceeds its bound. */
export function budget(parts: Part[] = PARTS): Plugin {
  return {
    name: 'budget',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const measured = measure(Object.values(bundle).map(pieceOf), parts);
        const lines = measured.map(
          (m) => `${m.part.name.padEnd(8)} ${(m.bytes / 1000).toFixed(1).padStart(6)} kB of ${m.part.kilobytes} kB gzip`,
        );
        console.log(lines.join('\n'));
        const heavy = measured.filter((m) => m.bytes > m.part.kilobytes * 1000);
        if (heavy.length > 0) {
          this.error(`too heavy: ${heavy.map((m) => `${m.part.name} (${m.files.join(', ')})`).join('; ')}: load less, or load it later`);
        }
      },
    },
  };
}

function pieceOf(output: Rolldown.OutputAsset | Rolldown.OutputChunk): Piece {
  if (output.type === 'asset') {
    return { file: output.fileName, modules: [], imports: [], isEntry: false, bytes: gzipSync(output.source, { level: 9 }).length };
  }
  const css = [...(output.viteMetadata?.importedCss ?? [])];
  return {
    file: output.fileName,
    modules: Object.keys(output.modules),
    imports: [...output.imports, ...css],
    isEntry: output.isEntry,
    bytes: gzipSync(output.code, { level: 9 }).length,
  };
}
