import { Errno } from '../../native-free/errors.ts';
import { closeEventfd, createEventfd, drainEventfd } from '../../native-free/eventfd.ts';
import { IovecTable } from '../../native-free/iovec.ts';
import { Uring } from '../../native-free/uring.ts';
import * as abi from '../../native-free/uring-abi.ts';
import * as layout from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { HEAD_FILL } from './arrival.ts';
import { DEFAULT_PORTS, IO_STATS, type Io, type IoOptions, IoStat } from './io.ts';
import type { TxSink } from './port.ts';
import { lostFor } from './tap-port.ts';
import { UringTap } from './uring-tap.ts';

/** Reads, and writes, that may be in flight at a time, over all ports. A read or write is an entry in one table: reads first. */
const READS = 1024;
const WRITES = 1024;
const REQUESTS = READS + WRITES;
/** User data below REQUESTS is an entry; what else there is, in `low`, with the generation of the port in `high`: */
const POLL = 0x1000_0000;
const CANCEL = 0x2000_0000;
const WAKE = 0x3000_0000;
const OPERATION = 0x7000_0000;

/**
 * All TAPs of a worker behind one io_uring, one system call a turn. Each port has a multishot poll. A port that is ready gets a
 * batch of READV with RWF_NOWAIT, each into a head and a body of the pool, which is last-in first-out, so that few slots stay
 * hot; requests are done in the order in which they were made, so frames stay in order. Writes wait in the queue until
 * the next turn and go to the kernel before its reads. An entry of the table is used again only when its completion was seen,
 * so no late completion can meet a stranger; polls carry the generation of their port.
 */
export class UringIo implements Io {
  readonly mode = 'uring';
  readonly fallback = null;
  readonly wakeFd: number;
  readonly stats = new Float64Array(new SharedArrayBuffer(IO_STATS * 8));
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #uring: Uring;
  readonly #iovecs: IovecTable;
  readonly #ownsWake: boolean;
  /** By place in the ring's table of files. */
  readonly #ports: (UringTap | null)[];
  readonly #open: UringTap[] = [];
  #generation = 0;
  #turn = 0;
  #wakePolled = false;

  readonly #file = new Int32Array(REQUESTS).fill(-1);
  readonly #head = new Int32Array(REQUESTS);
  readonly #body = new Int32Array(REQUESTS);
  readonly #tenant = new Int32Array(REQUESTS);
  readonly #row = new Int32Array(REQUESTS);
  readonly #port = new Int32Array(REQUESTS);
  readonly #length = new Int32Array(REQUESTS);
  readonly #freeReads = new Int32Array(READS);
  readonly #freeWrites = new Int32Array(WRITES);
  #spareReads = READS;
  #spareWrites = WRITES;

  /** @throws LinuxError when there is no io_uring here */
  constructor(pool: Pool, sink: TxSink, options: IoOptions = {}) {
    const ports = options.ports ?? DEFAULT_PORTS;
    this.#pool = pool;
    this.#sink = sink;
    this.#ports = new Array<UringTap | null>(ports).fill(null);
    this.#iovecs = new IovecTable(REQUESTS, pool.memory);
    this.#uring = new Uring({ entries: 1024, completions: 4096, files: ports, iovecs: this.#iovecs });
    this.#ownsWake = options.wakeFd === undefined;
    this.wakeFd = options.wakeFd ?? createEventfd();
    for (let i = 0; i < READS; i++) this.#freeReads[i] = READS - 1 - i;
    for (let i = 0; i < WRITES; i++) this.#freeWrites[i] = REQUESTS - 1 - i;
  }

