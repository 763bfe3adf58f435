import type { Batch } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Ring } from '../../frame/ring.ts';
import { COLUMNS } from '../../observe/ledger.ts';
import * as vnet from '../../wire/vnet.ts';
import type { Devices } from '../devices.ts';
import { FrameFilter } from './frame-filter.ts';
import { LiveRecord, MOST_LEFT } from './live-record.ts';

/** Which frames of a tenant are to be told of, and where. */
export interface LiveOrder {
  readonly id: number;
  /** Only what comes in by this port; -1: all. */
  readonly row: number;
  /** As `FrameFilter` takes it. */
  readonly filter: Int32Array;
  /** So many frames, no more. */
  readonly most: number;
  /** Memory of the worker's ring of records. */
  readonly ring: SharedArrayBuffer;
}

/**
 * Tells what a frame was when it came in, and what became of it: by which ports it left, and what the books of the port that it came
 * from say more afterwards than before. The frame goes its way alone, as it would have gone among the others. What finds no
 * room is left out: the next frame is told of.
 */
export class LiveTap {
  readonly id: number;
  readonly #tenant: number;
  readonly #row: number;
  readonly #filter: FrameFilter;
  readonly #pool: Pool;
  readonly #devices: Devices;
  readonly #ring: Ring;
  #left: number;
  /** Position of the record that is being written; -1: none. */
  #at = -1;
  #port = 0;
  readonly #books = new Float64Array(COLUMNS);
  readonly #queued: Int32Array;

  constructor(pool: Pool, devices: Devices, tenant: number, order: LiveOrder) {
    this.id = order.id;
    this.#tenant = tenant;
    this.#row = order.row;
    this.#filter = new FrameFilter(pool, order.filter);
    this.#pool = pool;
    this.#devices = devices;
    this.#ring = new Ring(order.ring);
    this.#left = order.most;
    this.#queued = new Int32Array(devices.queues.length);
  }

  wants(batch: Batch, i: number): boolean {
    if (this.#left === 0 || (this.#row >= 0 && batch.port[i] !== this.#row)) return false;
    const { port, start, headLength, bodyStart, bodyLength } = batch;
    return this.#filter.matches(port[i], start[i], headLength[i], bodyStart[i], bodyLength[i]);
  }

  /** The one frame of the batch is about to go its way. @param cells the tenant's books */
  begin(batch: Batch, cells: Float64Array): void {
    if (!this.wants(batch, 0)) return;
    const length = batch.length(0);
    const at = this.#ring.reserve(LiveRecord.Frame + length);
    if (at < 0) return;
    this.#at = at;
    this.#port = batch.port[0];
    const { bytes } = this.#ring;
    bytes.setInt32(at + LiveRecord.Row, this.#port, true);
    bytes.setInt32(at + LiveRecord.Length, length, true);
    bytes.setFloat64(at + LiveRecord.Time, batch.nowUs, true);
    const start = batch.start[0];
    const partial = batch.csumStart[0] >= 0;
    const type = batch.gsoType[0];
    vnet.set(
      bytes,
      at + LiveRecord.Vnet,
      partial ? vnet.Flag.NeedsChecksum : 0,
      type === vnet.Gso.None ? 0 : type | batch.gsoEcn[0],
      0,
      type === vnet.Gso.None ? 0 : batch.gsoSize[0],
      partial ? batch.csumStart[0] - start : 0,
      partial ? batch.csumOffset[0] : 0,
    );
    this.#copy(at + LiveRecord.Frame, start, batch.headLength[0]);
    this.#copy(at + LiveRecord.Frame + batch.headLength[0], batch.bodyStart[0], batch.bodyLength[0]);
    const row = this.#port * COLUMNS;
    for (let c = 0; c < COLUMNS; c++) this.#books[c] = cells[row + c];
    const { queues } = this.#devices;
    for (let d = 0; d < this.#queued.length; d++) this.#queued[d] = queues[d].count;
  }

  /** It has gone. */
  end(cells: Float64Array): void {
    const at = this.#at;
    if (at < 0) return;
    this.#at = -1;
    this.#left--;
    const { bytes } = this.#ring;
    const row = this.#port * COLUMNS;
    for (let c = 0; c < COLUMNS; c++)
      bytes.setFloat64(at + LiveRecord.Books + c * 8, cells[row + c] - this.#books[c], true);
    let left = 0;
    const { queues } = this.#devices;
    for (let d = 0; d < this.#queued.length; d++) {
      const { count, port, tenant } = queues[d];
      for (let k = this.#queued[d]; k < count; k++) {
        if (tenant[k] !== this.#tenant) continue;
        if (left < MOST_LEFT) bytes.setInt32(at + LiveRecord.Ports + left * 4, port[k], true);
        left++;
      }
    }
    bytes.setInt32(at + LiveRecord.Left, left, true);
    this.#ring.commit();
  }

  #copy(to: number, from: number, length: number): void {
    const source = this.#pool.octets;
    const target = this.#ring.octets;
    for (let k = 0; k < length; k++) target[to + k] = source[from + k];
  }
}
