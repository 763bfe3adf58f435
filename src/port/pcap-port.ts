import type { Batch } from '../frame/batch.ts';
import { VNET_SIZE } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { arriveCopy } from './arrival.ts';
import { lose } from './lose.ts';
import { PcapReader } from './pcap-reader.ts';
import { PcapWriter } from './pcap-writer.ts';
import type { Port, TxSink } from './port.ts';

export interface PcapOptions {
  /** Paths; null: nothing comes, or what is sent is dropped as `link-down`. */
  readonly read: string | null;
  readonly write: string | null;
  /** recorded: frames come as far apart as their time stamps are; speed: as fast as the port is read. */
  readonly pace: 'recorded' | 'speed';
  /** How often the file is read; null: for ever. */
  readonly loops: number | null;
  /** Go on writing a file that is there. */
  readonly append?: boolean | undefined;
}

/** A frame written lies in memory for so long at most, if the port is asked meanwhile. */
const FLUSH_US = 20_000;

/**
 * A port made of capture files: frames come out of one and go into another, without offloads, so what is written is complete.
 * Read and written by plain blocking calls in large pieces: a page cache answers faster than a thread can be asked.
 *
 * Records that the capture has cut short (or that are longer than slots) come as dropped, `truncated`.
 */
export class PcapPort implements Port {
  readonly name: string;
  readonly kind = 'pcap';
  readonly offloads = 0;
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #clock: () => number;
  readonly #paced: boolean;
  readonly #reader: PcapReader | null;
  readonly #writer: PcapWriter | null;
  /** Time since 1970 at which the clock was 0. */
  readonly #epochUs: number;
  #loops: number;
  #credit = 0;
  #tenant = 0;
  /** What to add to a time stamp for the clock's time at which its frame is due; NaN before the first. */
  #shiftUs = Number.NaN;
  #firstUs = 0;
  #lastUs = 0;
  #flushAtUs = 0;

  /**
   * @param clock monotonic microseconds
   * @param nowUs time of day in microseconds since 1970, now, for the time stamps of what is written
   * @throws Error when a file cannot be opened or is no capture of Ethernet frames
   */
  constructor(
    name: string,
    options: PcapOptions,
    pool: Pool,
    sink: TxSink,
    clock: () => number,
    nowUs: number = Date.now() * 1000,
  ) {
    this.name = name;
    this.#pool = pool;
    this.#sink = sink;
    this.#clock = clock;
    this.#epochUs = nowUs - clock();
    this.#paced = options.pace === 'recorded';
    this.#loops = options.loops ?? Number.POSITIVE_INFINITY;
    this.#reader = options.read === null ? null : new PcapReader(options.read);
    try {
      this.#writer = options.write === null ? null : new PcapWriter(options.write, options.append);
    } catch (error) {
      this.#reader?.close();
      throw error;
    }
    if (this.#reader !== null) this.#firstUs = this.#lastUs = this.#reader.timeUs;
  }

  /** Why a file has failed, as a sentence, or null. */
  get failure(): string | null {
    return this.#writer?.failure ?? this.#reader?.failure ?? null;
  }

  get gone(): boolean {
    return this.failure !== null;
  }

  /** Whether all that there is to read has been received. */
  get finished(): boolean {
    return this.#reader === null || !this.#reader.loaded;
  }

  /** 0 at speed, infinity when nothing more comes. */
  get dueUs(): number {
    const reader = this.#reader;
    if (reader === null || !reader.loaded) return Number.POSITIVE_INFINITY;
    return this.#paced ? reader.timeUs + this.#shiftUs : 0;
  }

  request(most: number, tenant: number): void {
    this.#credit = most;
    this.#tenant = tenant;
    if (this.#paced && Number.isNaN(this.#shiftUs)) this.#shiftUs = this.#clock() - this.#firstUs;
    const writer = this.#writer;
    if (writer !== null && writer.buffered > 0 && this.#clock() >= this.#flushAtUs) writer.flush();
  }

  get pending(): boolean {
    return this.#credit > 0 && this.dueUs <= this.#clock();
  }

  receive(batch: Batch, most: number): number {
    const reader = this.#reader;
    if (reader === null) return 0;
    const now = this.#clock();
    const limit = Math.min(most, this.#credit, batch.capacity - batch.count);
    let taken = 0;
    while (taken < limit && this.dueUs <= now) {
      const length = reader.captured + VNET_SIZE;
      if (!arriveCopy(batch, this.#pool, this.#tenant, reader.bytes, reader.at, length)) break;
      if (reader.captured < reader.length) batch.drop(batch.count - 1, Drop.Truncated);
      this.#lastUs = reader.timeUs;
      taken++;
      if (!reader.advance()) this.#again(reader);
    }
    this.#credit -= taken;
    return taken;
  }

  /** The file is at its end: once more from the beginning, right after the last frame. */
  #again(reader: PcapReader): void {
    if (reader.failure !== null || --this.#loops <= 0) return;
    this.#shiftUs += this.#lastUs - this.#firstUs;
    reader.rewind();
  }

  transmit(queue: TxQueue): number {
    const writer = this.#writer;
    const pool = this.#pool;
    const { count, head, start, headLength, body, bodyStart, bodyLength, tenant, row, port } = queue;
    if (writer === null || count === 0) {
      lose(pool, this.#sink, queue, 0, Drop.LinkDown);
      return count;
    }
    const now = this.#clock();
    if (writer.buffered === 0) this.#flushAtUs = now + FLUSH_US;
    const time = this.#epochUs + now;
    for (let i = 0; i < count; i++) {
      const second = body[i] < 0 ? 0 : bodyLength[i];
      if (!writer.add(time, pool.bytes, start[i], headLength[i], bodyStart[i], second)) {
        lose(pool, this.#sink, queue, i, Drop.TxError);
        break;
      }
      pool.release(head[i]);
      pool.release(body[i]);
      this.#sink.sent(tenant[i], row[i], port[i], 1, headLength[i] + second);
    }
    return count;
  }

  close(): boolean {
    this.#reader?.close();
    this.#writer?.close();
    this.#credit = 0;
    return true;
  }
}
