import type { Pool } from '../frame/pool.ts';

/** Most pieces that one frame is cut into: 64 KiB in fragments of 32 bytes. */
export const MOST_PIECES = 2048;

/**
 * The pieces that segmentation or fragmentation cuts one frame, the source, into. A piece has a head of its own, with a copy of the
 * headers and of what it needs of the data in the source's head; the rest of its data stays where it is, in the source's body,
 * which it holds a reference to. So no byte of a body is ever copied. Each piece owns one reference to each of its slots; they
 * go to whoever takes the pieces out.
 */
export class Pieces {
  readonly capacity: number;
  count = 0;
  readonly head: Int32Array;
  readonly start: Int32Array;
  readonly headLength: Int32Array;
  readonly body: Int32Array;
  readonly bodyStart: Int32Array;
  readonly bodyLength: Int32Array;
  readonly #pool: Pool;
  readonly #tenant: number;
  #sourceHead = -1;
  #sourceStart = 0;
  #sourceBody = -1;
  #sourceBodyStart = 0;
  /** Absolute position at which the data begins in the source's head, and bytes of it there. */
  #dataAt = 0;
  #dataInHead = 0;

  /** @param tenant index of the tenant that the new heads are charged to */
  constructor(pool: Pool, tenant: number, capacity: number = MOST_PIECES) {
    this.#pool = pool;
    this.#tenant = tenant;
    this.capacity = capacity;
    const words = () => new Int32Array(capacity);
    this.head = words();
    this.start = words();
    this.headLength = words();
    this.body = words();
    this.bodyStart = words();
    this.bodyLength = words();
  }

  /**
   * Names the frame to be cut, which keeps its references, and forgets earlier pieces.
   * @param dataAt absolute position of the first byte that is shared out; the headers before it all lie in the head
   */
  open(head: number, start: number, headLength: number, body: number, bodyStart: number, dataAt: number): void {
    this.count = 0;
    this.#sourceHead = head;
    this.#sourceStart = start;
    this.#sourceBody = body;
    this.#sourceBodyStart = bodyStart;
    this.#dataAt = dataAt;
    this.#dataInHead = start + headLength - dataAt;
  }

  /**
   * Takes a head for the next piece, and copies the headers into it.
   * @returns how far positions in the new head lie behind those in the source's head (may be negative), or 0: no free head
   */
  begin(): number {
    const source = this.#sourceHead;
    const start = this.#sourceStart;
    const pool = this.#pool;
    const head = pool.copyHead(source, start, this.#dataAt - start, this.#tenant);
    if (head < 0) return 0;
    const move = pool.position(head) - pool.position(source);
    this.head[this.count] = head;
    this.start[this.count] = start + move;
    return move;
  }

  /**
   * Gives the piece that was begun its data; it counts from now on.
   * @param to absolute position behind its headers @param offset of its first byte in the source's data @param length bytes
   * @returns bytes of the data that lie in the head
   */
  finish(to: number, offset: number, length: number): number {
    const k = this.count++;
    const left = this.#dataInHead - offset;
    const inHead = left <= 0 ? 0 : left < length ? left : length;
    if (inHead > 0) {
      const from = this.#dataAt + offset;
      this.#pool.octets.copyWithin(to, from, from + inHead);
    }
    this.headLength[k] = to + inHead - this.start[k];
    const inBody = length - inHead;
    if (inBody > 0) {
      this.#pool.retain(this.#sourceBody);
      this.body[k] = this.#sourceBody;
      this.bodyStart[k] = this.#sourceBodyStart + (offset + inHead - this.#dataInHead);
    } else {
      this.body[k] = -1;
      this.bodyStart[k] = 0;
    }
    this.bodyLength[k] = inBody;
    return inHead;
  }
}
