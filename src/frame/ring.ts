/**
 * A bounded ring of records between two threads: one producer, one consumer, no lock. A record is one 32-bit word of length,
 * then its bytes, padded to a multiple of 8; it never wraps: where the rest of the ring is too short, a length of -1 sends the
 * reader to the beginning. The producer fills a record in place (`reserve`, then `commit`, or `keep` for several and one `commit`), the
 * consumer reads it in place (`peek`, then `pop`). Head and tail are published by atomic stores.
 *
 * Idea: Lamport, "Specifying concurrent program modules", TOPLAS 5(2), 1983.
 */
const HEADER_WORDS = 32;
const TAIL = 0; // written by the producer; on a cache line of its own
const HEAD = 16; // written by the consumer
const WRAP = -1;

export class Ring {
  readonly memory: SharedArrayBuffer;
  /** The record area; positions returned by `reserve` and `peek` are in it. */
  readonly bytes: DataView;
  readonly octets: Uint8Array;
  readonly capacity: number;
  readonly #control: Int32Array;
  readonly #lengths: Int32Array;
  #reserved = 0;
  /** Bytes of records that are kept for the next `commit`. */
  #kept = 0;

  /** @param capacity bytes for records, a power of two of at least 64 */
  static create(capacity: number): Ring {
    if (capacity < 64 || (capacity & (capacity - 1)) !== 0) {
      throw new Error(`the capacity of a ring must be a power of two of at least 64, not ${capacity}`);
    }
    return new Ring(new SharedArrayBuffer(HEADER_WORDS * 4 + capacity));
  }

  /** Attaches to a ring that another thread created. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.capacity = memory.byteLength - HEADER_WORDS * 4;
    this.#control = new Int32Array(memory, 0, HEADER_WORDS);
    this.bytes = new DataView(memory, HEADER_WORDS * 4);
    this.octets = new Uint8Array(memory, HEADER_WORDS * 4);
    this.#lengths = new Int32Array(memory, HEADER_WORDS * 4);
  }

  /**
   * Producer: room for a record of `length` bytes. Nothing is visible before `commit`; a second `reserve` forgets the first.
   * @returns position in `bytes`, or -1 when the ring is full or the record longer than half of it
   */
  reserve(length: number): number {
    const need = (length + 11) & ~7;
    const { capacity } = this;
    if (need > capacity >> 1) return -1;
    const tail = (this.#control[TAIL] + this.#kept) | 0;
    const used = (tail - Atomics.load(this.#control, HEAD)) | 0;
    let at = tail & (capacity - 1);
    let pad = 0;
    if (at + need > capacity) {
      pad = capacity - at;
      if (used + pad + need > capacity) return -1;
      this.#lengths[at >> 2] = WRAP;
      at = 0;
    } else if (used + need > capacity) return -1;
    this.#reserved = pad + need;
    this.#lengths[at >> 2] = length;
    return at + 4;
  }

  /** Producer: bytes that are free now, be it in two pieces. */
  get room(): number {
    return this.capacity - ((this.#control[TAIL] - Atomics.load(this.#control, HEAD)) | 0);
  }

  /** Producer: keeps the reserved record, still to be changed, for the next `commit`. */
  keep(): void {
    this.#kept += this.#reserved;
    this.#reserved = 0;
  }

  /** Producer: makes the reserved record visible, after those that are kept. */
  commit(): void {
    Atomics.store(this.#control, TAIL, (this.#control[TAIL] + this.#kept + this.#reserved) | 0);
    this.#reserved = 0;
    this.#kept = 0;
  }

  /** Consumer: whether nothing is to be read. */
  get empty(): boolean {
    return this.#control[HEAD] === Atomics.load(this.#control, TAIL);
  }

  /** Consumer: position in `bytes` of the oldest record, or -1; its length is `lengthAt(position)`. */
  peek(): number {
    let head = this.#control[HEAD];
    if (head === Atomics.load(this.#control, TAIL)) return -1;
    let at = head & (this.capacity - 1);
    if (this.#lengths[at >> 2] === WRAP) {
      // One sum that is cut off at once: with two, V8 would watch the first for an overflow, and meet it every 2 GiB.
      head = (head + (this.capacity - at)) | 0;
      Atomics.store(this.#control, HEAD, head);
      at = 0;
    }
    return at + 4;
  }

  /** Length in bytes of the record at a position that `peek` returned. */
  lengthAt(position: number): number {
    return this.#lengths[(position - 4) >> 2];
  }

  /** Consumer: gives the room of the oldest record back. */
  pop(): void {
    const head = this.#control[HEAD];
    const length = this.#lengths[(head & (this.capacity - 1)) >> 2];
    Atomics.store(this.#control, HEAD, (head + ((length + 11) & ~7)) | 0);
  }
}
