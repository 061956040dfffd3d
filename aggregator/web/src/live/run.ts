// The run that the address asks for: it may be older than what the page loads by itself.
import { signal } from '@preact/signals';
import * as api from '../api/client.ts';
import { runOf } from '../route.ts';
import { payments, putPayments } from '../state/store.ts';

/** Levels of parents that are loaded: a chain of payments is no deeper. */
const MAX_DEPTH = 32;

/** The tx id that the address names; null if it names none. */
export const asked = signal(runOf(location.search));
/** Why the run cannot be shown; null while nothing is wrong. */
export const runProblem = signal<string | null>(null);

/** Loads a payment with all that it rests on. */
export async function loadRun(id: string): Promise<void> {
  runProblem.value = null;
  try {
    let wanted = [id];
    for (let depth = 0; wanted.length > 0 && depth < MAX_DEPTH; depth++) {
      const unknown = wanted.filter((w) => !payments.value.has(w));
      putPayments(await Promise.all(unknown.map((w) => api.payment(w))));
      wanted = wanted.flatMap((w) => payments.value.get(w)?.parents ?? []);
    }
  } catch (problem) {
    runProblem.value = problem instanceof Error ? problem.message : String(problem);
  }
}
