import type { Batch } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Ring } from '../../frame/ring.ts';
import type { TxQueue } from '../../frame/tx-queue.ts';
import { FrameFilter } from './frame-filter.ts';
import { bodyAt, CaptureCount, CaptureRecord, Point } from './record.ts';
import { offloadBefore, offloadOf, type Tap } from './tap.ts';

/** What is captured of a tenant's frames, and where it goes. */
export interface CaptureOrder {
  readonly id: number;
  /** Points that are wanted: a bit each, 1 << `Point`. */
  readonly points: number;
  /** Only what comes from or leaves by this port; -1: all. */
  readonly row: number;
  /** As `FrameFilter` takes it. */
  readonly filter: Int32Array;
  /** Most bytes of a frame that are kept. */
  readonly snap: number;
  /** Memory of the worker's ring of records, and of its counters: `CaptureCount` doubles a row. */
  readonly ring: SharedArrayBuffer;
  readonly counts: SharedArrayBuffer;
}

/** Entries of a transmit queue, at most. */
const QUEUE = 4096;
/** In the place of a record: the frame is none of those asked for; there was no room for it. */
const PASSED = -1;
const LOST = -2;

/**
 * Copies frames of a tenant into a ring to the capture's reader. It never waits: what finds no room is counted as lost, by the port it
 * was seen at, so that seen = written + lost. Records of a batch become visible together.
 */
export class CaptureTap implements Tap {
  readonly id: number;
  readonly drops: boolean;
  readonly #tenant: number;
  readonly #points: number;
  readonly #row: number;
  readonly #snap: number;
  readonly #filter: FrameFilter;
  readonly #bytes: DataView;
  readonly #from: Int32Array;
  readonly #ring: Ring;
  readonly #into: Int32Array;
  readonly #counts: Float64Array;
  readonly #now = new Float64Array(1);
  /** By place in the queue that is about to be handed over. */
  readonly #places = new Int32Array(QUEUE);

  constructor(pool: Pool, tenant: number, order: CaptureOrder) {
    this.id = order.id;
    this.drops = (order.points & (1 << Point.Drop)) !== 0;
    this.#tenant = tenant;
    this.#points = order.points;
    this.#row = order.row;
    this.#snap = order.snap;
    this.#filter = new FrameFilter(pool, order.filter);
    this.#bytes = pool.bytes;
    this.#from = new Int32Array(pool.memory);
    this.#ring = new Ring(order.ring);
    const { octets } = this.#ring;
    this.#into = new Int32Array(octets.buffer, octets.byteOffset);
    this.#counts = new Float64Array(order.counts);
  }

  stamp(nowUs: Float64Array): void {
    this.#now[0] = nowUs[0];
  }

