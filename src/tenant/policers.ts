import type { SharedBuckets } from '../table/shared-buckets.ts';

/** Tokens at once: a tenth of a second, but never less than the dearest frame that must be able to pass. */
const BURST_SECONDS = 0.1;
const LEAST_PACKETS = 1024;
/** Packets that one super-frame of the usual kinds stands for: UDP_MAX_SEGMENTS, linux/udp.h; TCP has fewer. */
const LEAST_STORM = 128;
const LEAST_BITS = 65_600 * 8 * 2;

const LEAST = { packets: LEAST_PACKETS, storm: LEAST_STORM, bits: LEAST_BITS } as const;
export type PolicerKind = keyof typeof LEAST;

/** Hands out the workers' shared buckets to tenants and ports, and takes them back. */
export class Policers {
  readonly #buckets: SharedBuckets;
  readonly #free: number[] = [];
  readonly #clock: () => number;

  constructor(buckets: SharedBuckets, clock: () => number) {
    this.#buckets = buckets;
    this.#clock = clock;
    for (let i = buckets.count - 1; i >= 0; i--) this.#free.push(i);
  }

  /** @throws Error when there is none left */
  take(): number {
    const bucket = this.#free.pop();
    if (bucket === undefined) throw new Error(`more than ${this.#buckets.count} policers`);
    return bucket;
  }

  /** When no worker asks the bucket any more. */
  give(bucket: number): void {
    this.#free.push(bucket);
  }

  set(bucket: number, kind: PolicerKind, rate: number): void {
    this.#buckets.set(bucket, rate, Math.max(LEAST[kind], rate * BURST_SECONDS), this.#clock());
  }

  get free(): number {
    return this.#free.length;
  }

  get used(): number {
    return this.#buckets.count - this.#free.length;
  }
}

/** The policers of one tenant by what they are for. A rate that stays keeps its bucket and what is in it. */
export class TenantPolicers {
  readonly #policers: Policers;
  readonly #held = new Map<string, number>();
  #asked = new Set<string>();

  constructor(policers: Policers) {
    this.#policers = policers;
  }

  /** What is not asked for from now until `end` is no longer needed. */
  begin(): void {
    this.#asked = new Set();
  }

  /** @param rate a second; null: no limit @returns a bucket, -1 for no limit */
  bucket(kind: PolicerKind, what: string, rate: number | null): number {
    if (rate === null) return -1;
    const key = `${kind} ${what}`;
    this.#asked.add(key);
    const bucket = this.#held.get(key) ?? this.#policers.take();
    this.#held.set(key, bucket);
    this.#policers.set(bucket, kind, rate);
    return bucket;
  }

  /** Gives all back. */
  close(): void {
    this.begin();
    this.end()();
  }

  /** @returns what gives the rest back, to be called when no worker asks it any more */
  end(): () => void {
    const left = [...this.#held].filter(([key]) => !this.#asked.has(key));
    for (const [key] of left) this.#held.delete(key);
    return () => {
      for (const [, bucket] of left) this.#policers.give(bucket);
    };
  }
}