  openTap(fd: number, name: string, offloads: number, kind: 'tap' | 'netdev'): UringTap {
    const file = this.#ports.indexOf(null);
    if (file < 0) throw new Error(`no room for ${name}: ${this.#ports.length} devices are open`);
    this.#uring.registerFile(file, fd);
    this.#generation = (this.#generation + 1) & 0x7fff_ffff;
    const port = new UringTap(this, file, this.#generation, name, offloads, kind, this.#pool, this.#sink);
    this.#ports[file] = port;
    this.#open.push(port);
    return port;
  }

  turn(waitMs: number): number {
    const uring = this.#uring;
    const open = this.#open;
    const { stats } = this;
    const count = open.length;
    let busy = 0;
    if (!this.#wakePolled) this.#wakePolled = uring.pollFd(this.wakeFd, WAKE, 0);
    // Whoever is read first finds the most slots: take turns.
    let at = count === 0 ? 0 : this.#turn++ % count;
    for (let i = 0; i < count; i++) {
      const port = open[at];
      if (!port.polled) this.#poll(port);
      busy += this.#read(port);
      if (port.pending) busy++;
      if (++at === count) at = 0;
    }
    stats[IoStat.Turns]++;
    if (busy > 0 || waitMs <= 0) uring.enter(0, 0);
    else {
      stats[IoStat.Waits]++;
      uring.enter(1, waitMs);
    }
    this.#reap();
    let pending = 0;
    for (let i = 0; i < count; i++) {
      const port = open[i];
      // Some came: more may have come since. None came: the poll tells of the next.
      if (port.got > 0) port.ready = true;
      port.adapt();
      if (port.pending) pending++;
    }
    return pending;
  }

  #poll(port: UringTap): void {
    if (!port.gone && !port.closing)
      port.polled = this.#uring.pollMultishot(port.file, POLL | port.file, port.generation);
  }

  /** Asks for the batch of a port that is ready. @returns reads asked for */
  #read(port: UringTap): number {
    const planned = port.plan();
    if (planned === 0) return 0;
    const pool = this.#pool;
    const iovecs = this.#iovecs;
    const { file, tenant } = port;
    const most = planned < this.#spareReads ? planned : this.#spareReads;
    let asked = 0;
    for (; asked < most; asked++) {
      const entry = this.#freeReads[this.#spareReads - 1];
      const head = pool.takeHead(tenant);
      const body = pool.takeBody();
      iovecs.setHead(entry, pool.position(head) + layout.READ_START, HEAD_FILL);
      iovecs.setBody(entry, pool.position(body), layout.BODY_SIZE);
      if (!this.#uring.readvNowait(file, entry, 2, entry, 0)) {
        pool.release(head);
        pool.release(body);
        break;
      }
      this.#spareReads--;
      this.#file[entry] = file;
      this.#head[entry] = head;
      this.#body[entry] = body;
    }
    port.asked = asked;
    port.inFlight += asked;
    port.ready = asked < planned;
    return asked;
  }

  /** Makes requests of the first frames of the queue; they go to the kernel with the next turn. */
  write(port: UringTap, queue: TxQueue): number {
    const { count, head, start, headLength, body, bodyStart, bodyLength, tenant, row } = queue;
    const iovecs = this.#iovecs;
    const uring = this.#uring;
    const { file } = port;
    const most = count < this.#spareWrites ? count : this.#spareWrites;
    let i = 0;
    for (; i < most; i++) {
      const entry = this.#freeWrites[this.#spareWrites - 1];
      const at = start[i] - layout.VNET_SIZE;
      const first = headLength[i] + layout.VNET_SIZE;
      if (body[i] < 0) {
        if (!uring.write(file, at, first, entry, 0)) break;
      } else {
        iovecs.setHead(entry, at, first);
        iovecs.setBody(entry, bodyStart[i], bodyLength[i]);
        if (!uring.writev(file, entry, 2, entry, 0)) break;
      }
      this.#spareWrites--;
      this.#file[entry] = file;
      this.#head[entry] = head[i];
      this.#body[entry] = body[i];
      this.#tenant[entry] = tenant[i];
      this.#row[entry] = row[i];
      this.#port[entry] = queue.port[i];
      this.#length[entry] = headLength[i] + bodyLength[i];
    }
    port.inFlight += i;
    return i;
  }

