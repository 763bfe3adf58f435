/** Writes microseconds into the first element; a function that returned them would make an object. */
export type Clock = (into: Float64Array) => void;

/** How often it is looked whether the worker had a processor all the time, and after which turn at once: none should take so long. */
const LOOK_US = 1000;
const LONG_US = 400;
/** Less is no interruption, but what interrupts and clocks take. */
const LEAST_US = 20;

/** One worker's times: the clock, read a few times a turn, and what of it the worker did not have, since others had the processor. */
export class WorkerTime {
  /** Microseconds, in the first element: a field would get a new object for every number. */
  readonly now = new Float64Array(1);
  nowMs = 0;
  readonly #clock: Clock;
  readonly #processor: Clock | null;
  readonly #reading = new Float64Array(1);
  /** Both clocks at the last look. */
  #lookedUs = 0;
  #usedUs = 0;
  #known = false;

  /** @param clock monotonic, of the same origin on all threads @param processor time for which the worker had a processor; null: not known */
  constructor(clock: Clock, processor: Clock | null) {
    this.#clock = clock;
    this.#processor = processor;
  }

  tick(): void {
    const { now } = this;
    this.#clock(now);
    this.nowMs = (now[0] / 1000) | 0;
  }

  /** What the clock says, wrapped to 32 bits: enough to charge by, and no object. */
  microseconds(): number {
    const reading = this.#reading;
    this.#clock(reading);
    return reading[0] | 0;
  }

  /** What was read last is now. */
  settle(): void {
    this.now[0] = this.#reading[0];
  }

  /** The worker may have slept until now: what it did not use nobody took from it. */
  slept(): void {
    if (this.#processor !== null) this.#look(this.now[0] | 0, this.#processor);
  }

  /** Nobody will look for a while. */
  forget(): void {
    this.#known = false;
  }

  /**
   * @param beganUs when the turn began, wrapped @param endedUs when it ended
   * @returns microseconds since the last look in which the worker had no processor; 0 when it is not time to look
   */
  stolen(beganUs: number, endedUs: number): number {
    if (this.#processor === null) return 0;
    const passed = (endedUs - this.#lookedUs) | 0;
    if (this.#known && passed < LOOK_US && ((endedUs - beganUs) | 0) < LONG_US) return 0;
    const before = this.#usedUs;
    const known = this.#known;
    const used = this.#look(endedUs, this.#processor);
    const stolen = known ? (passed - (used - before)) | 0 : 0;
    return stolen > LEAST_US ? stolen : 0;
  }

  /** Remembers what both clocks say. @returns how long the worker has had a processor, wrapped */
  #look(nowUs: number, processor: Clock): number {
    const reading = this.#reading;
    processor(reading);
    this.#lookedUs = nowUs;
    this.#usedUs = reading[0] | 0;
    this.#known = true;
    return this.#usedUs;
  }
}
