import { Batch, Fate } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Drop } from '../../observe/drop.ts';
import { Column, type Ledger } from '../../observe/ledger.ts';
import type { Parse } from '../parse.ts';
import { Pieces } from '../pieces.ts';
import { Segmenter } from '../segment.ts';

/**
 * Cuts the super-frames of a batch into packets, for rules with an action that a super-frame cannot bear (a label or a further tag
 * pushed in front: no device segments behind it). Frames come out in rows of a batch of its own, in the order in which they went in.
 */
export class SuperFrames {
  readonly #pool: Pool;
  readonly #ledger: Ledger;
  readonly #parse: Parse;
  readonly #pieces: Pieces;
  readonly #segmenter: Segmenter;
  readonly #batch = new Batch();
  /** Pieces of the frame taken last that are still to be handed out, and its row in the books. */
  #done = 0;
  #row = 0;

  constructor(pool: Pool, ledger: Ledger, parse: Parse, tenant: number) {
    this.#pool = pool;
    this.#ledger = ledger;
    this.#parse = parse;
    this.#pieces = new Pieces(pool, tenant);
    this.#segmenter = new Segmenter(pool, this.#pieces);
  }

  areIn(batch: Batch): boolean {
    for (let i = 0; i < batch.count; i++) if (batch.gsoType[i] !== 0 && batch.fate[i] === Fate.Live) return true;
    return false;
  }

  begin({ tenant, nowUs, nowMs }: Batch): void {
    const batch = this.#batch;
    batch.tenant = tenant;
    batch.nowUs = nowUs;
    batch.nowMs = nowMs;
    batch.count = 0;
    this.#pieces.count = 0;
    this.#done = 0;
  }

  /** Takes frame i over. `next` must have returned null before. */
  take(from: Batch, i: number): void {
    const batch = this.#batch;
    if (from.gsoType[i] === 0) {
      batch.take(from, i);
      from.fate[i] = Fate.Sent;
      return;
    }
    const row = from.port[i];
    const wanted = this.#segmenter.cut(from, i, from.head[i], from.start[i], from.headLength[i]);
    const made = this.#pieces.count;
    this.#ledger.add(row, Column.Segments, wanted - 1);
    if (made < wanted) this.#ledger.add(row, Column.Drops + Drop.NoSlot, wanted - made);
    this.#pool.release(from.head[i]);
    this.#pool.release(from.body[i]);
    from.fate[i] = Fate.Sent;
    this.#row = row;
    this.#done = 0;
  }

  /** @returns a full batch to be carried out and emptied, null when there is room for another frame */
  next(): Batch | null {
    const batch = this.#batch;
    const { head, start, headLength, body, bodyStart, bodyLength, count } = this.#pieces;
    for (; this.#done < count && batch.count < batch.capacity; this.#done++) {
      const k = this.#done;
      const i = batch.push(head[k], start[k], headLength[k], body[k], bodyStart[k], bodyLength[k]);
      batch.port[i] = this.#row;
      this.#parse.one(batch, i);
    }
    if (batch.count === batch.capacity) return batch;
    this.#pieces.count = 0;
    this.#done = 0;
    return null;
  }

  /** What has not been handed out. */
  rest(): Batch {
    return this.#batch;
  }
}
