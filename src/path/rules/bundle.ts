import { RuleVisibility } from '../../table/rule-visibility.ts';

/**
 * Changes that are there at once for every frame, however long it takes to carry them out. Rules are put in hidden and marked to go while
 * frames meet the others; at the end one word is turned between two batches, and what neither adds nor removes a rule (other instructions
 * for one that stays, groups, meters) is carried out in the same moment: about a microsecond each, in which nothing is forwarded, so that
 * a bundle of ten thousand such changes holds frames up for some ten milliseconds. What has gone is then taken out piece by piece, before anything else is carried out.
 * Idea: versions of rules in Open vSwitch's lib/versions.h.
 */
export class RuleBundle {
  readonly visibility = new RuleVisibility();
  /** Between its begin and its end. */
  open = false;
  #added: number[] = [];
  #removed: number[] = [];
  #others: Int32Array[] = [];

  /** Whether something is still to be taken out. */
  get unsettled(): boolean {
    return !this.open && this.#added.length + this.#removed.length > 0;
  }

  /** A rule is about to come in. */
  added(rule: number): void {
    if (!this.open) return;
    this.visibility.showLater(rule);
    this.#added.push(rule);
  }

  removed(rule: number): void {
    this.visibility.hideLater(rule);
    this.#removed.push(rule);
  }

  /** Keeps a record that is neither until the end. */
  keep(words: Int32Array, at: number, length: number): void {
    this.#others.push(words.slice(at, at + length));
  }

  /** @returns the records that were kept, to be carried out now */
  end(): readonly Int32Array[] {
    const others = this.#others;
    this.#others = [];
    this.open = false;
    this.visibility.turn();
    return others;
  }

  /** Takes out at most so many rules. @returns how many it has dealt with */
  settle(most: number, takeOut: (rule: number) => void): number {
    let done = 0;
    for (; done < most; done++) {
      const gone = this.#removed.pop();
      const rule = gone ?? this.#added.pop();
      if (rule === undefined) break;
      if (gone !== undefined) takeOut(gone);
      this.visibility.settle(rule);
    }
    return done;
  }
}
