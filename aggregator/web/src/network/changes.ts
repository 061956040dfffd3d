// Tells screens that the aggregator's peers have changed.
import { signal } from '@preact/signals';

/** Rises with every change, several at once counting as one. */
export const peersChanged = signal(0);

const SETTLE_MS = 200;
let timer: ReturnType<typeof setTimeout> | undefined;

export function peerChanged(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    peersChanged.value++;
  }, SETTLE_MS);
}
