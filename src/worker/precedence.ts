/** Turns one after the other in which there was always something to do: about a millisecond. */
const BUSY_TURNS = 64;

/**
 * Whether a worker goes before other threads. One that is busy all the time does: what else wants its processor (collections of garbage, a control thread
 * at work, machines beside it) would otherwise take half of it, in pieces of milliseconds. One that sleeps now and then does not:
 * the kernel wakes it soon enough, and it would interrupt senders on its own processor after each frame, who have more to send.
 */
export class Precedence {
  readonly #goFirst: (first: boolean) => void;
  #first = false;
  #waits = 0;
  #turns = 0;

  /** @param goFirst asks the kernel */
  constructor(goFirst: (first: boolean) => void) {
    this.#goFirst = goFirst;
  }

  /** After each turn. @param waits how often the worker was ready to sleep until now */
  turned(waits: number): void {
    this.#turns = waits === this.#waits ? this.#turns + 1 : 0;
    this.#waits = waits;
    const first = this.#turns >= BUSY_TURNS;
    if (first === this.#first) return;
    this.#first = first;
    this.#goFirst(first);
  }
}
