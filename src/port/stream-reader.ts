import { IovecTable } from '../../native-free/iovec.ts';
import { readv } from '../../native-free/poll.ts';
import { LONGEST_FRAME } from '../frame/layout.ts';

/** Before each frame its length in bytes, big endian. Source: QEMU, net/stream.c, net_stream_receive. */
export const PREFIX = 4;
/** One byte less than slots hold: a frame that fills them may have been cut off. */
export const LONGEST_STREAMED = LONGEST_FRAME - 1;

/** Bytes that a read is at least given room for. The whole is room for that behind a frame which is not complete. */
const LEAST_READ = 64 << 10;
const CAPACITY = 192 << 10;

/**
 * Frames out of a stream of bytes. One buffer: a read fills what is free of it, frames are taken from where they lie, and what is
 * left of a frame that has not come whole moves to the beginning only when there is too little room behind it, so at most
 * one frame is copied for many that are not.
 */
export class StreamReader {
  /** Where frames lie; `at` and `length` say which is next. */
  readonly bytes: DataView;
  /** Length of the frame that lies complete, 0: there is none, -1: what comes next is no length, and so the stream is lost. */
  length = 0;
  readonly #iovecs: IovecTable;
  readonly #octets: Uint8Array;
  #start = 0;
  #end = 0;

  constructor() {
    const memory = new SharedArrayBuffer(CAPACITY);
    this.bytes = new DataView(memory);
    this.#octets = new Uint8Array(memory);
    this.#iovecs = new IovecTable(1, memory);
  }

  /** Position of the first byte of the frame that lies complete. */
  get at(): number {
    return this.#start + PREFIX;
  }

  /** Whether the last `fill` took all that there was room for, so that there may be more. */
  get full(): boolean {
    return this.#end === CAPACITY;
  }

  /**
   * Reads once, what is there now.
   * @returns bytes; 0: the other end has closed; or -errno
   */
  fill(fd: number): number {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    else if (CAPACITY - this.#end < LEAST_READ) {
      this.#octets.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#iovecs.setHead(0, this.#end, CAPACITY - this.#end);
    const result = readv(fd, this.#iovecs, 0, 1);
    if (result > 0) {
      this.#end += result;
      this.#look();
    }
    return result;
  }

  /** Goes on behind the frame that lay complete. */
  advance(): void {
    this.#start += PREFIX + this.length;
    this.#look();
  }

  /** Forgets everything: another stream begins. */
  reset(): void {
    this.#start = this.#end = this.length = 0;
  }

  #look(): void {
    const there = this.#end - this.#start - PREFIX;
    this.length = 0;
    if (there < 0) return;
    const length = this.bytes.getUint32(this.#start);
    if (length === 0 || length > LONGEST_STREAMED) this.length = -1;
    else if (there >= length) this.length = length;
  }
}
