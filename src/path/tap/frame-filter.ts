import { Batch, Fate } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Parse } from '../parse.ts';
import { FlowKey } from '../rules/key.ts';

/**
 * Whether a frame is one of those that somebody asks for: a match of OpenFlow fields against what lies in its slots. It is looked at
 * on its own, so a frame at any place of its way can be asked about.
 */
export class FrameFilter {
  readonly #wanted: Int32Array;
  readonly #batch = new Batch(1);
  readonly #parse: Parse;
  readonly #key: FlowKey;

  /** @param wanted three words each: place in the flow key, value, mask; the port that a frame came in by is its row */
  constructor(pool: Pool, wanted: Int32Array) {
    this.#wanted = wanted;
    this.#parse = new Parse(pool);
    this.#key = new FlowKey(pool);
  }

  /** @param row of the port that it came in by @param start of its head, absolute */
  matches(row: number, start: number, headLength: number, bodyStart: number, bodyLength: number): boolean {
    const wanted = this.#wanted;
    if (wanted.length === 0) return true;
    const batch = this.#batch;
    batch.count = 0;
    batch.push(0, start, headLength, -1, bodyStart, bodyLength);
    this.#parse.one(batch, 0);
    if (batch.fate[0] !== Fate.Live) return false;
    const key = this.#key;
    key.enter(row);
    key.extract(batch, 0);
    const { words } = key;
    for (let k = 0; k < wanted.length; k += 3) if ((words[wanted[k]] & wanted[k + 2]) !== wanted[k + 1]) return false;
    return true;
  }
}
