import { Errno } from '../../native-free/errors.ts';
import type { IovecTable } from '../../native-free/iovec.ts';
import type { Uring } from '../../native-free/uring.ts';
import * as abi from '../../native-free/uring-abi.ts';
import * as layout from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { apart, ownText } from '../own-text.ts';
import { HEAD_FILL } from './arrival.ts';
import type { Arrivals } from './arrivals.ts';
import { IoStat } from './io.ts';
import { type Ask, askLoop } from './uring-loops.ts';
import { RequestTable } from './uring-requests.ts';
import type { UringTap } from './uring-tap.ts';

/** Whether a result says that there is no device behind the file any more. */
export function saysGone(result: number): boolean {
  return result === -Errno.EBADFD || result === -Errno.ENODEV;
}

/** A batch that is no longer than the least one ends in a read that waits: its port has little to say. */
const QUIET = 2;

/**
 * Reads in flight: entry i of the table is request i, whose completion carries i. An entry is used again only when its completion
 * was seen, so that a late one never meets a stranger. Frames that ports stay to receive never come by here: see `reapLoop`.
 *
 * Of a port at most one read waits, and nothing else is read of it meanwhile, so that its frames stay in order. Until its frame is there
 * its slots are only lent.
 */
export class UringReads {
  readonly table: RequestTable;
  readonly #uring: Uring;
  readonly #iovecs: IovecTable;
  readonly #pool: Pool;
  readonly #stats: Float64Array;
  readonly #devices: readonly (UringTap | null)[];
  readonly #mostWaiting: number;
  readonly #ask: Ask;

  /**
   * @param mostWaiting reads that may wait, which keep a body each from others
   * @param devices by place, there until the last request of theirs is done @param iovecs of which the first `entries` are ours
   */
  constructor(
    entries: number,
    mostWaiting: number,
    devices: readonly (UringTap | null)[],
    arrivals: Arrivals,
    uring: Uring,
    iovecs: IovecTable,
    pool: Pool,
    stats: Float64Array,
  ) {
    this.#mostWaiting = mostWaiting;
    this.#uring = uring;
    this.#iovecs = iovecs;
    this.#pool = pool;
    this.#stats = stats;
    this.#devices = devices;
    this.table = new RequestTable(entries);
    for (let entry = 0; entry < entries; entry++) {
      iovecs.setHead(entry, 0, HEAD_FILL);
      iovecs.setBody(entry, 0, layout.BODY_SIZE);
    }
    const context = {
      ...{ ...pool.stacks, ...uring.lanes, ...iovecs.parts, ...this.table.parts, ports: arrivals.ports },
      ...{ code: abi.OP_READV | abi.FIXED_FILE, nowait: abi.RWF_NOWAIT, readStart: layout.READ_START },
      ...{ headStride: layout.HEAD_STRIDE, bodyStride: layout.BODY_STRIDE },
    };
    this.#ask = ownText(askLoop, context, 'reads');
  }

  /** Whether another port may have a read that waits. */
  get #mayWait(): boolean {
    return this.#pool.lent < this.#mostWaiting;
  }

  /**
   * Whether a port whose batch was done is to be asked for another: some came, and more may have come since; or none came, and a read that
   * waits is next. Where that is under way, or has failed, it or the poll tells.
   */
  goesOn(port: UringTap): boolean {
    return port.asked > 0 && port.waitsIn < 0 && (port.got > 0 || (port.asked > QUIET && this.#mayWait));
  }

  /** Asks for the batch of a port that is ready. @returns reads asked for */
  ask(port: UringTap): number {
    const planned = port.plan();
    if (planned === 0) return 0;
    const pool = this.#pool;
    const { tenant } = port;
    const quiet = planned <= QUIET && this.#mayWait;
    let most = quiet ? planned - 1 : planned;
    const room = this.#uring.room();
    const spare = this.table.spare;
    const allowed = pool.limit[tenant] - pool.held[tenant];
    if (most > room) most = room;
    if (most > spare) most = spare;
    if (most > allowed) most = allowed;
    let asked = most > 0 ? apart(this.#ask, port.file, tenant, most, 0) : 0;
    if (quiet && asked === planned - 1 && this.#leave(port)) asked++;
    port.asked = asked;
    port.ready = asked < planned && port.waitsIn < 0;
    return asked;
  }

  /** Leaves a read with the kernel that waits for a frame. @returns whether there was room for it */
  #leave(port: UringTap): boolean {
    const pool = this.#pool;
    const { table } = this;
    if (table.spare === 0 || this.#uring.room() === 0) return false;
    const head = pool.takeHead(port.tenant);
    if (head < 0) return false;
    const body = pool.takeBody();
    const entry = table.take(port.file, head, body);
    this.#iovecs.setHead(entry, pool.position(head) + layout.READ_START, HEAD_FILL);
    this.#iovecs.setBody(entry, pool.position(body), layout.BODY_SIZE);
    this.#uring.readvWaiting(port.file, entry, 2, entry, 0);
    port.waitsIn = entry;
    port.fly(1);
    pool.lend(head);
    return true;
  }

  done(entry: number, result: number): void {
    const { table } = this;
    const file = table.place(entry);
    const port = file < 0 ? null : this.#devices[file];
    if (port === null) return;
    const head = table.head(entry);
    const body = table.body(entry);
    table.give(entry);
    port.fly(-1);
    if (port.waitsIn === entry) {
      port.waitsIn = -1;
      port.ready = result > 0;
      this.#pool.recall(head, port.tenant);
    }
    if (result > 0 && !port.closing) {
      this.#stats[IoStat.Reads]++;
      port.arrived(head, body, result);
      return;
    }
    this.#pool.release(head);
    this.#pool.release(body);
    // io_uring's poll passes over errors of a TAP; whatever else is wrong, nothing is read again before the poll says so.
    if (saysGone(result)) port.gone = true;
    this.#stats[result === -Errno.EAGAIN ? IoStat.EmptyReads : IoStat.FailedReads]++;
  }

  /** Ends what is in flight after the ring was closed. */
  abandon(): void {
    for (let entry = 0; entry < this.table.entries; entry++) this.done(entry, -Errno.ECANCELED);
  }
}
