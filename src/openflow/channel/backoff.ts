import type { Timers } from './timers.ts';

const FIRST_MS = 250;
const LONGEST_MS = 8000;

/**
 * How long to wait before the next try: doubling from 250 ms to 8 s, each between half and the whole of that, so that switches that lost
 * one controller together do not come back together. The first try after a loss is made within a quarter of a second.
 */
export class Backoff {
  readonly #timers: Timers;
  #next = FIRST_MS;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** @returns milliseconds */
  next(): number {
    const whole = this.#next;
    this.#next = Math.min(LONGEST_MS, whole * 2);
    return Math.round((whole / 2) * (1 + this.#timers.random()));
  }

  /** After a connection that worked. */
  reset(): void {
    this.#next = FIRST_MS;
  }
}
