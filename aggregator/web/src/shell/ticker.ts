// The present moment, for what moves by itself.
import { computed, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { blockTime, clock, latest, STALE_BLOCKS } from '../state/store.ts';

/** Whether the visitor wants things to stand still. */
export const still = matchMedia('(prefers-reduced-motion: reduce)');

/** The aggregator's time in milliseconds, a few times a second while something reads it. */
export const now = signal(clock.now());

/** Whether the chain has shown no block for so long that nothing should be judged by it. */
export const stale = computed(() => latest.value !== null && now.value - latest.value.at > STALE_BLOCKS * blockTime.value);

const STEP_MS = 100;
export const STILL_STEP_MS = 1000;

/** Lets {@link now} run for as long as the page lives. */
export function tick(): void {
  const step = () => {
    if (document.visibilityState === 'visible') now.value = clock.now();
    setTimeout(step, still.matches ? STILL_STEP_MS : STEP_MS);
  };
  step();
}

/**
 * Calls draw before each frame while the page is visible; once a second for those who
 * want no motion.
 */
export function useFrames(draw: () => void): void {
  useEffect(() => {
    let frame = 0;
    let last = -Infinity;
    const loop = (at: number) => {
      if (at - last >= (still.matches ? STILL_STEP_MS : 0)) {
        last = at;
        draw();
      }
      frame = requestAnimationFrame(loop);
    };
    frame = requestAnimationFrame(loop);
    return () => cancelAnimationFrame(frame);
  });
}
