import { refuse } from './errors.ts';
import { HEADER_LENGTH } from './messages.ts';

const LONGEST = 65535;

/**
 * Cuts a stream of bytes, in whatever pieces it comes, into whole messages. Bounded: at most one message that is not whole is kept.
 * The version is the caller's to look at, since hello comes in any.
 */
export class FrameSplitter {
  #kept = new Uint8Array(LONGEST);
  #length = 0;

  /**
   * Calls back with each message that has become whole. What came in one piece with others is a part of that chunk, which is the
   * splitter's from now on.
   * @throws OpenFlowError when a length cannot be; the stream is lost then
   */
  push(chunk: Uint8Array, take: (message: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#length === 0 && chunk.length - at >= HEADER_LENGTH) {
        const length = lengthOf(chunk, at);
        if (at + length <= chunk.length) {
          // Not `subarray`, which of a Buffer is one again, whose `slice` copies nothing.
          take(new Uint8Array(chunk.buffer, chunk.byteOffset + at, length));
          at += length;
          continue;
        }
      }
      if (this.#length < HEADER_LENGTH) {
        at += this.#keep(chunk, at, HEADER_LENGTH);
        if (this.#length < HEADER_LENGTH) return;
      }
      const length = lengthOf(this.#kept, 0);
      at += this.#keep(chunk, at, length);
      if (this.#length < length) return;
      this.#length = 0;
      take(this.#kept.slice(0, length));
    }
  }

  /** Keeps bytes until there are `wanted`. @returns bytes taken */
  #keep(chunk: Uint8Array, at: number, wanted: number): number {
    const count = Math.min(wanted - this.#length, chunk.length - at);
    this.#kept.set(chunk.subarray(at, at + count), this.#length);
    this.#length += count;
    return count;
  }
}

/** Length of the message that begins at `at`. @throws OpenFlowError when it cannot be */
export function lengthOf(bytes: Uint8Array, at: number): number {
  const length = (bytes[at + 2] << 8) | bytes[at + 3];
  if (length < HEADER_LENGTH) throw refuse('BAD_REQUEST', 'BAD_LEN', `a message has ${length} bytes`);
  return length;
}
