import { type Batch, Kind } from '../../frame/batch.ts';
import { BandKind, PairColumn } from './log.ts';
import { SetField } from './program.ts';
import type { BandEntry, MeterEntry } from './store.ts';

/** What a meter says of a frame. */
export const Verdict = { Pass: 0, Drop: 1, Remark: 2 } as const;

/**
 * Carries out meters: every band has a bucket of tokens; of those that are empty the one with the highest rate acts.
 * Source: 1.3.5, section 5.7; Open vSwitch lib/dpif-netdev.c, dp_netdev_run_meter.
 */
export class Meters {
  readonly #meters: Float64Array;
  readonly #bands: Float64Array;
  /** DSCP that the last frame is to have, when it was to be remarked. */
  readonly dscp = new Int32Array(1);

  constructor(meters: SharedArrayBuffer, bands: SharedArrayBuffer) {
    this.#meters = new Float64Array(meters);
    this.#bands = new Float64Array(bands);
  }

  /**
   * @param index of the meter @param packets that the frame stands for @param bytes of them on the wire @param dscp of the frame, -1: it is no IP packet
   * @returns `Verdict`
   */
  take(meter: MeterEntry, index: number, packets: number, bytes: number, dscp: number, nowUs: number): number {
    const at = index * PairColumn.WIDTH;
    this.#meters[at] += packets;
    this.#meters[at + 1] += bytes;
    const cost = meter.bits ? bytes * 8 : packets;
    let acting: BandEntry | null = null;
    for (let b = 0; b < meter.bands.length; b++) {
      const band = meter.bands[b];
      const elapsed = band.beforeUs < 0 ? 0 : nowUs - band.beforeUs;
      band.beforeUs = nowUs;
      const filled = band.tokens + (elapsed * band.rate) / 1e6;
      band.tokens = filled < band.burst ? filled : band.burst;
      if (band.tokens >= cost) band.tokens -= cost;
      else if (acting === null || band.rate > acting.rate) acting = band;
    }
    if (acting === null) return Verdict.Pass;
    const place = acting.place * PairColumn.WIDTH;
    this.#bands[place] += packets;
    this.#bands[place + 1] += bytes;
    if (acting.kind === BandKind.Drop) return Verdict.Drop;
    if (dscp < 0) return Verdict.Pass;
    // The drop precedence of assured forwarding (RFC 2597) lies in bits 1 and 2 of the DSCP.
    const precedence = Math.min(3, ((dscp >> 1) & 3) + acting.level);
    this.dscp[0] = (dscp & ~6) | (precedence << 1);
    return Verdict.Remark;
  }
}

/** Whether frame i has a DSCP. */
export function hasDscp(batch: Batch, i: number): boolean {
  return batch.ipLength[i] > 0 && (batch.kind[i] === Kind.Ipv4 || batch.kind[i] === Kind.Ipv6);
}

export const REMARK = SetField.IpDscp;
