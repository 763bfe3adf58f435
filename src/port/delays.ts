/** A bucket is at most a sixteenth wide of what it holds. */
const STEPS = 16;
const BITS = 4;
/** Delays are counted in sixteenths of a microsecond; beyond two minutes all are the same. */
const PER_US = 16;
const LONGEST = 0x7fff_ffff;
const BUCKETS = (31 - BITS + 1) * STEPS;

/** Memory for `Delays`: doubles that begin at zero. */
export function delaysMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(BUCKETS * 8);
}

/**
 * Delays, counted by size in buckets that grow with it, in shared memory: one thread adds, another reads. The idea: HdrHistogram
 * (Gil Tene), a bucket is told by the highest bits of the value.
 */
export class Delays {
  readonly #counts: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#counts = new Float64Array(memory);
  }

  /** Counts one delay. */
  add(us: number): void {
    const scaled = us * PER_US;
    const value = scaled >= LONGEST ? LONGEST : scaled | 0;
    this.#counts[value < STEPS ? (value < 0 ? 0 : value) : indexOf(value)]++;
  }

  /** How many there are of each size by now: to be compared with a later copy. */
  snapshot(): Float64Array {
    return this.#counts.slice();
  }
}

function indexOf(value: number): number {
  const top = 31 - Math.clz32(value);
  return ((top - BITS + 1) << BITS) + ((value >>> (top - BITS)) & (STEPS - 1));
}

/**
 * @param share 0 to 1 @param before counts at the beginning @param after counts at the end
 * @returns microseconds that so large a share of the delays between both did not exceed, NaN when there is none
 */
export function delayQuantile(share: number, before: Float64Array, after: Float64Array): number {
  const counts = after.map((count, i) => count - before[i]);
  const all = counts.reduce((sum, count) => sum + count, 0);
  let left = Math.max(1, Math.ceil(all * share));
  for (let i = 0; i < counts.length; i++) {
    left -= counts[i];
    if (left <= 0) return upperEdge(i) / PER_US;
  }
  return Number.NaN;
}

function upperEdge(index: number): number {
  if (index < STEPS) return index + 1;
  const top = (index >> BITS) + BITS - 1;
  return 2 ** top + ((index & (STEPS - 1)) + 1) * 2 ** (top - BITS);
}
