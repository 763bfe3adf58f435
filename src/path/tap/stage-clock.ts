import type { Batch } from '../../frame/batch.ts';
import type { FlowCache } from '../cache/flow-cache.ts';
import { STAGES } from '../order.ts';
import type { Observer, OutStage, Stage } from '../stage.ts';

/** Of each stage, in the order of `STAGES`: frames that it was given, and its own microseconds. */
export const StageCount = { Frames: 0, Us: 1, WIDTH: 2 } as const;

/** One batch in so many is timed, so that small ones do not pay more for the clock than for their way. */
const SAMPLE = 8;

/**
 * Measures what each stage takes, by itself: what it calls (the rules call the stages behind them, `forward` the way out) is taken off.
 * A path has it only while somebody asks.
 */
export class StageClock implements Observer {
  readonly #clock: (into: Float64Array) => void;
  readonly #cells: Float64Array;
  /** Now; microseconds of what the stage that runs has called. */
  readonly #now = new Float64Array(1);
  readonly #inner = new Float64Array(1);
  #batches = 0;
  #on = false;

  /** @param clock writes microseconds into the first element @param memory `StageCount` doubles a stage */
  constructor(clock: (into: Float64Array) => void, memory: SharedArrayBuffer) {
    this.#clock = clock;
    this.#cells = new Float64Array(memory);
  }

  in(stage: Stage): Stage {
    const at = STAGES.indexOf(stage.name) * StageCount.WIDTH;
    return {
      name: stage.name,
      run: (batch) => {
        if (!this.#on || batch.count === 0) {
          stage.run(batch);
          return;
        }
        const frames = batch.count;
        const outer = this.#begin();
        const began = this.#now[0];
        stage.run(batch);
        this.#end(at, frames, began, outer);
      },
    };
  }

  out(stage: OutStage): OutStage {
    const at = STAGES.indexOf(stage.name) * StageCount.WIDTH;
    return {
      name: stage.name,
      run: (batch, outputs) => {
        if (!this.#on || outputs.count === 0) {
          stage.run(batch, outputs);
          return;
        }
        const frames = outputs.count;
        const outer = this.#begin();
        const began = this.#now[0];
        stage.run(batch, outputs);
        this.#end(at, frames, began, outer);
      },
    };
  }

  /** Another batch has come. */
  next(): void {
    this.#on = this.#batches++ % SAMPLE === 0;
  }

  /** @returns what the cache has left to the stages */
  cache(cache: FlowCache, batch: Batch): number {
    if (!this.#on) return cache.run(batch);
    const frames = batch.count;
    const outer = this.#begin();
    const began = this.#now[0];
    const left = cache.run(batch);
    this.#end(0, frames, began, outer);
    return left;
  }

  /** @returns what the stage around had called before */
  #begin(): number {
    const outer = this.#inner[0];
    this.#inner[0] = 0;
    this.#clock(this.#now);
    return outer;
  }

  #end(at: number, frames: number, began: number, outer: number): void {
    this.#clock(this.#now);
    const us = this.#now[0] - began;
    this.#cells[at + StageCount.Frames] += frames;
    this.#cells[at + StageCount.Us] += us - this.#inner[0];
    this.#inner[0] = outer + us;
  }
}
