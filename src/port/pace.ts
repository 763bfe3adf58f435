/** Cells of the memory that a pace shares with the main thread. */
export const PaceCell = {
  /** Main thread: frames a second, 0: none. */
  PerSecond: 0,
  /** Worker: frames that were due, and those among them that found the queue full. */
  Offered: 1,
  Overflowed: 2,
  /** Worker: what the clock said last. */
  NowUs: 3,
  /** Main thread: frames that may wait, at most `LONGEST_QUEUE`; 0: `PACE_QUEUE`. */
  Queue: 4,
  WIDTH: 5,
} as const;

/**
 * Frames that may wait, as in the queue of a TAP or a network card; at most, where only the delay is asked for: a tenth of a second of ten million
 * frames, so that a machine which takes the processor away for longer than a frame should wait makes delays, not losses.
 */
export const PACE_QUEUE = 4096;
export const LONGEST_QUEUE = 1 << 20;
const MASK = LONGEST_QUEUE - 1;
const SAMPLED = 7;
/** Bytes of a time at the end of a frame. */
export const STAMP = 8;

/**
 * Frames that arrive by the clock, whether anybody reads them or not (open loop): each has a time at which it was due, and waits in a
 * bounded queue from then on. Whoever comes late finds the delay in the frame, not in fewer frames.
 */
export class Pace {
  readonly #cells: Float64Array;
  readonly #due = new Float64Array(LONGEST_QUEUE);
  /** Where the times in use begin, and how many there are. */
  #first = 0;
  #count = 0;
  /** Time of the next frame, and microseconds between two. */
  readonly #next = new Float64Array(2);
  #perSecond = 0;

  /** @param memory `PaceCell.WIDTH` doubles */
  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Float64Array(memory);
  }

  /** Lets everything arrive that is due by now. @param now microseconds, in its first element @returns frames that wait */
  arrive(now: Float64Array): number {
    const cells = this.#cells;
    const next = this.#next;
    const perSecond = cells[PaceCell.PerSecond];
    if (perSecond !== this.#perSecond) {
      this.#perSecond = perSecond;
      next[0] = now[0];
      next[1] = 1e6 / perSecond;
    }
    cells[PaceCell.NowUs] = now[0];
    if (perSecond === 0) return this.#count;
    const due = this.#due;
    const most = cells[PaceCell.Queue] || PACE_QUEUE;
    // A short queue stays in few cache lines. Every eighth frame carries its time still.
    if (this.#count === 0) this.#first &= SAMPLED;
    let offered = 0;
    let overflowed = 0;
    for (; next[0] <= now[0]; next[0] += next[1]) {
      offered++;
      if (this.#count >= most) overflowed++;
      else due[(this.#first + this.#count++) & MASK] = next[0];
    }
    cells[PaceCell.Offered] += offered;
    cells[PaceCell.Overflowed] += overflowed;
    return this.#count;
  }

  get waiting(): number {
    return this.#count;
  }

  /**
   * Takes the oldest frames, rows `first` to `end` of a batch, and writes the time at which it was due into the last bytes of every eighth: writing
   * and reading all of them would cost as much as the path that is measured.
   */
  take(bytes: DataView, start: Int32Array, length: Int32Array, first: number, end: number): void {
    const due = this.#due;
    let at = this.#first;
    for (let i = first; i < end; i++) {
      if ((at & SAMPLED) === 0) bytes.setFloat64(start[i] + length[i] - STAMP, due[at], true);
      at = (at + 1) & MASK;
    }
    this.#first = at;
    this.#count -= end - first;
  }
}
