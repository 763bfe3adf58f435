import type { NeighborTable } from '../table/neighbor-table.ts';
import type { Fib } from './fib.ts';
import type { Hold } from './hold.ts';
import type { RouterImage } from './image.ts';

/** A tenant's router on one worker: what stages and flow cache share of it. */
export interface RouterParts {
  readonly image: RouterImage;
  readonly fib: Fib;
  readonly neighbors: NeighborTable;
  readonly hold: Hold;
}
