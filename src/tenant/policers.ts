import type { SharedBuckets } from '../table/shared-buckets.ts';

/** Tokens at once: a tenth of a second, but never less than the dearest frame that must be able to pass. */
const BURST_SECONDS = 0.1;
const LEAST_PACKETS = 1024;
/** Packets that one super-frame of the usual kinds stands for: UDP_MAX_SEGMENTS, linux/udp.h; TCP has fewer. */
const LEAST_STORM = 128;
const LEAST_BITS = 65_600 * 8 * 2;

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

  /** @returns a bucket for packets a second, -1 for no limit */
  packets(rate: number | null): number {
    return rate === null ? -1 : this.#take(rate, Math.max(LEAST_PACKETS, rate * BURST_SECONDS));
  }

  /** @returns a bucket for group and unknown packets a second, -1 for no limit */
  storm(rate: number | null): number {
    return rate === null ? -1 : this.#take(rate, Math.max(LEAST_STORM, rate * BURST_SECONDS));
  }

  /** @returns a bucket for bits a second, -1 for no limit */
  bits(rate: number | null): number {
    return rate === null ? -1 : this.#take(rate, Math.max(LEAST_BITS, rate * BURST_SECONDS));
  }

  give(bucket: number): void {
    if (bucket >= 0) this.#free.push(bucket);
  }

  #take(rate: number, burst: number): number {
    const bucket = this.#free.pop();
    if (bucket === undefined) throw new Error(`more than ${this.#buckets.count} policers`);
    this.#buckets.set(bucket, rate, burst, this.#clock());
    return bucket;
  }
}
