/**
 * Token buckets whose rate several workers share exactly: a tenant's packets/s and bits/s. Time is cut into slots of `slotUs`
 * (1 ms, less for small bursts), and each slot makes one grant of `rate × slotUs` tokens. The only shared state is the number of
 * the last grant given out, one 32-bit word; a worker that runs dry draws as many grants as the frame lacks by one
 * compare-and-swap, and spends them by itself. A grant's number is the slot that made it; a bucket left alone forgets slots older
 * than the burst. So a CAS is paid once a millisecond and worker at high rates, once a frame at low ones, and never more than
 * `TRIES` times for a frame.
 *
 * Bound: in any time t all workers together pass at most rate × t + burst + one grant for each worker (what it may have saved)
 * and one for the slot that t cuts. A burst shorter than 50 µs of rate counts as 50 µs. A frame that costs more than the burst
 * never passes.
 * Idea: virtual scheduling (GCRA, ITU-T I.371, annex A), in whole slots, so that 32 bits hold it.
 */
const LONGEST_SLOT_US = 1000;
const SHORTEST_SLOT_US = 50;
const TRIES = 4;
/**
 * A worker that lost its core in mid-batch has an old time: the last grant may lie this many slots in its future (3 s at
 * least). Anything further is a wrap after long idleness, which a full burst answers.
 */
const SKEW = 65536;

// Shared words of a bucket, a cache line: which of two settings holds, and the last grant given out under each.
const WHICH = 0;
const LAST = 1;
const WORDS = 16;
// Shared doubles of a setting.
const GRANT = 0; // tokens of one slot; 0: no limit
const SLOT_US = 1;
const GRANTS = 2; // in a burst
const RATE = 3; // as given
const LIMIT = 4; // the burst as given
const SETTING = 8;

export interface SharedBucketsHandles {
  readonly memory: SharedArrayBuffer;
  readonly count: number;
}

export class SharedBuckets {
  readonly count: number;
  readonly #memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #settings: Float64Array;
  /** Tokens drawn and not yet spent by this thread, and the setting that they were drawn under. */
  readonly #saved: Float64Array;
  readonly #seen: Int32Array;
  readonly #nowUs = new Float64Array(1);

  /** @param count buckets, all of them unlimited at first */
  static create(count: number): SharedBuckets {
    return new SharedBuckets({ memory: new SharedArrayBuffer(count * (WORDS * 4 + 2 * SETTING * 8)), count });
  }

  static attach(handles: SharedBucketsHandles): SharedBuckets {
    return new SharedBuckets(handles);
  }

  private constructor({ memory, count }: SharedBucketsHandles) {
    this.count = count;
    this.#memory = memory;
    this.#words = new Int32Array(memory, 0, count * WORDS);
    this.#settings = new Float64Array(memory, count * WORDS * 4);
    this.#saved = new Float64Array(count);
    this.#seen = new Int32Array(count);
  }

  handles(): SharedBucketsHandles {
    return { memory: this.#memory, count: this.count };
  }

  /**
   * Control thread only: sets rate and burst; the bucket then is full. The same values as before change nothing.
   * @param ratePerSecond tokens a second, 0 for no limit
   * @param burst most tokens at once
   * @param nowUs the workers' monotonic microseconds
   */
  set(bucket: number, ratePerSecond: number, burst: number, nowUs: number): void {
    const words = this.#words;
    const settings = this.#settings;
    const which = words[bucket * WORDS + WHICH];
    // The burst is a whole number of grants, so that a frame of just the burst passes.
    const burstUs = ratePerSecond === 0 ? 0 : Math.max(SHORTEST_SLOT_US, (burst / ratePerSecond) * 1e6);
    const grants = Math.min(1 << 30, Math.ceil(burstUs / LONGEST_SLOT_US));
    const slotUs = burstUs / grants;
    const grant = (ratePerSecond * burstUs) / grants / 1e6;
    const old = (bucket * 2 + (which & 1)) * SETTING;
    if (settings[old + RATE] === ratePerSecond && settings[old + LIMIT] === burst) return;
    // The other setting is filled, then made the one that holds: no worker mixes the two.
    const next = (which + 1) | 0;
    const at = (bucket * 2 + (next & 1)) * SETTING;
    settings[at + RATE] = ratePerSecond;
    settings[at + LIMIT] = burst;
    settings[at + GRANT] = ratePerSecond === 0 ? 0 : grant;
    settings[at + SLOT_US] = slotUs;
    settings[at + GRANTS] = grants;
    Atomics.store(words, bucket * WORDS + LAST + (next & 1), (slotAt(nowUs, slotUs) - grants) | 0);
    Atomics.store(words, bucket * WORDS + WHICH, next);
  }

  /**
   * Takes tokens for one frame.
   * @param nowUs monotonic microseconds, the same clock in all workers
   * @returns false when over the rate, or after losing to other workers `TRIES` times; nothing is taken then. Never throws.
   */
  take(bucket: number, tokens: number, nowUs: number): boolean {
    const saved = this.#saved[bucket] - tokens;
    if (saved >= 0 && this.#words[bucket * WORDS + WHICH] === this.#seen[bucket]) {
      this.#saved[bucket] = saved;
      return true;
    }
    this.#nowUs[0] = nowUs;
    return this.#draw(bucket, tokens);
  }

  /** The time comes in `#nowUs`: a double that is passed to a function which is not inlined is allocated. */
  #draw(bucket: number, tokens: number): boolean {
    const words = this.#words;
    const at = bucket * WORDS;
    const which = words[at + WHICH];
    if (which !== this.#seen[bucket]) {
      this.#seen[bucket] = which;
      this.#saved[bucket] = 0;
    }
    const setting = (bucket * 2 + (which & 1)) * SETTING;
    const grant = this.#settings[setting + GRANT];
    if (grant === 0) return true;
    const grants = this.#settings[setting + GRANTS];
    const lack = tokens - this.#saved[bucket];
    // The rounding of three grants of a third must not ask for a fourth.
    const draw = Math.ceil(lack / grant - 1e-9);
    if (draw > grants) return false;
    const slot = slotAt(this.#nowUs[0], this.#settings[setting + SLOT_US]);
    const word = at + LAST + (which & 1);
    for (let i = 0; i < TRIES; i++) {
      const last = Atomics.load(words, word);
      let ready = (slot - last) | 0;
      if (ready > grants || ready < -SKEW) ready = grants;
      if (ready < draw) return false;
      if (Atomics.compareExchange(words, word, last, (slot - ready + draw) | 0) === last) {
        this.#saved[bucket] = Math.max(0, draw * grant - lack);
        return true;
      }
    }
    return false;
  }
}

/** Number of the slot, wrapped to 32 bits. */
function slotAt(nowUs: number, slotUs: number): number {
  return Math.floor(nowUs / slotUs) | 0;
}
