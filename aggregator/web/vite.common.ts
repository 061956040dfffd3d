import { defineConfig } from 'vite';

// The builds are reproducible: the lockfile pins every tool, names of files follow from
// their content, and nothing of the machine or the hour gets in.
export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'], // these know light-dark()
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    assetsInlineLimit: 0, // the content security policy allows no data: but for images
    chunkSizeWarningLimit: 1000,
  },
});
