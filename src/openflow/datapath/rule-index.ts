import type { Rule } from './rule.ts';

/** Rules by table, priority and match. */
export class RuleIndex {
  readonly #first = new Map<number, Rule>();
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0];
  size = 0;

  hash(table: number, priority: number, triples: Int32Array): number {
    let hash = Math.imul(this.#seed ^ ((table << 16) | priority), 0x9e3779b1);
    for (let k = 0; k < triples.length; k++) {
      hash = Math.imul(hash ^ triples[k], 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    // Small enough for a number that is no object.
    return hash & 0x3fff_ffff;
  }

  find(hash: number, table: number, priority: number, triples: Int32Array): Rule | undefined {
    for (let rule = this.#first.get(hash) ?? null; rule !== null; rule = rule.next)
      if (rule.is(table, priority, triples)) return rule;
    return undefined;
  }

  has(rule: Rule): boolean {
    for (let one = this.#first.get(rule.hash) ?? null; one !== null; one = one.next) if (one === rule) return true;
    return false;
  }

  add(rule: Rule): void {
    rule.next = this.#first.get(rule.hash) ?? null;
    this.#first.set(rule.hash, rule);
    this.size++;
  }

  /** Removes a rule that is there. */
  remove(rule: Rule): void {
    this.size--;
    const first = this.#first.get(rule.hash);
    if (first === rule) {
      if (rule.next === null) this.#first.delete(rule.hash);
      else this.#first.set(rule.hash, rule.next);
      return;
    }
    for (let one = first ?? null; one !== null; one = one.next) if (one.next === rule) one.next = rule.next;
  }
}
