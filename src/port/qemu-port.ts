import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { arrivePlain } from './arrival.ts';
import type { Io } from './io.ts';
import { lose } from './lose.ts';
import type { Port, TxSink } from './port.ts';
import { type QemuEndpoint, QemuLink } from './qemu-link.ts';
import { PREFIX, StreamReader } from './stream-reader.ts';
import { fits, StreamWriter } from './stream-writer.ts';

/** What has become of the connection: up, ended by the other end, ended by us for a length that is none, or another one turned away. */
export type QemuNews = 'connected' | 'closed' | 'bad-length' | 'refused';

/** The rest of a frame that was begun is tried again so often, more and more rarely: there is no other sign that the peer reads. */
const FIRST_RETRY_US = 1000;
const LAST_RETRY_US = 16_000;
/** Who knocks without end is told of once a second. */
const QUIET_US = 1_000_000;

/**
 * A virtual machine behind a unix stream socket, as QEMU's `-netdev stream` speaks it: before each frame its length, 4 bytes. One
 * connection at a time, read and written by the worker without waiting; frames are complete, without offloads. While there is no
 * connection, what is to be sent is dropped as `link-down`; what a slow reader does not take, as `tx-full`.
 */
export class QemuPort implements Port {
  readonly name: string;
  readonly kind = 'qemu';
  readonly offloads = 0;
  readonly gone = false;
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #clock: () => number;
  readonly #tell: (news: QemuNews, fd: number) => void;
  readonly #link: QemuLink;
  readonly #reader = new StreamReader();
  readonly #writer = new StreamWriter();
  #closing = false;
  #quietUntilUs = 0;
  #credit = 0;
  #tenant = 0;
  /** When the rest of a frame that was begun is tried again, and what was waited for last. Whose it is. */
  #flushAtUs = Number.POSITIVE_INFINITY;
  #flushWaitUs = 0;
  #begunTenant = 0;
  #begunRow = 0;
  #begunPort = 0;
  #begunLength = 0;

  /** @param clock monotonic microseconds @param tell hears of each change of the connection, and its descriptor */
  constructor(
    name: string,
    endpoint: QemuEndpoint,
    io: Io,
    pool: Pool,
    sink: TxSink,
    clock: () => number,
    tell: (news: QemuNews, fd: number) => void,
  ) {
    this.name = name;
    this.#pool = pool;
    this.#sink = sink;
    this.#clock = clock;
    this.#tell = tell;
    this.#link = new QemuLink(endpoint, io);
  }

  get dueUs(): number {
    const { dueUs } = this.#link;
    return dueUs < this.#flushAtUs ? dueUs : this.#flushAtUs;
  }

