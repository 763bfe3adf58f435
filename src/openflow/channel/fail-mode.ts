import type { FailMode } from './options.ts';

/**
 * What becomes of traffic without controllers. `standalone`: everything is forwarded as by NORMAL, whatever the rules say, from when all
 * controllers are lost or turn out not to be reached, until one is back. `secure`: rules stay and time out as ever. While the first
 * attempts are still under way neither is the case: rules decide, and there are none yet.
 * Source: 1.3.5, section 6.3.2.
 */
export class FailState {
  readonly #mode: FailMode;
  /** By controller; null: not known yet. */
  readonly #reached: (boolean | null)[];
  readonly #change: (standalone: boolean) => void;
  standalone = false;

  constructor(mode: FailMode, controllers: number, change: (standalone: boolean) => void) {
    this.#mode = mode;
    this.#reached = new Array<boolean | null>(controllers).fill(null);
    this.#change = change;
  }

  set(controller: number, reached: boolean): void {
    this.#reached[controller] = reached;
    const standalone = this.#mode === 'standalone' && this.#reached.every((one) => one === false);
    if (standalone === this.standalone) return;
    this.standalone = standalone;
    this.#change(standalone);
  }
}
