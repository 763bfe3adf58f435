import type { Batch } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { KEY_WORDS, KeyWord } from './layout.ts';

/**
 * The flow key of one frame, as it lies in its slots now: extracted when the frame enters table 0, and again after edits, before the
 * next table. The words of the pipeline (ports, metadata, tunnel id) are the caller's: `enter` sets them, `extract` leaves them.
 * Source: OpenFlow Switch Specification 1.3.5, section 7.2.3.7, table 12.
 */
export class FlowKey {
  /** See `KeyWord` for what lies where. */
  readonly words = new Int32Array(KEY_WORDS);
  readonly #bytes: DataView;

  constructor(pool: Pool) {
    this.#bytes = pool.bytes;
  }

  /** Begins a frame: it came in by that OpenFlow port; metadata and tunnel id are 0. */
  enter(inPort: number): void {
    const { words } = this;
    words[KeyWord.InPort] = inPort;
    words[KeyWord.InPhyPort] = inPort;
    words.fill(0, KeyWord.MetadataHigh, KeyWord.EthDstHigh);
  }

  /** Fills all words from `EthDstHigh` on, of a frame whose columns `Parse` or `FrameEditor` has set. Never throws. */
  extract(batch: Batch, i: number): void {
    const { words } = this;
    words.fill(0, KeyWord.EthDstHigh);
    words[KeyWord.EthType] = batch.etherType[i];
    words[KeyWord.EthDstHigh] = this.#bytes.getUint16(batch.start[i]);
  }
}
