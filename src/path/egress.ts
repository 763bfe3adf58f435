import type { Batch } from '../frame/batch.ts';
import { Outputs } from './outputs.ts';
import type { OutStage } from './stage.ts';

/** The way out: gathers outputs and runs them through the egress stages, earlier when a flood makes more than there is room for. */
export class Egress {
  readonly stages: readonly OutStage[];
  readonly #outputs: Outputs;

  constructor(stages: readonly OutStage[], capacity: number) {
    this.stages = stages;
    this.#outputs = new Outputs(capacity);
  }

  /** Adds an output of frame i by the tenant's port; it owns a reference to the frame's head and body from now on. */
  add(batch: Batch, i: number, port: number): void {
    const outputs = this.#outputs;
    if (outputs.count === outputs.capacity) this.flush(batch);
    const o = outputs.count++;
    outputs.frame[o] = i;
    outputs.port[o] = port;
    outputs.head[o] = batch.head[i];
    outputs.start[o] = batch.start[i];
    outputs.headLength[o] = batch.headLength[i];
  }

  flush(batch: Batch): void {
    const outputs = this.#outputs;
    if (outputs.count === 0) return;
    const { stages } = this;
    for (let s = 0; s < stages.length; s++) stages[s].run(batch, outputs);
    outputs.count = 0;
  }
}
