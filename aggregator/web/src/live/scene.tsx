// The demo's scene, played again: Alice pays Bob pays Carol.
import { signal } from '@preact/signals';
import { playScene } from '../api/client.ts';
import { link, network } from '../state/store.ts';

interface SceneState {
  running: boolean;
  step: string;
  problem: string | null;
}

const scene = signal<SceneState>({ running: false, step: '', problem: null });

async function play(): Promise<void> {
  scene.value = { running: true, step: 'The money goes back to where it was; then the scene starts right after a block.', problem: null };
  try {
    let ended = false;
    await playScene((event, data) => {
      if (event === 'step') scene.value = { ...scene.value, step: (data as { label?: string }).label ?? '' };
      if (event === 'error') throw new Error((data as { message: string }).message);
      ended ||= event === 'done';
    });
    scene.value = { running: false, step: '', problem: ended ? null : 'The scene broke off before its end.' };
  } catch (problem) {
    scene.value = { running: false, step: '', problem: problem instanceof Error ? problem.message : String(problem) };
  }
}

export function Scene() {
  if (!network.value?.demo) return null;
  const { running, step, problem } = scene.value;
  return (
    <div class="scene">
      <button type="button" onClick={() => void play()} disabled={running || link.value !== 'live'}>
        {running ? 'The scene runs …' : 'Play the scene again'}
      </button>
      <p role="status">{problem ? <span class="bad-text">{problem}</span> : step || 'Alice pays Bob, and Bob pays Carol with that money at once.'}</p>
    </div>
  );
}
