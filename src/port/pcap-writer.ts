import { closeSync, openSync, writeSync } from 'node:fs';
import * as pcap from '../wire/pcapfile.ts';
import { copyBytes } from './copy.ts';

/** Frames are gathered to this many bytes, which bounds the memory as well: what does not fit is written before. */
const BUFFER = 256 * 1024;

/** Writes a capture file with nanosecond time stamps, in large pieces. Nothing but the constructor throws: see `failure`. */
export class PcapWriter {
  readonly path: string;
  /** Why no more can be written, as a sentence; null when all is well. */
  failure: string | null = null;
  readonly #octets = new Uint8Array(new SharedArrayBuffer(BUFFER));
  readonly #bytes = new DataView(this.#octets.buffer);
  #fd: number;
  #end: number;

  /** @param append goes on with a file that another has begun; else a file of that name is replaced */
  constructor(path: string, append = false) {
    this.path = path;
    this.#fd = openSync(path, append ? 'a' : 'w');
    this.#end = append ? 0 : pcap.build(this.#bytes, 0, true, pcap.LONGEST_RECORD, true);
  }

  /** Bytes that wait to be written. */
  get buffered(): number {
    return this.#end;
  }

  /**
   * Adds a frame of one or two pieces of `from`. @param timeUs microseconds since 1970
   * @returns false when the file has failed
   */
  add(timeUs: number, from: DataView, at: number, length: number, secondAt: number, secondLength: number): boolean {
    const whole = length + secondLength;
    if (this.#end + pcap.RECORD_LENGTH + whole > BUFFER) this.flush();
    if (this.failure !== null) return false;
    const seconds = Math.floor(timeUs / 1e6);
    const nanoseconds = Math.floor((timeUs - seconds * 1e6) * 1000);
    const to = pcap.buildRecord(this.#bytes, this.#end, seconds, nanoseconds, whole, whole, true);
    copyBytes(from, at, this.#bytes, to, length);
    copyBytes(from, secondAt, this.#bytes, to + length, secondLength);
    this.#end = to + whole;
    return true;
  }

  /** Hands what is gathered to the kernel. */
  flush(): void {
    let at = 0;
    try {
      while (at < this.#end && this.failure === null) {
        at += writeSync(this.#fd, this.#octets, at, this.#end - at, null);
      }
    } catch (error) {
      this.failure = `${this.path} cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    }
    this.#end = 0;
  }

  close(): void {
    if (this.#fd < 0) return;
    this.flush();
    closeSync(this.#fd);
    this.#fd = -1;
    this.failure ??= `${this.path} is closed`;
  }
}
