/** Small numbers given out and taken back, the lowest that was never used first. */
export class IndexPool {
  readonly #most: number;
  readonly #free: number[] = [];
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns -1 when there is none left */
  take(): number {
    return this.#free.pop() ?? (this.#next < this.#most ? this.#next++ : -1);
  }

  /** Takes `count` at once, or none. */
  takeMany(count: number): number[] | null {
    if (this.#free.length + this.#most - this.#next < count) return null;
    return Array.from({ length: count }, () => this.take());
  }

  give(index: number): void {
    this.#free.push(index);
  }

  giveMany(indices: readonly number[]): void {
    for (const index of indices) this.give(index);
  }
}
