import { closeEventfd, createEventfd, drainEventfd } from '../../native-free/eventfd.ts';
import { IovecTable } from '../../native-free/iovec.ts';
import { Uring } from '../../native-free/uring.ts';
import * as abi from '../../native-free/uring-abi.ts';
import type { RingRemains } from '../../native-free/uring-setup.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { apart, ownText } from '../own-text.ts';
import { Arrivals, PLACES } from './arrivals.ts';
import { DEFAULT_PORTS, IO_STATS, type Io, type IoOptions, IoStat, MOST_WAITING } from './io.ts';
import type { TxSink } from './port.ts';
import { type Reap, type ReapContext, reapLoop } from './uring-loops.ts';
import { UringReads } from './uring-reads.ts';
import { UringTap } from './uring-tap.ts';
import { type UringWatch, UringWatches } from './uring-watches.ts';
import { UringWrites } from './uring-writes.ts';

/** Reads, and writes, that may be in flight at a time, over all ports. Requests are numbered: reads first, then writes. */
const READS = 1024;
const WRITES = 1024;
const REQUESTS = READS + WRITES;
/** One body of so many may lie under a read that waits. */
const BODIES_A_READ = 4;
/** User data below REQUESTS is a read or write; what else there is, in `low`, with the generation of the port in `high`: */
const POLL = 0x1000_0000;
const CANCEL = 0x2000_0000;
const WAKE = 0x3000_0000;
const WATCH = 0x4000_0000;
const OPERATION = 0x7000_0000;

/**
 * All TAPs of a worker behind one io_uring, one system call a turn. A port that is ready gets a batch of READV with RWF_NOWAIT,
 * each into a head and a body of the pool, which is last-in first-out, so that few slots stay hot; requests are done in the order
 * in which they were made, so frames stay in order. When a port has fallen quiet, one READV is left with the kernel, which waits: the
 * frame that ends a sleep is read by then, and a busy port costs no wake-up a frame. A port for which there is no such
 * read (too many, or the last one failed) has a multishot poll; polls carry the generation of their port, so that a late completion
 * never meets a stranger. Writes wait in the queue until the next turn and go to the kernel before its reads.
 */
export class UringIo implements Io {
  readonly mode = 'uring';
  readonly writesAtOnce = false;
  readonly fallback = null;
  readonly wakeFd: number;
  readonly stats = new Float64Array(new SharedArrayBuffer(IO_STATS * 8));
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #uring: Uring;
  readonly #arrivals: Arrivals;
  readonly #reads: UringReads;
  readonly #writes: UringWrites;
  readonly #watches: UringWatches;
  readonly #reap: Reap;
  readonly #ownsWake: boolean;
  /** By place in the ring's table of files. */
  readonly #ports: (UringTap | null)[];
  readonly #open: UringTap[] = [];
  #generation = 0;
  #turn = 0;
  #wakePolled = false;

