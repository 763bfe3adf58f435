import type { Batch } from '../../frame/batch.ts';
import type { Observer } from '../stage.ts';
import type { Taps } from './tap.ts';

/** Chooses frames that are traced while they are forwarded, and hears when they begin and end. */
export interface LiveChoice {
  /** @returns the next frame, from `from` on, that is to be traced, or -1 */
  next(batch: Batch, from: number): number;
  /** The one frame of the batch goes its way now, stage by stage. */
  begin(batch: Batch): void;
  end(): void;
}

/** Who looks at a path: it is compiled with this, and one that nobody looks at has none. */
export interface Watch {
  /** Stands around each stage. */
  readonly observer: Observer | null;
  readonly taps: Taps | null;
  readonly live: LiveChoice | null;
}
