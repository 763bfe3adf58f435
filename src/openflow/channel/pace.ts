import type { Timers } from './timers.ts';

/** Lets something happen once in so many milliseconds, and whoever comes sooner wait for the rest of them. */
export class Pace {
  readonly #timers: Timers;
  readonly #ms: number;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(timers: Timers, ms: number) {
    this.#timers = timers;
    this.#ms = ms;
  }

  /** @returns when it may happen; null: now */
  turn(): Promise<void> | null {
    const rest = this.#lastMs + this.#ms - this.#timers.nowMs();
    if (rest <= 0) {
      this.#lastMs = this.#timers.nowMs();
      return null;
    }
    return new Promise((resolve) => {
      this.#timers.after(Math.ceil(rest), () => {
        this.#lastMs = this.#timers.nowMs();
        resolve();
      });
    });
  }
}
