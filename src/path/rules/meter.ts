import { type Batch, Kind } from '../../frame/batch.ts';
import { SharedBuckets } from '../../table/shared-buckets.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { BandEntry, MeterEntry } from './entries.ts';
import { BandKind, PairColumn, type RulesImage } from './log.ts';

/** What a meter says of a frame. */
export const Verdict = { Pass: 0, Drop: 1, Remark: 2 } as const;

/**
 * Carries out meters: every band has tokens of its own, which all workers share; of the bands that are over their rate the one with
 * the highest rate acts. Source: 1.3.5, section 5.7; Open vSwitch lib/dpif-netdev.c, dp_netdev_run_meter.
 */
export class Meters {
  readonly #meters: Float64Array;
  readonly #bands: Float64Array;
  readonly #rates: SharedBuckets;
  /** DSCP that the last frame is to have, when it was to be remarked. */
  dscp = 0;

  constructor(image: RulesImage, worker: number) {
    this.#meters = new Float64Array(image.workers[worker].meters);
    this.#bands = new Float64Array(image.workers[worker].bands);
    this.#rates = SharedBuckets.attach(image.rates);
  }

  /**
   * @param index of the meter @param packets that the frame stands for, and their bytes @param dscp of the frame, -1: it is no IP packet
   * @returns `Verdict`
   */
  take(meter: MeterEntry, index: number, packets: number, bytes: number, nowUs: number, dscp: number): number {
    const at = index * PairColumn.WIDTH;
    this.#meters[at] += packets;
    this.#meters[at + 1] += bytes;
    const cost = meter.bits ? bytes * 8 : packets;
    const { bands } = meter;
    let acting: BandEntry | null = null;
    for (let b = 0; b < bands.length; b++) {
      const band = bands[b];
      if (!this.#rates.take(band.place, cost, nowUs) && (acting === null || band.rate > acting.rate)) acting = band;
    }
    if (acting === null) return Verdict.Pass;
    const place = acting.place * PairColumn.WIDTH;
    this.#bands[place] += packets;
    this.#bands[place + 1] += bytes;
    if (acting.kind === BandKind.Drop) return Verdict.Drop;
    if (dscp < 0) return Verdict.Pass;
    // The drop precedence of assured forwarding (RFC 2597) lies in bits 1 and 2 of the DSCP.
    const precedence = Math.min(3, ((dscp >> 1) & 3) + acting.level);
    this.dscp = (dscp & ~6) | (precedence << 1);
    return Verdict.Remark;
  }
}

/** DSCP of a frame whose columns `Parse` has set, -1: it is no IP packet. */
export function dscpOf(batch: Batch, i: number, bytes: DataView): number {
  if (batch.ipLength[i] === 0) return -1;
  if (batch.kind[i] === Kind.Ipv4) return ipv4.typeOfService(bytes, batch.l3[i]) >> 2;
  return batch.kind[i] === Kind.Ipv6 ? ipv6.trafficClass(bytes, batch.l3[i]) >> 2 : -1;
}
