/**
 * Records of the log that wait, first in first out, in one growing array: a bundle of a hundred thousand rules would else be as many objects
 * that outlive one collection of garbage after the other.
 */
export class RecordQueue {
  #words = new Int32Array(1024);
  #head = 0;
  #tail = 0;
  /** Records and their words. */
  count = 0;
  size = 0;

  push(record: readonly number[] | Int32Array, length: number): void {
    if (this.#tail + length + 1 > this.#words.length) this.#makeRoom(length + 1);
    const words = this.#words;
    let at = this.#tail;
    words[at++] = length;
    for (let k = 0; k < length; k++) words[at++] = record[k];
    this.#tail = at;
    this.count++;
    this.size += length;
  }

  /** The first record: a view, good until the next one is pushed; null: there is none. */
  peek(): Int32Array | null {
    if (this.count === 0) return null;
    const from = this.#head + 1;
    return this.#words.subarray(from, from + this.#words[this.#head]);
  }

  /** Takes the first record off, of which there is one. */
  pop(): void {
    const length = this.#words[this.#head];
    this.#head += length + 1;
    this.count--;
    this.size -= length;
    if (this.count === 0) this.clear();
  }

  /** Forgets all; what a long queue took is given back. */
  clear(): void {
    if (this.#words.length > 1 << 16) this.#words = new Int32Array(1024);
    this.#head = 0;
    this.#tail = 0;
    this.count = 0;
    this.size = 0;
  }

  #makeRoom(more: number): void {
    const used = this.#tail - this.#head;
    const old = this.#words;
    if (2 * (used + more) > old.length) this.#words = new Int32Array(Math.max(2 * old.length, 2 * (used + more)));
    this.#words.set(old.subarray(this.#head, this.#tail));
    this.#head = 0;
    this.#tail = used;
  }
}