  ingress(batch: Batch): void {
    if ((this.#points & (1 << Point.Ingress)) === 0) return;
    const { count, port, start, headLength, bodyStart, bodyLength } = batch;
    for (let i = 0; i < count; i++) {
      const row = port[i];
      if (this.#row >= 0 && row !== this.#row) continue;
      if (!this.#filter.matches(row, start[i], headLength[i], bodyStart[i], bodyLength[i])) continue;
      const offload = offloadOf(batch, i);
      this.#keep(Point.Ingress, row, -1, -1, start[i], headLength[i], bodyStart[i], bodyLength[i], offload);
    }
    this.#ring.commit();
  }

  dropped(
    row: number,
    to: number,
    reason: number,
    start: number,
    headLength: number,
    bodyStart: number,
    bodyLength: number,
    offload: number,
  ): void {
    if (!this.drops || (this.#row >= 0 && row !== this.#row && to !== this.#row)) return;
    if (!this.#filter.matches(row, start, headLength, bodyStart, bodyLength)) return;
    this.#keep(Point.Drop, row, to, reason, start, headLength, bodyStart, bodyLength, offload);
    this.#ring.commit();
  }

  egress(queue: TxQueue, count: number): void {
    const wanted = (this.#points & (1 << Point.Egress)) !== 0;
    const { tenant, row, port, start, headLength, bodyStart, bodyLength, body } = queue;
    const places = this.#places;
    for (let k = 0; k < count; k++) {
      places[k] = PASSED;
      if (tenant[k] !== this.#tenant) continue;
      if (this.#row >= 0 && port[k] !== this.#row && row[k] !== this.#row) continue;
      // Dropped ones may be wanted alone, and only of a port that they came from.
      if (!this.drops && (!wanted || (this.#row >= 0 && port[k] !== this.#row))) continue;
      const inBody = body[k] < 0 ? 0 : bodyLength[k];
      if (!this.#filter.matches(row[k], start[k], headLength[k], bodyStart[k], inBody)) continue;
      const offload = offloadBefore(this.#bytes, start[k]);
      places[k] = this.#keep(Point.Egress, row[k], port[k], -1, start[k], headLength[k], bodyStart[k], inBody, offload);
    }
  }

  taken(queue: TxQueue, count: number, taken: number, reason: number): void {
    const wanted = (this.#points & (1 << Point.Egress)) !== 0;
    const places = this.#places;
    const { bytes } = this.#ring;
    for (let k = 0; k < count; k++) {
      const at = places[k];
      if (at === PASSED) continue;
      const to = queue.port[k];
      const isHere = wanted && (this.#row < 0 || to === this.#row);
      if (k < taken && isHere) continue;
      // It was told of too early: it has not left, or is none that is asked for.
      this.#count(to, at, -1);
      if (k >= taken && this.drops) {
        if (at >= 0) {
          bytes.setInt32(at + CaptureRecord.Point, Point.Drop, true);
          bytes.setInt32(at + CaptureRecord.Reason, reason, true);
        }
        this.#count(queue.row[k], at, 1);
      } else if (at >= 0) bytes.setInt32(at + CaptureRecord.Point, Point.Void, true);
    }
    this.#ring.commit();
  }

  /** @param at of its record, or `LOST` @param by -1 takes back that it was counted */
  #count(row: number, at: number, by: 1 | -1): void {
    const counts = this.#counts;
    const cell = row * CaptureCount.WIDTH;
    counts[cell + CaptureCount.Seen] += by;
    if (at < 0) counts[cell + CaptureCount.Lost] += by;
  }

  /** Counts a frame and writes its record, which becomes visible with the next `commit`. @returns its position, or `LOST` */
  #keep(
    point: number,
    row: number,
    to: number,
    reason: number,
    start: number,
    headLength: number,
    bodyStart: number,
    bodyLength: number,
    offload: number,
  ): number {
    const ring = this.#ring;
    const snap = this.#snap;
    const inHead = headLength < snap ? headLength : snap;
    const inBody = bodyLength < snap - inHead ? bodyLength : snap - inHead;
    const skip = start & 3;
    const bodySkip = inBody === 0 ? 0 : bodyStart & 3;
    const head = (skip + inHead + 3) & ~3;
    const body = (bodySkip + inBody + 3) & ~3;
    const at = ring.reserve(CaptureRecord.Frame + head + body);
    const seenAt = point === Point.Egress ? to : row;
    if (at < 0) {
      this.#count(seenAt, LOST, 1);
      return LOST;
    }
    this.#count(seenAt, at, 1);
    const { bytes } = ring;
    bytes.setInt32(at + CaptureRecord.Point, point, true);
    bytes.setInt32(at + CaptureRecord.Row, row, true);
    bytes.setInt32(at + CaptureRecord.To, to, true);
    bytes.setInt32(at + CaptureRecord.Reason, reason, true);
    bytes.setInt32(at + CaptureRecord.HeadBytes, inHead, true);
    bytes.setInt32(at + CaptureRecord.BodyBytes, inBody, true);
    bytes.setInt32(at + CaptureRecord.Length, headLength + bodyLength, true);
    bytes.setInt32(at + CaptureRecord.Offload, offload, true);
    bytes.setFloat64(at + CaptureRecord.Time, this.#now[0], true);
    bytes.setInt32(at + CaptureRecord.Skips, skip | (bodySkip << 8), true);
    const lost = this.#counts[seenAt * CaptureCount.WIDTH + CaptureCount.Lost];
    bytes.setInt32(at + CaptureRecord.Lost, lost | 0, true);
    const from = this.#from;
    const into = this.#into;
    const headWords = head >> 2;
    const fromHead = start >> 2;
    const toHead = (at + CaptureRecord.Frame) >> 2;
    for (let w = 0; w < headWords; w++) into[toHead + w] = from[fromHead + w];
    const bodyWords = body >> 2;
    const fromBody = bodyStart >> 2;
    const toBody = bodyAt(at, skip, inHead) >> 2;
    for (let w = 0; w < bodyWords; w++) into[toBody + w] = from[fromBody + w];
    ring.keep();
    return at;
  }
}
