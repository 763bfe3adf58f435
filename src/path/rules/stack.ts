import { Batch } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { isTpid, TAG_LENGTH } from '../../wire/vlan.ts';
import { Parse } from '../parse.ts';

/** More stacked tags than anybody uses; what is behind them stays unseen, so that the walk ends. */
const DEEPEST_TAGS = 8;

/**
 * What lies behind stacked VLAN tags. `Parse`, as the bridge wants it, looks behind one tag; OpenFlow's EtherType is that «after VLAN
 * tags» (1.3.5, table 12), and the IP fields follow it. A frame with more than one tag is parsed as though it began so much
 * later that its last tag is the first.
 */
export class TagStack {
  readonly #bytes: DataView;
  readonly #parse: Parse;
  readonly #inner = new Batch(1);

  constructor(pool: Pool) {
    this.#bytes = pool.bytes;
    this.#parse = new Parse(pool);
  }

  /** @returns columns of frame i as they are behind all its tags: the batch itself, in which they stand at i, or one where they stand at 0 */
  behind(batch: Batch, i: number): Batch {
    if (!isTpid(batch.etherType[i])) return batch;
    const bytes = this.#bytes;
    const inner = this.#inner;
    let at = batch.start[i];
    const end = at + batch.headLength[i];
    for (let tags = 1; tags < DEEPEST_TAGS && end - at >= 22 && isTpid(bytes.getUint16(at + 16)); tags++)
      at += TAG_LENGTH;
    inner.start[0] = at;
    inner.headLength[0] = end - at;
    inner.bodyLength[0] = batch.bodyLength[i];
    this.#parse.headers(inner, 0);
    return inner;
  }
}
