import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { inline } from './single.ts';

const html = `<!doctype html>
<html><head>
    <meta charset="utf-8" />
    <link rel="stylesheet" crossorigin href="./a.css">
    <script type="module" crossorigin src="./a.js"></script>
  </head>
  <body></body></html>`;

const hash = (text: string) => createHash('sha256').update(text).digest('base64');

test('script and style stand in the document, and its policy allows these alone', () => {
  const script = "const $ = '$&'; const a = '</script>';";
  const one = inline(html, script, 'a{}');
  const [, inside = ''] = /<script type="module">([\s\S]*?)<\/script>/.exec(one) ?? [];
  assert.equal(inside, "const $ = '$&'; const a = '<\\/script>';");
  assert.match(one, /<style>a\{\}<\/style>/);
  assert.ok(one.includes(`script-src 'sha256-${hash(inside)}'; style-src 'sha256-${hash('a{}')}'`));
  assert.doesNotMatch(one, /(src|href)=/);
});

test('a document that loads anything else is an error', () => {
  assert.throws(() => inline(html.replace('<body>', '<body><img src="a.png">'), '', ''), /still loads a file: src="a.png"/);
});
