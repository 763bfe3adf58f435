/**
 * How to undo what is changed while several changes are made together. Tables note a step for whatever they change in their own memory;
 * records for the workers are kept back by the log, and what others are told waits until all is done.
 */
export class Journal {
  #undo: (() => void)[] = [];
  #after: (() => void)[] = [];
  /** Whether changes are being made together. Nothing is noted otherwise. */
  active = false;

  begin(): void {
    this.active = true;
  }

  /** Notes how to undo a step. */
  note(undo: () => void): void {
    if (this.active) this.#undo.push(undo);
  }

  /** Does it when all is done, or now. */
  afterwards(tell: () => void): void {
    if (this.active) this.#after.push(tell);
    else tell();
  }

  /** @param done false: everything is as it was, the last step undone first */
  end(done: boolean): void {
    const steps = done ? this.#after : this.#undo.reverse();
    this.active = false;
    this.#undo = [];
    this.#after = [];
    for (const step of steps) step();
  }
}
