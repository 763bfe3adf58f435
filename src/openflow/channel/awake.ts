/** How long the loop stays awake after an answer, and in how many of its turns at most. */
const STAY_MS = 0.15;
const TURNS = 300;
/** How long it does not, when so many times in a row somebody else wanted the processor or nothing had come. */
const TIRED_MS = 20;
const VAIN = 4;
/** Time between two empty turns, which take a few microseconds, from which on another thread has run meanwhile. */
const GAP_MS = 0.05;

/**
 * Keeps the event loop from sleeping between the messages of who sends one at a time and waits for each answer, as `ovs-ofctl add-flows`
 * does with its barriers: the next comes within some tens of microseconds, and to be put to sleep and woken takes longer than all the
 * rest. Who asks seldom, or on a machine that has other work, is waited for asleep: what is tried in vain is a hundredth of a processor.
 */
export class Awake {
  readonly #nowMs: () => number;
  #running = false;
  #turns = 0;
  #vain = 0;
  #untilMs = 0;
  #tiredUntilMs = 0;
  /** When the last turn was; null when a message has come since. */
  #lastMs: number | null = null;

  /** @param nowMs monotonic, with its fractions */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether the loop is kept awake. */
  get running(): boolean {
    return this.#running;
  }

  /** A message has come, which takes its time. */
  worked(): void {
    this.#lastMs = null;
  }

  /** Something has been answered whose sender waited for it. */
  stay(): void {
    const nowMs = this.#nowMs();
    if (nowMs < this.#tiredUntilMs) return;
    this.#untilMs = nowMs + STAY_MS;
    this.#turns = 0;
    this.#lastMs = null;
    if (this.#running) {
      this.#vain = 0;
      return;
    }
    this.#running = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    const nowMs = this.#nowMs();
    const preempted = this.#lastMs !== null && nowMs - this.#lastMs > GAP_MS;
    const over = nowMs >= this.#untilMs || ++this.#turns >= TURNS;
    this.#lastMs = nowMs;
    if (!over && !preempted) {
      setImmediate(this.#turn);
      return;
    }
    this.#running = false;
    if (++this.#vain < VAIN) return;
    this.#vain = 0;
    this.#tiredUntilMs = nowMs + TIRED_MS;
  };
}
