import type { Batch } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { FrameEditor } from '../rules/edit.ts';
import type { RulesImage } from '../rules/log.ts';
import { dscpOf, Meters, Verdict } from '../rules/meter.ts';
import { SetField } from '../rules/program.ts';
import type { RuleStore } from '../rules/store.ts';

/** What frames of decisions by rules pass before they are carried out: a meter counts and weighs every one, however well its flow is known. */
export class Metering {
  readonly #bytes: DataView;
  readonly #store: RuleStore;
  readonly #meters: Meters;
  readonly #editor: FrameEditor;
  /** What the editor is given. */
  readonly #dscp = new Int32Array(1);

  constructor(pool: Pool, store: RuleStore, image: RulesImage, worker: number) {
    this.#bytes = pool.bytes;
    this.#store = store;
    this.#meters = new Meters(image, worker);
    this.#editor = new FrameEditor(pool);
  }

  /**
   * Lets a meter have frame i, a packet whose columns `Parse` has set and whose head nobody shares.
   * @param length bytes on the wire @returns false: it is over the rate
   */
  passes(batch: Batch, i: number, index: number, length: number): boolean {
    const meter = this.#store.meters[index];
    if (meter === undefined) return true;
    const verdict = this.#meters.take(meter, index, 1, length, batch.nowUs, dscpOf(batch, i, this.#bytes));
    if (verdict !== Verdict.Remark) return verdict === Verdict.Pass;
    this.#dscp[0] = this.#meters.dscp;
    this.#editor.setField(batch, i, SetField.IpDscp, this.#dscp, 0);
    return true;
  }
}
