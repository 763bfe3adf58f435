import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import type { Ring } from '../frame/ring.ts';
import { TokenBucket } from '../table/token-bucket.ts';
import { Punt, PuntRecord } from './punt.ts';

/** Classes of punts, each with a rate of its own, so that neither pings nor packets to silent neighbours starve ARP. */
export const PuntClass = { Control: 0, Local: 1, Errors: 2, Events: 3, Resolve: 4, Moves: 5 } as const;
export type PuntClass = (typeof PuntClass)[keyof typeof PuntClass];

const EVENTS_PER_SECOND = 10;
/** Classes whose rates a tenant has, in the order of `setRates`. */
const PUNT_CLASSES = [PuntClass.Control, PuntClass.Local, PuntClass.Errors, PuntClass.Resolve] as const;

/**
 * The way from one tenant's path on one worker to the slow path: policed, bounded, never waiting. What does not fit is refused,
 * and the caller drops the frame as punt-rate or punt-full.
 */
export class Punter {
  /** Whether something was written since the worker last rang the slow path's bell. */
  rang = false;
  readonly #pool: Pool;
  readonly #ring: Ring;
  readonly #buckets: TokenBucket;
  #rates: readonly number[] = [];

  /** @param rates punts a second of the classes Control (and Resolve), Local and Errors; 0: none */
  constructor(pool: Pool, ring: Ring, rates: readonly [number, number, number]) {
    this.#pool = pool;
    this.#ring = ring;
    this.#buckets = new TokenBucket(6);
    this.#buckets.set(PuntClass.Events, EVENTS_PER_SECOND, EVENTS_PER_SECOND);
    // Whoever makes MACs move must not keep ACL logs and flaps from being told.
    this.#buckets.set(PuntClass.Moves, EVENTS_PER_SECOND, EVENTS_PER_SECOND);
    this.setRates(rates);
  }

  /** Rates that stay as they are keep their tokens. */
  setRates(rates: readonly [number, number, number]): void {
    const classes = [rates[0], rates[1], rates[2], rates[0]];
    PUNT_CLASSES.forEach((rate, i) => {
      if (classes[i] !== this.#rates[i]) this.#limit(rate, classes[i]);
    });
    this.#rates = classes;
  }

  #limit(rate: PuntClass, perSecond: number): void {
    // To a bucket a rate of 0 is no limit, and one without burst is shut.
    if (perSecond === 0) this.#buckets.set(rate, 1, 0);
    else this.#buckets.set(rate, perSecond, Math.max(32, perSecond / 4));
  }

  /** Whether the rate of the class lets one more through. Takes the token. */
  admit(rate: PuntClass, nowUs: number): boolean {
    return this.#buckets.take(rate, 1, nowUs);
  }

  /**
   * Writes a record with up to `most` bytes of frame i, without its VLAN tag.
   * @returns false when the ring is full
   */
  frame(batch: Batch, i: number, kind: number, iface: number, argument: number, most: number): boolean {
    const start = batch.start[i];
    const skip = batch.tagged[i] === 1 ? 4 : 0;
    const whole = batch.headLength[i] + batch.bodyLength[i] - skip;
    const length = whole < most ? whole : most;
    const at = this.#reserve(kind, batch.port[i], batch.vlan[i], iface, argument, length, whole);
    if (at < 0) return false;
    const to = at + PuntRecord.Frame;
    const from = this.#pool.octets;
    const into = this.#ring.octets;
    for (let k = 0; k < 12; k++) into[to + k] = from[start + k];
    const inHead = batch.headLength[i] - skip;
    const headPart = length < inHead ? length : inHead;
    for (let k = 12; k < headPart; k++) into[to + k] = from[start + skip + k];
    const bodyStart = batch.bodyStart[i] - headPart;
    for (let k = headPart; k < length; k++) into[to + k] = from[bodyStart + k];
    this.#ring.commit();
    this.rang = true;
    return true;
  }

  /** Writes a record without a frame, about an address on an interface. @returns false when the ring is full */
  address(kind: number, iface: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const at = this.#reserve(kind, 0, 0, iface, 0, 0, 0);
    if (at < 0) return false;
    const { bytes } = this.#ring;
    bytes.setInt32(at + PuntRecord.Address, w0, true);
    bytes.setInt32(at + PuntRecord.Address + 4, w1, true);
    bytes.setInt32(at + PuntRecord.Address + 8, w2, true);
    bytes.setInt32(at + PuntRecord.Address + 12, w3, true);
    this.#ring.commit();
    this.rang = true;
    return true;
  }

  #reserve(
    kind: number,
    port: number,
    vlan: number,
    iface: number,
    argument: number,
    length: number,
    whole: number,
  ): number {
    const ring = this.#ring;
    // A quarter is kept for what neighbours need, so that no flood of errors or pings leaves the tenant without ARP.
    if (kind !== Punt.Resolve && kind !== Punt.Arp && kind !== Punt.Neighbor && ring.room < ring.capacity >> 2)
      return -1;
    const at = ring.reserve(PuntRecord.Frame + length);
    if (at < 0) return -1;
    const { bytes } = ring;
    bytes.setInt32(at + PuntRecord.Kind, kind, true);
    bytes.setInt32(at + PuntRecord.Port, port, true);
    bytes.setInt32(at + PuntRecord.Vlan, vlan, true);
    bytes.setInt32(at + PuntRecord.Interface, iface, true);
    bytes.setInt32(at + PuntRecord.Argument, argument, true);
    bytes.setInt32(at + PuntRecord.FrameLength, whole, true);
    return at;
  }
}
