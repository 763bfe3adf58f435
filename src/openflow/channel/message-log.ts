import { lengthOf } from '../codec/splitter.ts';

/** Whole messages one behind the other in one growing piece of memory, copied: the chunks that they came in may be much larger. */
export class MessageLog {
  #bytes = new Uint8Array(1024);
  count = 0;
  /** Bytes of all. */
  size = 0;

  push(message: Uint8Array): void {
    const end = this.size + message.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(message, this.size);
    this.size = end;
    this.count++;
  }

  /** Views, each good as long as nothing is pushed. */
  *[Symbol.iterator](): Generator<Uint8Array> {
    for (let at = 0; at < this.size; ) {
      const end = at + lengthOf(this.#bytes, at);
      yield this.#bytes.subarray(at, end);
      at = end;
    }
  }
}
