import type { Batch } from '../frame/batch.ts';
import type { Outputs } from './outputs.ts';
import type { RuleObserver } from './rules/observer.ts';

/** One step of the way in: looks at all live frames of a batch and gives each a fate, or leaves it as it is. */
export interface Stage {
  readonly name: string;
  run(batch: Batch): void;
}

/** Puts itself around stages, to see what each of them does: for `trace`. A path that forwards has none. */
export interface Observer {
  in(stage: Stage): Stage;
  out(stage: OutStage): OutStage;
  readonly rules?: RuleObserver;
}

/** One step of the way out: looks at all outputs that the batch has made so far. */
export interface OutStage {
  readonly name: string;
  run(batch: Batch, outputs: Outputs): void;
}