  request(most: number, tenant: number): void {
    this.#credit = most;
    this.#tenant = tenant;
    if (this.#closing) return;
    const link = this.#link;
    if (link.wanted) this.#meet(link);
    if (link.fd < 0) return;
    if (this.#writer.left > 0 && this.#clock() >= this.#flushAtUs) this.#flush();
    if (most > 0 && link.watch?.ready === true && this.#reader.length === 0) this.#fill(link);
  }

  get pending(): boolean {
    return this.#credit > 0 && this.#reader.length > 0;
  }

  receive(batch: Batch, most: number): number {
    const reader = this.#reader;
    const room = batch.capacity - batch.count;
    let limit = most < this.#credit ? most : this.#credit;
    if (limit > room) limit = room;
    let taken = 0;
    while (taken < limit && reader.length > 0) {
      if (!arrivePlain(batch, this.#pool, this.#tenant, reader.bytes, reader.at, reader.length)) break;
      reader.advance();
      taken++;
    }
    this.#credit -= taken;
    if (reader.length < 0) this.#drop('bad-length');
    return taken;
  }

  transmit(queue: TxQueue): number {
    if (this.#closing || this.#link.fd < 0) {
      lose(this.#pool, this.#sink, queue, 0, this.#closing ? Drop.PortClosed : Drop.LinkDown);
      return queue.count;
    }
    // What is left of an earlier frame goes first, or nothing goes.
    if (this.#writer.left > 0 && !this.#flush()) return 0;
    let taken = 0;
    while (taken < queue.count) {
      const laid = this.#writer.layOut(this.#pool, queue, taken);
      const to = this.#writeUpTo(queue, taken, laid);
      taken = to;
      if (to < laid || this.#writer.left > 0) break;
    }
    return taken;
  }

  close(): boolean {
    if (this.#closing) return true;
    this.#closing = true;
    this.#abandon(Drop.PortClosed);
    this.#link.close();
    this.#reader.reset();
    this.#credit = 0;
    return true;
  }

  /** Writes what was laid out of the queue. @returns index behind the last frame that was begun */
  #writeUpTo(queue: TxQueue, first: number, laid: number): number {
    const writer = this.#writer;
    const { headLength, bodyLength, tenant, row, port } = queue;
    const written = writer.left === 0 ? 0 : writer.write(this.#link.fd);
    let bytes = written > 0 ? written : 0;
    for (let i = first; i < laid; i++) {
      const length = headLength[i] + bodyLength[i];
      if (!fits(length)) {
        this.#release(queue, i);
        this.#sink.lost(tenant[i], row[i], Drop.TxError);
        continue;
      }
      if (bytes === 0) {
        writer.keep(0);
        return i;
      }
      this.#release(queue, i);
      if (bytes < PREFIX + length) {
        writer.keep(PREFIX + length - bytes);
        this.#begunTenant = tenant[i];
        this.#begunRow = row[i];
        this.#begunPort = port[i];
        this.#begunLength = length;
        this.#flushWaitUs = FIRST_RETRY_US;
        this.#flushAtUs = this.#clock() + FIRST_RETRY_US;
        return i + 1;
      }
      bytes -= PREFIX + length;
      this.#sink.sent(tenant[i], row[i], port[i], 1, length);
    }
    return laid;
  }

  #release(queue: TxQueue, i: number): void {
    this.#pool.release(queue.head[i]);
    this.#pool.release(queue.body[i]);
  }

  /** Writes the rest of the frame that was begun. @returns whether it has gone */
  #flush(): boolean {
    const writer = this.#writer;
    if (writer.write(this.#link.fd) > 0 && writer.left === 0) {
      this.#flushAtUs = Number.POSITIVE_INFINITY;
      this.#sink.sent(this.#begunTenant, this.#begunRow, this.#begunPort, 1, this.#begunLength);
      return true;
    }
    if (this.#flushWaitUs < LAST_RETRY_US) this.#flushWaitUs *= 2;
    this.#flushAtUs = this.#clock() + this.#flushWaitUs;
    return false;
  }

  #meet(link: QemuLink): void {
    if (link.fd >= 0) {
      if (!link.refuse()) return;
      const now = this.#clock();
      if (now < this.#quietUntilUs) return;
      this.#quietUntilUs = now + QUIET_US;
      this.#tell('refused', link.fd);
    } else if (link.connect(this.#clock())) this.#tell('connected', link.fd);
  }

  #fill(link: QemuLink): void {
    const { watch } = link;
    const result = this.#reader.fill(link.fd);
    if (watch === null) return;
    if (result === 0 || (result < 0 && watch.ended)) this.#drop('closed');
    else if (this.#reader.length < 0) this.#drop('bad-length');
    // Less than there was room for: all was read, and the next byte will be told of. The end is read until it shows.
    else if (!this.#reader.full && !watch.ended) watch.ready = false;
  }

  #drop(news: QemuNews): void {
    this.#abandon(Drop.TxError);
    this.#reader.reset();
    this.#link.drop(this.#clock());
    this.#tell(news, -1);
  }

  /** Books the frame that was begun, and will not be finished. */
  #abandon(reason: number): void {
    if (this.#writer.left === 0) return;
    this.#writer.keep(0);
    this.#flushAtUs = Number.POSITIVE_INFINITY;
    this.#sink.lost(this.#begunTenant, this.#begunRow, reason);
  }
}
