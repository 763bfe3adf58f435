/**
 * A lock of a table that several threads write, one word of shared memory: workers try it and never wait; the control thread waits. It
 * says who has it, so that it can be opened for a worker that died with it.
 */
export class TableLock {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #mine: number;

  /** @param at index of the lock's word, 0 while it is open @param worker who we are; -1: the control thread */
  constructor(words: Int32Array, at: number, worker: number) {
    this.#words = words;
    this.#at = at;
    this.#mine = worker + 2;
  }

  tryLock(): boolean {
    return Atomics.compareExchange(this.#words, this.#at, 0, this.#mine) === 0;
  }

  unlock(): void {
    Atomics.store(this.#words, this.#at, 0);
  }

  /** Control: holders keep it for less than a microsecond unless the kernel takes their core away. */
  lock(): void {
    for (let tries = 0; tries < 5000; tries++) {
      if (this.tryLock()) return;
      Atomics.wait(this.#words, this.#at, Atomics.load(this.#words, this.#at) || this.#mine, 1);
    }
    throw new Error('the lock of a table was held for five seconds: the thread that held it is gone');
  }

  /** Control: whether a worker has it, who may be dead. */
  isHeldBy(worker: number): boolean {
    return Atomics.load(this.#words, this.#at) === worker + 2;
  }
}
