/** A token bucket for what the slow path itself does (the workers' buckets live in shared memory: src/table). */
export class Rate {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  /** When it was last asked; undefined before the first time, from which it counts. */
  #last: number | undefined;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** @param nowMs monotonic milliseconds @returns false when over the rate */
  take(nowMs: number): boolean {
    const last = this.#last ?? nowMs;
    if (nowMs > last) {
      const gained = ((nowMs - last) / 1000) * this.#perSecond;
      this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    }
    this.#last = Math.max(nowMs, last);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
