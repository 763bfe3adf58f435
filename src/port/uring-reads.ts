import { Errno } from '../../native-free/errors.ts';
import type { IovecTable } from '../../native-free/iovec.ts';
import type { Uring } from '../../native-free/uring.ts';
import * as layout from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { HEAD_FILL } from './arrival.ts';
import { IoStat } from './io.ts';
import type { UringTap } from './uring-tap.ts';

/** Whether a result says that there is no device behind the file any more. */
export function saysGone(result: number): boolean {
  return result === -Errno.EBADFD || result === -Errno.ENODEV;
}

/** A batch that is no longer than the least one ends in a read that waits: its port has little to say. */
const QUIET = 2;

/**
 * Reads in flight: entry i of the table is request i, whose completion carries i. An entry is used again only when its completion
 * was seen, so that a late one never meets a stranger.
 *
 * Of a port at most one read waits, and nothing else is read of it meanwhile, so that its frames stay in order. Until its frame is there
 * its slots are only lent.
 */
export class UringReads {
  readonly #uring: Uring;
  readonly #iovecs: IovecTable;
  readonly #pool: Pool;
  readonly #stats: Float64Array;
  readonly #devices: readonly (UringTap | null)[];
  /** Of each entry the place of its port; -1: it is free. */
  readonly #file: Int32Array;
  readonly #head: Int32Array;
  readonly #body: Int32Array;
  readonly #free: Int32Array;
  #spare: number;
  readonly #mostWaiting: number;

  /**
   * @param mostWaiting reads that may wait, which keep a body each from others
   * @param devices by place, there until the last request of theirs is done @param iovecs of which the first `entries` are ours
   */
  constructor(
    entries: number,
    mostWaiting: number,
    devices: readonly (UringTap | null)[],
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
    this.#file = new Int32Array(entries).fill(-1);
    this.#head = new Int32Array(entries);
    this.#body = new Int32Array(entries);
    this.#free = Int32Array.from({ length: entries }, (_, i) => entries - 1 - i);
    this.#spare = entries;
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
    const quiet = planned <= QUIET && this.#mayWait;
    const pool = this.#pool;
    const iovecs = this.#iovecs;
    const { file, tenant } = port;
    const most = planned < this.#spare ? planned : this.#spare;
    let asked = 0;
    for (; asked < most; asked++) {
      const entry = this.#free[this.#spare - 1];
      const waits = quiet && asked === most - 1;
      const head = pool.takeHead(tenant);
      const body = pool.takeBody();
      iovecs.setHead(entry, pool.position(head) + layout.READ_START, HEAD_FILL);
      iovecs.setBody(entry, pool.position(body), layout.BODY_SIZE);
      const taken = waits
        ? this.#uring.readvWaiting(file, entry, 2, entry, 0)
        : this.#uring.readvNowait(file, entry, 2, entry, 0);
      if (!taken) {
        pool.release(head);
        pool.release(body);
        break;
      }
      this.#spare--;
      if (waits) {
        port.waitsIn = entry;
        pool.lend(head);
      }
      this.#file[entry] = file;
      this.#head[entry] = head;
      this.#body[entry] = body;
    }
    port.asked = asked;
    port.inFlight += asked;
    port.ready = asked < planned && port.waitsIn < 0;
    return asked;
  }

  done(entry: number, result: number): void {
    const file = this.#file[entry];
    const port = file < 0 ? null : this.#devices[file];
    if (port === null) return;
    this.#file[entry] = -1;
    this.#free[this.#spare++] = entry;
    port.inFlight--;
    const head = this.#head[entry];
    const body = this.#body[entry];
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
    for (let entry = 0; entry < this.#file.length; entry++) this.done(entry, -Errno.ECANCELED);
  }
}
