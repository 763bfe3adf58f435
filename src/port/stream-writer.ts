import { IovecTable } from '../../native-free/iovec.ts';
import { writev } from '../../native-free/poll.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { copyBytes } from './copy.ts';
import { LONGEST_STREAMED, PREFIX } from './stream-reader.ts';

/** Bytes handed to the kernel in one call. */
const CAPACITY = 256 << 10;

/** Whether a frame can be told of in a stream at all. */
export function fits(length: number): boolean {
  return length > 0 && length <= LONGEST_STREAMED;
}

/**
 * Frames into a stream of bytes: as many as fit are laid out with their lengths and written by one call. Of what the kernel does not
 * take, the rest of a frame that was begun is kept and goes first, or the stream would be lost; frames that were not begun are
 * forgotten.
 */
export class StreamWriter {
  readonly #bytes: DataView;
  readonly #iovecs: IovecTable;
  #start = 0;
  #end = 0;

  constructor() {
    const memory = new SharedArrayBuffer(CAPACITY);
    this.#bytes = new DataView(memory);
    this.#iovecs = new IovecTable(1, memory);
  }

  /** Bytes laid out and not yet taken. */
  get left(): number {
    return this.#end - this.#start;
  }

  /**
   * Lays out frames of the queue, from one on, as many as there is room for. Those that do not fit into any stream are passed over.
   * @returns index behind the last one
   */
  layOut(pool: Pool, queue: TxQueue, first: number): number {
    const from = pool.bytes;
    const to = this.#bytes;
    const { count, start, headLength, body, bodyStart, bodyLength } = queue;
    let end = this.#end;
    let i = first;
    for (; i < count; i++) {
      const length = headLength[i] + bodyLength[i];
      if (!fits(length)) continue;
      if (end + PREFIX + length > CAPACITY) break;
      to.setUint32(end, length);
      copyBytes(from, start[i], to, end + PREFIX, headLength[i]);
      if (body[i] >= 0) copyBytes(from, bodyStart[i], to, end + PREFIX + headLength[i], bodyLength[i]);
      end += PREFIX + length;
    }
    this.#end = end;
    return i;
  }

  /** Writes once, as much as the kernel takes. @returns bytes, or -errno */
  write(fd: number): number {
    this.#iovecs.setHead(0, this.#start, this.left);
    const result = writev(fd, this.#iovecs, 0, 1);
    if (result > 0) this.#start += result;
    if (this.#start === this.#end) this.#start = this.#end = 0;
    return result;
  }

  /** Keeps the next `bytes` of what is left, and forgets the others. */
  keep(bytes: number): void {
    this.#end = this.#start + bytes;
    if (bytes === 0) this.#start = this.#end = 0;
  }
}
