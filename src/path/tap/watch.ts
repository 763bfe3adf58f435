import type { Observer } from '../stage.ts';
import type { StageClock } from './stage-clock.ts';
import type { Taps } from './tap.ts';

/** Who looks at a path: it is compiled with this, and one that nobody looks at has none. */
export interface Watch {
  /** Stands around each stage; the stages alone are asked then, never the flow cache. */
  readonly observer: Observer | null;
  readonly taps: Taps | null;
  readonly clock: StageClock | null;
}
