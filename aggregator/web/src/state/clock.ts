// One clock for everything on the page: the aggregator's, by which it tells when it saw
// what. This tab's own clock is turned into it.

/**
 * Follows another clock by the moments that arrive from it. A moment arrives after it
 * was, never before, so the smallest difference seen is the closest to the truth.
 */
export class Clock {
  #now: () => number;
  #offset: number | null = null;

  /** now is this tab's clock, in milliseconds; only differences matter. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Takes a moment of the other clock, in its milliseconds, that has just arrived. A
   * clock that was set is followed when it is more than a second off.
   */
  arrived(moment: number): void {
    const offset = this.#now() - moment;
    if (this.#offset === null || offset < this.#offset || offset > this.#offset + 1000) this.#offset = offset;
  }

  /** A guess for as long as nothing has arrived. */
  assume(moment: number): void {
    if (this.#offset === null) this.#offset = this.#now() - moment;
  }

  /** The other clock's time, in its milliseconds. */
  now(): number {
    return this.at(this.#now());
  }

  /** The other clock's time at a moment of this tab's clock. */
  at(local: number): number {
    return local - (this.#offset ?? 0);
  }
}
