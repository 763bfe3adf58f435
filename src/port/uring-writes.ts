import { Errno } from '../../native-free/errors.ts';
import type { IovecTable } from '../../native-free/iovec.ts';
import type { Uring } from '../../native-free/uring.ts';
import * as abi from '../../native-free/uring-abi.ts';
import { VNET_SIZE } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxColumns, TxQueue } from '../frame/tx-queue.ts';
import { apart, ownText } from '../own-text.ts';
import type { Arrivals } from './arrivals.ts';
import { IoStat } from './io.ts';
import type { TxSink } from './port.ts';
import { lostFor } from './tap-port.ts';
import { type Add, addLoop } from './uring-loops.ts';
import { saysGone } from './uring-reads.ts';
import { RequestTable } from './uring-requests.ts';
import type { UringTap } from './uring-tap.ts';

/**
 * Writes in flight, as many as there are entries; what is over that is not taken. Iovecs belong to the entry and not to the slot,
 * since one head may be in several writes. Source of the idea and its safety: see UringReads. What was written never comes by here: see
 * `reapLoop`.
 */
export class UringWrites {
  readonly table: RequestTable;
  readonly #first: number;
  readonly #uring: Uring;
  readonly #iovecs: IovecTable;
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #stats: Float64Array;
  readonly #ports: Int32Array;
  readonly #devices: readonly (UringTap | null)[];
  /** The loop, and the columns that it was made for: a worker has one set for all its queues. */
  #columns: TxColumns | null = null;
  #add: Add = () => 0;

  /** @param first request number, and place among the iovecs, of our entry 0 @param devices by place, there until the last request of theirs is done */
  constructor(
    first: number,
    entries: number,
    devices: readonly (UringTap | null)[],
    arrivals: Arrivals,
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
    this.#ports = arrivals.ports;
    this.#devices = devices;
    this.table = new RequestTable(entries);
  }

  /** Makes requests of the frames of the queue from `from` on; they go to the kernel with the next turn. @returns frames taken */
  add(device: UringTap, queue: TxQueue, from: number): number {
    if (queue.columns !== this.#columns) this.#of(queue.columns);
    let most = queue.count - from;
    const { spare } = this.table;
    if (most > spare) most = spare;
    const room = this.#uring.room();
    if (most > room) most = room;
    return most > 0 ? apart(this.#add, device.file, queue.first + from, most, 0) : 0;
  }

  /** A write that has failed. @param request number that the completion carries */
  failed(request: number, result: number): void {
    const { table } = this;
    const entry = request - this.#first;
    const file = table.place(entry);
    const device = file < 0 ? null : this.#devices[file];
    if (device === null) return;
    this.#pool.release(table.head(entry));
    this.#pool.release(table.body(entry));
    const tenant = table.tenant(entry);
    const row = table.row(entry);
    table.give(entry);
    device.fly(-1);
    if (saysGone(result)) device.gone = true;
    this.#stats[IoStat.FailedWrites]++;
    this.#sink.lost(tenant, row, lostFor(result));
  }

  /** Ends what is in flight after the ring was closed: lost. */
  abandon(): void {
    for (let entry = 0; entry < this.table.entries; entry++) this.failed(this.#first + entry, -Errno.ECANCELED);
  }

  #of(columns: TxColumns): void {
    const context = {
      ...{ ...this.#pool.stacks, ...this.#uring.lanes, ...this.#iovecs.parts, ...this.table.parts, ports: this.#ports },
      ...{ first: this.#first, vnetSize: VNET_SIZE, nowait: abi.RWF_NOWAIT },
      ...{ code: abi.OP_WRITE | abi.FIXED_FILE, vectored: abi.OP_WRITEV | abi.FIXED_FILE },
      ...columns,
    };
    this.#columns = columns;
    this.#add = ownText(addLoop, context, 'writes');
  }
}