  #reap(): void {
    const uring = this.#uring;
    const count = uring.completions();
    for (let i = 0; i < count; i++) {
      const low = uring.cqeLow(i);
      const result = uring.cqeResult(i);
      if (low < READS) this.#hasRead(low, result);
      else if (low < REQUESTS) this.#hasWritten(low, result);
      else this.#heard(low, uring.cqeHigh(i), result, uring.cqeFlags(i));
    }
    uring.advance(count);
  }

  #hasRead(entry: number, result: number): void {
    const port = this.#ports[this.#file[entry]];
    this.#file[entry] = -1;
    this.#freeReads[this.#spareReads++] = entry;
    if (port === null) return;
    port.inFlight--;
    const head = this.#head[entry];
    const body = this.#body[entry];
    if (result > 0 && !port.closing) {
      this.stats[IoStat.Reads]++;
      port.arrived(head, body, result);
      return;
    }
    this.#pool.release(head);
    this.#pool.release(body);
    // io_uring's poll passes over errors of a TAP; whatever else is wrong, nothing is read again before the poll says so.
    if (result === -Errno.EBADFD || result === -Errno.ENODEV) port.gone = true;
    this.stats[result === -Errno.EAGAIN ? IoStat.EmptyReads : IoStat.FailedReads]++;
  }

  #hasWritten(entry: number, result: number): void {
    const port = this.#ports[this.#file[entry]];
    this.#file[entry] = -1;
    this.#freeWrites[this.#spareWrites++] = entry;
    if (port !== null) port.inFlight--;
    this.#pool.release(this.#head[entry]);
    this.#pool.release(this.#body[entry]);
    if (result > 0) {
      this.stats[IoStat.Writes]++;
      this.#sink.sent(this.#tenant[entry], this.#row[entry], this.#port[entry], this.#length[entry]);
    } else {
      if (port !== null && (result === -Errno.EBADFD || result === -Errno.ENODEV)) port.gone = true;
      this.stats[IoStat.FailedWrites]++;
      this.#sink.lost(this.#tenant[entry], this.#row[entry], lostFor(result));
    }
  }

  /** A completion that is no frame's: of a poll or of what cancels it. */
  #heard(low: number, high: number, result: number, flags: number): void {
    const operation = low & OPERATION;
    if (operation === WAKE) {
      if ((flags & abi.CQE_MORE) === 0) this.#wakePolled = false;
      if (result > 0 && drainEventfd(this.wakeFd)) this.stats[IoStat.Wakes]++;
      return;
    }
    if (operation !== POLL) return;
    const port = this.#ports[low & ~OPERATION];
    if (port === null || port.generation !== high) return;
    if ((flags & abi.CQE_MORE) === 0) port.polled = false;
    if (result < 0 || (result & (abi.POLLERR | abi.POLLHUP)) !== 0) port.gone = true;
    else port.ready = true;
  }

  /** See `Port.close`. */
  closeTap(port: UringTap): boolean {
    const { file } = port;
    if (this.#ports[file] !== port) return true;
    if (!port.closing) {
      port.closing = true;
      port.forget();
    }
    // Reads never wait and writes to a TAP neither: the poll is all that has to be called off.
    if (port.polled) this.#uring.cancel(POLL | file, port.generation, CANCEL, 0);
    this.#uring.enter(0, 0);
    this.#reap();
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
    this.#uring.enter(0, 0);
    this.#reap();
    this.#uring.close();
    for (const port of [...this.#open]) {
      port.closing = true;
      port.gone = true;
      port.forget();
      this.#release(port);
    }
    for (let entry = 0; entry < REQUESTS; entry++) {
      if (this.#file[entry] < 0) continue;
      this.#file[entry] = -1;
      this.#pool.release(this.#head[entry]);
      this.#pool.release(this.#body[entry]);
      if (entry >= READS) this.#sink.lost(this.#tenant[entry], this.#row[entry], Drop.PortClosed);
    }
    if (this.#ownsWake) closeEventfd(this.wakeFd);
  }
}
