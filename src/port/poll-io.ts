import { Errno } from '../../native-free/errors.ts';
import { closeEventfd, createEventfd, drainEventfd } from '../../native-free/eventfd.ts';
import { IovecTable } from '../../native-free/iovec.ts';
import { PollSet, readv } from '../../native-free/poll.ts';
import { POLLERR, POLLHUP, POLLIN } from '../../native-free/uring-abi.ts';
import * as layout from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { HEAD_FILL } from './arrival.ts';
import { Arrivals } from './arrivals.ts';
import { DEFAULT_PORTS, IO_STATS, type Io, type IoOptions, IoStat } from './io.ts';
import { PollTap } from './poll-tap.ts';
import { PollWatch } from './poll-watch.ts';
import type { TxSink } from './port.ts';

const POLLNVAL = 0x20;
/** The place of the wake-up file among the polled ones; ports come after it. */
const WAKE = 0;
/** The two entries of iovecs: one call uses one at a time. */
const READ = 0;
const WRITE = 1;

/**
 * All TAPs of a worker where there is no io_uring: poll, then a system call a frame. The same batches and the same manners as
 * UringIo, and two thirds of its rate. A failed read is never looked into for its errno, which the runtime may have overwritten: the
 * port is left alone until poll names it again.
 */
export class PollIo implements Io {
  readonly mode = 'poll';
  readonly writesAtOnce = true;
  readonly remains = null;
  readonly fallback: string | null;
  readonly wakeFd: number;
  readonly stats = new Float64Array(new SharedArrayBuffer(IO_STATS * 8));
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #arrivals: Arrivals;
  readonly #iovecs: IovecTable;
  readonly #set: PollSet;
  readonly #ownsWake: boolean;
  readonly #places: (PollTap | PollWatch | null)[];
  readonly #open: PollTap[] = [];
  readonly #watches: PollWatch[] = [];
  #turn = 0;

  constructor(pool: Pool, sink: TxSink, options: IoOptions = {}, fallback: string | null = null) {
    const ports = options.ports ?? DEFAULT_PORTS;
    this.fallback = fallback;
    this.#pool = pool;
    this.#sink = sink;
    this.#arrivals = new Arrivals(ports, pool);
    this.#iovecs = new IovecTable(2, pool.memory);
    this.#set = new PollSet(ports + 1);
    this.#places = new Array<PollTap | PollWatch | null>(ports).fill(null);
    this.#ownsWake = options.wakeFd === undefined;
    this.wakeFd = options.wakeFd ?? createEventfd();
    this.#set.set(WAKE, this.wakeFd, POLLIN);
  }

  openTap(fd: number, name: string, offloads: number, kind: 'tap' | 'netdev'): PollTap {
    const file = this.#place();
    const parts = { name, kind, offloads, file, pool: this.#pool, sink: this.#sink, arrivals: this.#arrivals };
    const port = new PollTap(this, fd, this.#iovecs, WRITE, parts);
    this.#places[file] = port;
    this.#open.push(port);
    return port;
  }

  watch(fd: number): PollWatch {
    const watch = new PollWatch(this, fd, this.#place());
    this.#places[watch.file] = watch;
    this.#watches.push(watch);
    return watch;
  }

  #place(): number {
    const file = this.#places.indexOf(null);
    if (file < 0) throw new Error(`no room for another device: ${this.#places.length} are open`);
    return file;
  }

  get idle(): boolean {
    return this.#open.length === 0 && this.#watches.length === 0;
  }

  turn(waitMs: number): number {
    const open = this.#open;
    const { stats } = this;
    const count = open.length;
    let busy = 0;
    for (let i = 0; i < count; i++) {
      const port = open[i];
      if (port.pending || (port.ready && port.wants)) busy++;
    }
    stats[IoStat.Turns]++;
    stats[IoStat.Enters]++;
    this.#look(busy > 0 ? 0 : waitMs);
    let at = count === 0 ? 0 : this.#turn++ % count;
    let pending = 0;
    for (let i = 0; i < count; i++) {
      const port = open[at];
      this.#read(port);
      if (port.pending) pending++;
      if (++at === count) at = 0;
    }
    return pending;
  }

  /** Asks which ports have frames. Those that take none are not asked about: poll would return at once, and again. */
  #look(waitMs: number): void {
    const set = this.#set;
    const open = this.#open;
    const count = open.length;
    let last = WAKE;
    for (let i = 0; i < count; i++) {
      const port = open[i];
      const place = port.file + 1;
      if (place > last) last = place;
      set.set(place, port.gone ? -1 : port.fd, port.wants && !port.ready ? POLLIN : 0);
    }
    const watches = this.#watches;
    for (let i = 0; i < watches.length; i++) {
      const { file, fd, ready, ended } = watches[i];
      if (file >= last) last = file + 1;
      // What is known already is not asked again: poll would return at once.
      set.set(file + 1, ready || ended ? -1 : fd, POLLIN);
    }
    if (waitMs > 0) this.stats[IoStat.Waits]++;
    if (set.wait(last + 1, waitMs > 0 ? waitMs : 0) <= 0) return;
    if (set.ready(WAKE) !== 0 && drainEventfd(this.wakeFd)) this.stats[IoStat.Wakes]++;
    for (let i = 0; i < count; i++) {
      const port = open[i];
      const events = port.gone ? 0 : set.ready(port.file + 1);
      if ((events & (POLLERR | POLLHUP | POLLNVAL)) !== 0) port.gone = true;
      else if (events !== 0) port.ready = true;
    }
    for (let i = 0; i < watches.length; i++) watches[i].heard(set.ready(watches[i].file + 1));
  }

  #read(port: PollTap): void {
    const planned = port.plan();
    if (planned === 0) return;
    const pool = this.#pool;
    const iovecs = this.#iovecs;
    const { stats } = this;
    const { fd, tenant } = port;
    while (port.asked < planned) {
      const head = pool.takeHead(tenant);
      const body = pool.takeBody();
      iovecs.setHead(READ, pool.position(head) + layout.READ_START, HEAD_FILL);
      iovecs.setBody(READ, pool.position(body), layout.BODY_SIZE);
      const result = readv(fd, iovecs, READ, 2);
      port.asked++;
      if (result > 0) {
        port.arrived(head, body, result);
        continue;
      }
      pool.release(head);
      pool.release(body);
      stats[result === -Errno.EAGAIN ? IoStat.EmptyReads : IoStat.FailedReads]++;
      break;
    }
    stats[IoStat.Reads] += port.got;
    port.ready = port.got === port.asked;
    port.adapt();
  }

  flush(): void {}

  closeTap(port: PollTap): void {
    if (this.#free(port)) this.#open.splice(this.#open.indexOf(port), 1);
  }

  endWatch(watch: PollWatch): void {
    if (this.#free(watch)) this.#watches.splice(this.#watches.indexOf(watch), 1);
  }

  /** @returns false when the place is another's, since it was given back before */
  #free(one: PollTap | PollWatch): boolean {
    if (this.#places[one.file] !== one) return false;
    this.#places[one.file] = null;
    this.#set.set(one.file + 1, -1, 0);
    return true;
  }

  close(): void {
    for (const port of [...this.#open]) port.close();
    if (this.#ownsWake) closeEventfd(this.wakeFd);
  }
}