  /** @throws LinuxError when there is no io_uring here */
  constructor(pool: Pool, sink: TxSink, options: IoOptions = {}) {
    const ports = options.ports ?? DEFAULT_PORTS;
    this.#pool = pool;
    this.#sink = sink;
    this.#ports = new Array<UringTap | null>(ports).fill(null);
    const iovecs = new IovecTable(REQUESTS, pool.memory);
    this.#uring = new Uring({ entries: 1024, completions: 4096, files: ports, iovecs });
    const waiting = options.waiting ?? Math.min(MOST_WAITING, Math.floor(pool.bodies / BODIES_A_READ));
    const [uring, stats] = [this.#uring, this.stats];
    const arrivals = new Arrivals(ports, pool);
    this.#arrivals = arrivals;
    this.#reads = new UringReads(READS, waiting, this.#ports, arrivals, uring, iovecs, pool, stats);
    this.#writes = new UringWrites(READS, WRITES, this.#ports, arrivals, uring, iovecs, pool, sink, stats);
    this.#reap = this.#reaper();
    this.#watches = new UringWatches(this.#uring, WATCH, CANCEL);
    this.#ownsWake = options.wakeFd === undefined;
    this.wakeFd = options.wakeFd ?? createEventfd();
  }

  get remains(): RingRemains {
    return this.#uring.remains;
  }

  openTap(fd: number, name: string, offloads: number, kind: 'tap' | 'netdev'): UringTap {
    const file = this.#ports.indexOf(null);
    if (file < 0) throw new Error(`no room for ${name}: ${this.#ports.length} devices are open`);
    this.#uring.registerFile(file, fd);
    this.#generation = (this.#generation + 1) & 0x7fff_ffff;
    const parts = { name, kind, offloads, file, pool: this.#pool, sink: this.#sink, arrivals: this.#arrivals };
    const port = new UringTap(this, this.#generation, parts);
    this.#ports[file] = port;
    this.#open.push(port);
    return port;
  }

  watch(fd: number): UringWatch {
    return this.#watches.add(fd);
  }

  get idle(): boolean {
    return this.#open.length === 0 && this.#watches.count === 0;
  }

  turn(waitMs: number): number {
    const uring = this.#uring;
    const { stats } = this;
    if (!this.#wakePolled) this.#wakePolled = uring.pollFd(this.wakeFd, WAKE, 0);
    if (this.#watches.count > 0) this.#watches.arm();
    stats[IoStat.Turns]++;
    if (this.#ask() > 0 || waitMs <= 0) this.#enter(0, 0);
    else {
      stats[IoStat.Waits]++;
      this.#enter(1, waitMs);
      // What has ended the wait is at hand, or is read at once: all that is run before after a sleep is cold, and takes its time.
      const pending = this.#conclude();
      if (pending > 0) return pending;
      if (this.#ask() > 0) this.#enter(0, 0);
    }
    return this.#conclude();
  }

  /** Draws the conclusions of the reads that were done. @returns ports with frames that wait */
  #conclude(): number {
    const open = this.#open;
    const count = open.length;
    let pending = 0;
    for (let i = 0; i < count; i++) {
      const port = open[i];
      if (this.#reads.goesOn(port)) port.ready = true;
      port.adapt();
      if (port.pending) pending++;
    }
    return pending;
  }

  /** Asks ports that are ready for their batches. @returns reads asked for, and ports with frames that wait */
  #ask(): number {
    const open = this.#open;
    const count = open.length;
    let busy = 0;
    // Whoever is read first finds the most slots: take turns.
    let at = count === 0 ? 0 : this.#turn++ % count;
    for (let i = 0; i < count; i++) {
      const port = open[at];
      if (!port.polled && !port.ready && port.waitsIn < 0) this.#poll(port);
      busy += this.#reads.ask(port);
      if (port.pending) busy++;
      if (++at === count) at = 0;
    }
    return busy;
  }

  #poll(port: UringTap): void {
    if (!port.gone && !port.closing)
      port.polled = this.#uring.pollMultishot(port.file, POLL | port.file, port.generation);
  }

  flush(): void {
    this.#enter(0, 0);
  }

  #enter(minComplete: number, waitMs: number): void {
    this.stats[IoStat.Enters]++;
    this.#uring.enter(minComplete, waitMs);
    const count = this.#uring.completions();
    if (count > 0) this.#uring.advance(apart(this.#reap, count, 0, 0, 0));
  }

  /** See `Port.transmit`. */
  write(port: UringTap, queue: TxQueue): number {
    let taken = this.#writes.add(port, queue, 0);
    if (taken < queue.count) {
      // All devices share the requests: those under way are ended first, or the last devices would always be the losers.
      this.#enter(0, 0);
      taken += this.#writes.add(port, queue, taken);
    }
    return taken;
  }

  #reaper(): Reap {
    const { rows: readRows, free: readFree, height: readHeight } = this.#reads.table.parts;
    const { rows: writeRows, free: writeFree, height: writeHeight } = this.#writes.table.parts;
    const { heads, bodies, lengths, ports } = this.#arrivals;
    const sink = this.#sink;
    const context: ReapContext = {
      ...{ ...this.#pool.stacks, ...this.#uring.lanes, reads: READS, end: REQUESTS, places: PLACES },
      ...{ readRows, readFree, readHeight, writeRows, writeFree, writeHeight, heads, bodies, lengths, ports },
      ...{ stats: this.stats, readsStat: IoStat.Reads, writesStat: IoStat.Writes },
      sent: (tenant, row, port, frames, bytes) => sink.sent(tenant, row, port, frames, bytes),
      other: (low, high, result, flags) => this.#heard(low, high, result, flags),
    };
    return ownText(reapLoop, context, 'completions');
  }

  /** A completion that is not that of a frame: of a read or write that has failed or was called off, of a poll or of what cancels it. */
  #heard(low: number, high: number, result: number, flags: number): void {
    if (low < READS) this.#reads.done(low, result);
    else if (low < REQUESTS) this.#writes.failed(low, result);
    if (low < REQUESTS) return;
    const operation = low & OPERATION;
    if (operation === WAKE) {
      if ((flags & abi.CQE_MORE) === 0) this.#wakePolled = false;
      if (result > 0 && drainEventfd(this.wakeFd)) this.stats[IoStat.Wakes]++;
      return;
    }
    if (operation === WATCH) this.#watches.heard(low & ~OPERATION, high, result, flags);
    if (operation !== POLL) return;
    const port = this.#ports[low & ~OPERATION];
    if (port === null || port.generation !== high) return;
    if ((flags & abi.CQE_MORE) === 0) port.polled = false;
    if (result < 0 || (result & (abi.POLLERR | abi.POLLHUP)) !== 0) port.gone = true;
    else if (port.waitsIn < 0) port.ready = true;
  }

  /** See `Port.close`. */
  closeTap(port: UringTap): boolean {
    const { file } = port;
    if (this.#ports[file] !== port) return true;
    if (!port.closing) {
      port.closing = true;
      port.forget();
    }
    // Writes to a TAP never wait: what may is all that has to be called off.
    if (port.polled) this.#uring.cancel(POLL | file, port.generation, CANCEL, 0);
    if (port.waitsIn >= 0) this.#uring.cancel(port.waitsIn, 0, CANCEL, 0);
    this.#enter(0, 0);
    if (port.inFlight > 0 || port.polled) return false;
    this.#release(port);
    this.#uring.unregisterFile(file);
    return true;
  }

  #release(port: UringTap): void {
    this.#ports[port.file] = null;
    this.#open.splice(this.#open.indexOf(port), 1);
  }

  close(): void {
    this.#enter(0, 0);
    this.#uring.close();
    for (const port of this.#open) {
      port.closing = true;
      port.gone = true;
      port.forget();
    }
    this.#reads.abandon();
    this.#writes.abandon();
    for (const port of [...this.#open]) this.#release(port);
    if (this.#ownsWake) closeEventfd(this.wakeFd);
  }
}
