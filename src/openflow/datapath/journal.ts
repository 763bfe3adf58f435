/**
 * How to undo what is changed while several changes are made together. Tables note a step for whatever they change in their own memory;
 * records for the workers are kept back by the log, and what others are told waits until all is done.
 */
export class Journal {
  /** Steps back, and what each is given: a pair of arrays, where a closure a step would be garbage by the hundred thousand. */
  #undo: ((what: unknown) => void)[] = [];
  #what: unknown[] = [];
  #after: (() => void)[] = [];
  /** Whether changes are being made together. Nothing is noted otherwise. */
  active = false;

  begin(): void {
    this.active = true;
  }

  /** Notes how to undo a step. */
  note(undo: () => void): void {
    this.noteOf(undo, null);
  }

  /** The same, of many alike. @param undo one function for all of them, given `what` */
  noteOf<What>(undo: (what: What) => void, what: What): void {
    if (!this.active) return;
    this.#undo.push(undo as (what: unknown) => void);
    this.#what.push(what);
  }

  /** Does it when all is done, or now. */
  afterwards(tell: () => void): void {
    if (this.active) this.#after.push(tell);
    else tell();
  }

  /** @param done false: everything is as it was, the last step undone first */
  end(done: boolean): void {
    const after = this.#after;
    const undo = this.#undo;
    const what = this.#what;
    this.active = false;
    this.#undo = [];
    this.#what = [];
    this.#after = [];
    if (done) for (const step of after) step();
    else for (let k = undo.length - 1; k >= 0; k--) undo[k](what[k]);
  }
}
