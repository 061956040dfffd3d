import { defineConfig, mergeConfig } from 'vite';
import common from './vite.common.ts';
import { single } from './single.ts';

// carol.html: the page as one file that opens from a disk. It goes beside the other build.
export default mergeConfig(common, defineConfig({
  publicDir: false,
  build: {
    emptyOutDir: false,
    cssCodeSplit: false,
    rolldownOptions: { input: 'carol.html', output: { codeSplitting: false } },
  },
  plugins: [single(250)],
}));
