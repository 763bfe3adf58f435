import type { Pool } from '../../frame/pool.ts';
import type { MacTable } from '../../table/mac-table.ts';
import type { NeighborTable } from '../../table/neighbor-table.ts';
import type { Devices } from '../devices.ts';
import type { Fib } from '../fib.ts';
import type { GuardIn } from '../guard-in.ts';
import type { TenantImage } from '../image.ts';
import type { Parse } from '../parse.ts';
import type { Decider } from './decide.ts';
import type { Decisions } from './decision.ts';
import type { DecisionMemo } from './memo.ts';

/** What a flow cache works with. */
export interface FlowCacheContext {
  readonly pool: Pool;
  readonly image: TenantImage;
  readonly devices: Devices;
  readonly guard: GuardIn;
  readonly macs: MacTable;
  readonly neighbors: NeighborTable | null;
  readonly fib: Fib | null;
  readonly decisions: Decisions;
  readonly decider: Decider;
  /** Null: whatever is decided is decided from the beginning. */
  readonly memo: DecisionMemo | null;
  readonly parse: Parse;
  /** Whether somebody looks at frames that are dropped. */
  readonly tapped: boolean;
  /** The path is for a trace, which asks the stages: the cache has no memory then, and may not be run. */
  readonly idle: boolean;
  /** `WorkCount` cells, shared. */
  readonly counts: Float64Array;
}
