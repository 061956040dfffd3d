// Slow motion: what took milliseconds, over a few seconds.
import { useEffect, useState } from 'preact/hooks';
import { still, STILL_STEP_MS } from '../shell/ticker.ts';
import { SLOWNESS } from './replay.ts';

/** How long the replay takes, whatever it shows. */
const REPLAY_MS = 4000;
/** How often a replay at a fraction of the speed is drawn. */
const STEP_MS = 16;

export interface Motion {
  /** The moment the drawing stands at, in its own milliseconds; Infinity when nothing is replayed. */
  until: number;
  running: boolean;
  toggle: () => void;
}

/** Replays something that took length milliseconds. */
export function useSlowMotion(length: number): Motion {
  const [started, setStarted] = useState<number | null>(null);
  const [share, setShare] = useState(0);
  useEffect(() => {
    if (started === null) return undefined;
    let frame = requestAnimationFrame(function loop(at) {
      const done = (at - started) / REPLAY_MS;
      if (done >= 1) setStarted(null);
      else {
        setShare(Math.max(0, done));
        frame = requestAnimationFrame(loop);
      }
    });
    return () => cancelAnimationFrame(frame);
  }, [started]);
  return {
    until: started === null ? Infinity : share * length,
    running: started !== null,
    toggle: () => {
      setShare(0);
      setStarted(started === null ? performance.now() : null);
    },
  };
}

export interface Replay {
  /** The moment of the run that is shown; null while the present is. */
  at: number | null;
  start: (span: { from: number; to: number }) => void;
  stop: () => void;
}

/** Plays spans of the past at a fraction of their speed, until they end or are stopped. */
export function useReplay(): Replay {
  const [span, setSpan] = useState<{ from: number; to: number } | null>(null);
  const [at, setAt] = useState(0);
  useEffect(() => {
    if (!span) return undefined;
    const began = performance.now();
    let timer: ReturnType<typeof setTimeout>;
    const step = () => {
      const next = span.from + (performance.now() - began) / SLOWNESS;
      if (next >= span.to) setSpan(null);
      else {
        setAt(next);
        timer = setTimeout(step, still.matches ? STILL_STEP_MS : STEP_MS);
      }
    };
    step();
    return () => clearTimeout(timer);
  }, [span]);
  return {
    at: span && at,
    start: (next) => {
      setAt(next.from);
      setSpan(next);
    },
    stop: () => setSpan(null),
  };
}

export function SlowMotion({ motion }: { motion: Motion }) {
  return <button type="button" class="quiet" onClick={motion.toggle}>{motion.running ? 'Stop' : 'Replay slowly'}</button>;
}
