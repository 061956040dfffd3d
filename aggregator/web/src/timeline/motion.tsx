// Slow motion: what took milliseconds, over a few seconds.
import { useEffect, useState } from 'preact/hooks';

/** How long the replay takes, whatever it shows. */
const REPLAY_MS = 4000;

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

export function SlowMotion({ motion }: { motion: Motion }) {
  return <button type="button" class="quiet" onClick={motion.toggle}>{motion.running ? 'Stop' : 'Replay slowly'}</button>;
}
