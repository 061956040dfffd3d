// Makes carol.html one file: script and style stand in the document, under a policy that
// allows these and nothing else.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Plugin, Rolldown } from 'vite';

/** Returns a document with its one script and style sheet inside. It throws if it loads anything else. */
export function inline(html: string, script: string, style: string): string {
  const safe = script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--'); // both only stand in literals
  const policy = [
    "default-src 'none'", `script-src ${sourceOf(safe)}`, `style-src ${sourceOf(style)}`, 'img-src data:', 'connect-src ws: wss:', "base-uri 'none'", "form-action 'none'",
  ].join('; ');
  const bare = html
    .replace(/\s*<script type="module"[^>]*><\/script>/, '')
    .replace(/\s*<link rel="stylesheet"[^>]*>/, '');
  const loads = /(?:src|href)=/.exec(bare);
  if (loads) throw new Error(`single: the document still loads a file: ${bare.slice(loads.index, loads.index + 60)}`);
  const head = `<meta http-equiv="Content-Security-Policy" content="${policy}" />`;
  return bare
    .replace('<meta charset="utf-8" />', (meta) => `${meta}\n    ${head}`)
    .replace('</head>', (end) => `  <style>${style}</style>\n  ${end}`)
    .replace('</body>', (end) => `  <script type="module">${safe}</script>\n  ${end}`);
}

const sourceOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Writes the document alone, and fails if it weighs more than kilobytes after gzip. */
export function single(kilobytes: number): Plugin {
  return {
    name: 'single',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const files = Object.values(bundle);
        const chunks = files.filter((f): f is Rolldown.OutputChunk => f.type === 'chunk');
        const text = (end: string) => files.flatMap((f) => (f.type === 'asset' && f.fileName.endsWith(end) ? [String(f.source)] : []));
        const [html, ...others] = files.filter((f): f is Rolldown.OutputAsset => f.type === 'asset' && f.fileName.endsWith('.html'));
        if (!html || others.length > 0 || chunks.length !== 1) this.error(`single: ${chunks.length} scripts and ${others.length + (html ? 1 : 0)} documents: one of each can be one file`);
        html.source = inline(String(html.source), chunks[0]!.code, text('.css').join('\n'));
        for (const f of files) if (f !== html) delete bundle[f.fileName];
        const weight = gzipSync(html.source, { level: 9 }).length / 1000;
        console.log(`${html.fileName} ${weight.toFixed(1)} kB of ${kilobytes} kB gzip`);
        if (weight > kilobytes) this.error(`too heavy: ${html.fileName}: load less`);
      },
    },
  };
}
