import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** Words of a bell, from where it begins. */
const COUNT = 0;
const AWAITED = 1;
export const BELL_WORDS = 2;
/** How long whoever was rung for while it was busy leaves the bell alone. */
const LULL_MS = 1;

/**
 * A worker's way to tell the main thread that something waits for it. To wake a thread is a system call and an interrupt of another processor,
 * tens of microseconds under a hypervisor: so nobody is woken who is awake, and whoever is rung for all the time comes once a millisecond.
 */
export class Bell {
  readonly #words: Int32Array;
  readonly #at: number;

  /** @param at first of `BELL_WORDS` words, shared by both threads, 0 at first */
  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /** Worker: something waits. */
  ring(): void {
    Atomics.add(this.#words, this.#at + COUNT, 1);
    // Whoever is not awaiting it looks at the count before it does.
    if (Atomics.load(this.#words, this.#at + AWAITED) !== 0) this.wake();
  }

  /** Lets go whoever awaits it. */
  wake(): void {
    Atomics.notify(this.#words, this.#at + COUNT);
  }

  /**
   * Main thread: resolves when it has been rung since `seen`, the value that this returned last (0 at first), or `wake` was called; in a later
   * turn of the event loop in any case.
   */
  async rung(seen: number): Promise<number> {
    const count = this.#at + COUNT;
    if (Atomics.load(this.#words, count) === seen) {
      Atomics.store(this.#words, this.#at + AWAITED, 1);
      const wait = Atomics.waitAsync(this.#words, count, seen);
      if (wait.async) await wait.value;
      else await nextTurn();
      Atomics.store(this.#words, this.#at + AWAITED, 0);
    } else await sleep(LULL_MS);
    return Atomics.load(this.#words, count);
  }
}
