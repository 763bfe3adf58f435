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
/** Runs of frames that may wait: a new one begins where frames were lost, or at another rate. */
const MOST_RUNS = 4096;
/** Frames that come at once after a long stop: a small number. */
const MOST_AT_ONCE = 2 ** 30 - 1;
const SAMPLED = 8;
/** Bytes of a time at the end of a frame. */
export const STAMP = 8;

/**
 * Frames that arrive by the clock, whether anybody reads them or not (open loop): each has a time at which it was due, and waits in a
 * bounded queue from then on. Whoever comes late finds the delay in the frame, not in fewer frames.
 *
 * What waits is kept as runs of frames that were due at equal distances, so that a frame costs next to nothing: whoever is measured pays for it.
 */
export class Pace {
  readonly #cells: Float64Array;
  /** A ring of runs: when the oldest frame of each was due, microseconds from one to the next, how many they are. */
  readonly #due = new Float64Array(MOST_RUNS);
  readonly #gap = new Float64Array(MOST_RUNS);
  readonly #frames = new Int32Array(MOST_RUNS);
  /** The run in use that is oldest, how many there are, and frames in all of them. */
  #oldest = 0;
  #runs = 0;
  #count = 0;
  /** Whether what comes next does not go on where the newest run ends. */
  #apart = true;
  /** Frames that were taken, modulo `SAMPLED`. */
  #taken = 0;
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
      this.#apart = true;
      next[0] = now[0];
      next[1] = 1e6 / perSecond;
    }
    cells[PaceCell.NowUs] = now[0];
    if (perSecond === 0 || now[0] < next[0]) return this.#count;
    // What is due beyond that comes with the next look.
    const offered = Math.min(Math.floor((now[0] - next[0]) / next[1]) + 1, MOST_AT_ONCE) | 0;
    const most = cells[PaceCell.Queue] || PACE_QUEUE;
    const isNew = this.#apart || this.#runs === 0;
    const room = most < this.#count || (isNew && this.#runs === MOST_RUNS) ? 0 : (most - this.#count) | 0;
    const fits = offered < room ? offered : room;
    if (fits > 0) {
      if (isNew) this.#begin(next);
      this.#frames[(this.#oldest + this.#runs - 1) & (MOST_RUNS - 1)] += fits;
      this.#count += fits;
    }
    this.#apart = fits < offered;
    next[0] += next[1] * offered;
    cells[PaceCell.Offered] += offered;
    cells[PaceCell.Overflowed] += offered - fits;
    return this.#count;
  }

  /** A run, of no frames yet. @param next when its first one is due, and microseconds from one to the next */
  #begin(next: Float64Array): void {
    const run = (this.#oldest + this.#runs++) & (MOST_RUNS - 1);
    this.#due[run] = next[0];
    this.#gap[run] = next[1];
    this.#frames[run] = 0;
  }

  get waiting(): number {
    return this.#count;
  }

  /**
   * Takes the oldest frames, rows `first` to `end` of a batch, and writes the time at which it was due into the last bytes of every eighth: writing
   * and reading all of them would cost as much as the path that is measured.
   */
  take(bytes: DataView, start: Int32Array, length: Int32Array, first: number, end: number): void {
    let stamped = first + ((SAMPLED - this.#taken) & (SAMPLED - 1));
    for (let row = first; row < end; ) {
      const run = this.#oldest;
      const due = this.#due[run];
      const gap = this.#gap[run];
      const left = this.#frames[run];
      const taken = left < end - row ? left : end - row;
      for (; stamped < row + taken; stamped += SAMPLED)
        bytes.setFloat64(start[stamped] + length[stamped] - STAMP, due + (stamped - row) * gap, true);
      this.#frames[run] = left - taken;
      this.#due[run] = due + taken * gap;
      if (left === taken) {
        this.#oldest = (run + 1) & (MOST_RUNS - 1);
        this.#runs--;
      }
      row += taken;
    }
    this.#taken = (this.#taken + end - first) & (SAMPLED - 1);
    this.#count -= end - first;
  }
}
