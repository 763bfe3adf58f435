/** A token bucket for what the slow path itself does (the workers' buckets live in shared memory: src/table). */
export class Rate {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #last = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** @param nowMs monotonic milliseconds @returns false when over the rate */
  take(nowMs: number): boolean {
    if (nowMs > this.#last) {
      const gained = ((nowMs - this.#last) / 1000) * this.#perSecond;
      this.#tokens = Math.min(this.#burst, this.#tokens + gained);
      this.#last = nowMs;
    }
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
