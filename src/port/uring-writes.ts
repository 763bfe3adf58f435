import { Errno } from '../../native-free/errors.ts';
import type { IovecTable } from '../../native-free/iovec.ts';
import type { Uring } from '../../native-free/uring.ts';
import { VNET_SIZE } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { IoStat } from './io.ts';
import type { TxSink } from './port.ts';
import { lostFor } from './tap-port.ts';
import { saysGone } from './uring-reads.ts';
import type { UringTap } from './uring-tap.ts';

/**
 * Writes in flight, as many as there are entries; what is over that is not taken. Iovecs belong to the entry and not to the slot,
 * since one head may be in several writes. Source of the idea and its safety: see UringReads.
 */
export class UringWrites {
  readonly #first: number;
  readonly #uring: Uring;
  readonly #iovecs: IovecTable;
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #stats: Float64Array;
  readonly #devices: readonly (UringTap | null)[];
  /** Of each entry the place of its device; -1: it is free. */
  readonly #file: Int32Array;
  readonly #head: Int32Array;
  readonly #body: Int32Array;
  readonly #tenant: Int32Array;
  readonly #row: Int32Array;
  readonly #port: Int32Array;
  readonly #length: Int32Array;
  readonly #free: Int32Array;
  #spare: number;

  /** @param first request number, and place among the iovecs, of our entry 0 @param devices by place, there until the last request of theirs is done */
  constructor(
    first: number,
    entries: number,
    devices: readonly (UringTap | null)[],
    uring: Uring,
    iovecs: IovecTable,
    pool: Pool,
    sink: TxSink,
    stats: Float64Array,
  ) {
    this.#first = first;
    this.#uring = uring;
    this.#iovecs = iovecs;
    this.#pool = pool;
    this.#sink = sink;
    this.#stats = stats;
    this.#devices = devices;
    const words = () => new Int32Array(entries);
    this.#file = words().fill(-1);
    this.#head = words();
    this.#body = words();
    this.#tenant = words();
    this.#row = words();
    this.#port = words();
    this.#length = words();
    this.#free = words().map((_, i) => entries - 1 - i);
    this.#spare = entries;
  }

  /** Makes requests of the frames of the queue from `from` on; they go to the kernel with the next turn. @returns frames taken */
  add(device: UringTap, queue: TxQueue, from: number): number {
    const { count, head, start, headLength, body, bodyStart, bodyLength, tenant, row, port } = queue;
    const iovecs = this.#iovecs;
    const uring = this.#uring;
    const { file } = device;
    const end = count - from < this.#spare ? count : from + this.#spare;
    let i = from;
    for (; i < end; i++) {
      const entry = this.#free[this.#spare - 1];
      const request = this.#first + entry;
      const at = start[i] - VNET_SIZE;
      const length = headLength[i] + VNET_SIZE;
      if (body[i] < 0) {
        if (!uring.write(file, at, length, request, 0)) break;
      } else {
        iovecs.setHead(request, at, length);
        iovecs.setBody(request, bodyStart[i], bodyLength[i]);
        if (!uring.writev(file, request, 2, request, 0)) break;
      }
      this.#spare--;
      this.#file[entry] = file;
      this.#head[entry] = head[i];
      this.#body[entry] = body[i];
      this.#tenant[entry] = tenant[i];
      this.#row[entry] = row[i];
      this.#port[entry] = port[i];
      this.#length[entry] = headLength[i] + bodyLength[i];
    }
    device.inFlight += i - from;
    return i - from;
  }

  /** @param request number that the completion carries */
  done(request: number, result: number): void {
    const entry = request - this.#first;
    const file = this.#file[entry];
    const device = file < 0 ? null : this.#devices[file];
    if (device === null) return;
    this.#file[entry] = -1;
    this.#free[this.#spare++] = entry;
    device.inFlight--;
    this.#pool.release(this.#head[entry]);
    this.#pool.release(this.#body[entry]);
    const tenant = this.#tenant[entry];
    const row = this.#row[entry];
    if (result > 0) {
      this.#stats[IoStat.Writes]++;
      this.#sink.sent(tenant, row, this.#port[entry], 1, this.#length[entry]);
    } else {
      if (saysGone(result)) device.gone = true;
      this.#stats[IoStat.FailedWrites]++;
      this.#sink.lost(tenant, row, lostFor(result));
    }
  }

  /** Ends what is in flight after the ring was closed: lost. */
  abandon(): void {
    for (let entry = 0; entry < this.#file.length; entry++) this.done(this.#first + entry, -Errno.ECANCELED);
  }
}
