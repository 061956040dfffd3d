import { defineConfig, mergeConfig } from 'vite';
import { budget } from './budget.ts';
import common from './vite.common.ts';

// The page that an aggregator serves.
export default mergeConfig(common, defineConfig({ plugins: [budget()] }));
