/** A rule counts always, never, or only before or after the next `turn`. */
const ALWAYS = 0;
const NEVER = 3;

/**
 * Which of the rules of several classifiers count, so that many change at once, between two look-ups, however long it takes to put them in
 * and out: rules come in hidden and go out visible, `turn` makes it so for all of them, and they are then settled one by one.
 */
export class RuleVisibility {
  /** By rule: 0 for always, else the value of `current` at which it counts. */
  states = new Uint8Array(256);
  /** 1 or 2. */
  current = 1;

  /** Before a classifier looks at a rule of this number. */
  grow(rule: number): void {
    if (rule < this.states.length) return;
    const larger = new Uint8Array(Math.max(rule + 1, 2 * this.states.length));
    larger.set(this.states);
    this.states = larger;
  }

  /** It counts from the next `turn` on. */
  showLater(rule: number): void {
    this.grow(rule);
    this.states[rule] = 3 - this.current;
  }

  /** It counts until the next `turn`, if it does now. */
  hideLater(rule: number): void {
    this.states[rule] = this.states[rule] === ALWAYS ? this.current : NEVER;
  }

  turn(): void {
    this.current = 3 - this.current;
  }

  /** It counts, or is there no more. */
  settle(rule: number): void {
    this.states[rule] = ALWAYS;
  }
}
