import { RuleColumns } from './rule-columns.ts';
import { RuleLeaves } from './rule-leaves.ts';
import { RuleShape } from './rule-shape.ts';
import { chooseMask } from './rule-split.ts';
import { fits, RuleTable } from './rule-table.ts';
import { RuleVisibility } from './rule-visibility.ts';

/** Rules that stand in line at one place before a table is made for some of them. */
const LINE = 12;
/** Of which so many must leave the place at which most of them would still meet. */
const WORTH = 4;
const ROOT = 0;

/**
 * Which of many rules with wildcards matches a key, for a list that changes all the time and that one thread owns: a tree of hash
 * tables. A leaf is a line of rules, best first, that are compared one by one. When the line grows too long, a table is made beside
 * it: a hash over some bits of the key, which leads to leaves of the same kind. Rules that look at all those bits move there,
 * the others stay; and so on in each leaf. The bits are chosen by the rules in line: those that many of them look at, and in which
 * they differ. So rules of hundreds of masks, where classical tuple-space search asks a table for each, share some ten
 * tables, and what their chosen bits cannot tell apart is told apart below, where only keys that lead there pay for it.
 *
 * Cost of a look-up, whatever a sender sends: a hash a table and a comparison a rule in line on the way; tables and lines are the
 * rules' doing. Tables are asked in the order of the best rule behind them, and no further than one can be better than what is found.
 * Hashes are keyed, so that nobody aims at one bucket. Adding costs the walk to a leaf and now and then a new table for a line of
 * rules, removing the leaf's line. Rules are numbers in typed arrays, so that the garbage collector has nothing to look at.
 * Sources: Srinivasan, Suri and Varghese, SIGCOMM 1999 (tuple space); Daly et al., "TupleMerge", IEEE/ACM ToN 27(4), 2019
 * (masks that share a table); Open vSwitch lib/classifier.h (order by priority).
 */
export class RuleClassifier {
  readonly #words: number;
  /** By the hash of what they look at. */
  readonly #shapes = new Map<number, RuleShape[]>();
  readonly #shapeOf: (RuleShape | undefined)[] = [];
  readonly #rules: RuleColumns;
  readonly #leaves: RuleLeaves;
  readonly #visibility: RuleVisibility;
  #size = 0;
  #best = -1;
  #bestPriority = -1;

  /** @param words of a key @param visibility of rules, where several classifiers change at once */
  constructor(
    words: number,
    seed: number = crypto.getRandomValues(new Int32Array(1))[0],
    visibility: RuleVisibility = new RuleVisibility(),
  ) {
    this.#words = words;
    this.#visibility = visibility;
    this.#rules = new RuleColumns();
    this.#leaves = new RuleLeaves(seed);
    this.#leaves.take(null, 0);
  }

  get size(): number {
    return this.#size;
  }

  /** Hash tables of the first level: what a look-up may have to ask whatever its key is. */
  get tables(): number {
    return this.#leaves.tables[ROOT].length;
  }

  /** Sets of bits that rules look at. */
  get masks(): number {
    let masks = 0;
    for (const shapes of this.#shapes.values()) masks += shapes.length;
    return masks;
  }

  /** Bytes of the columns, comparisons and buckets. */
  get bytes(): number {
    return this.#rules.bytes + this.#leaves.bytes;
  }

  /**
   * Adds a rule.
   * @param rule a small number of the caller's, not in use here
   * @param priority the higher one wins; of equals the lower rule
   * @param n words that it looks at: as many triples of place in the key (ascending), value and mask from `source[at]` on
   */
  add(rule: number, priority: number, n: number, source: Int32Array, at: number): void {
    const shape = this.#shape(n, source, at);
    this.#visibility.grow(rule);
    this.#rules.set(rule, priority, shape, source, at);
    this.#shapeOf[rule] = shape;
    shape.rules++;
    this.#size++;
    this.#settle(ROOT, rule, shape);
  }

  /** Removes a rule that is there. */
  remove(rule: number): void {
    const shape = this.#shapeOf[rule];
    if (shape === undefined) return;
    this.#shapeOf[rule] = undefined;
    this.#leaves.unline(this.#rules.leaf[rule], rule, this.#rules);
    this.#rules.give(rule);
    this.#size--;
    if (--shape.rules === 0) this.#forget(shape);
  }

  /** @returns the rule that matches with the highest priority, or -1. Never throws, allocates nothing. */
  match(key: Int32Array): number {
    this.#best = -1;
    this.#bestPriority = -1;
    this.#search(ROOT, key);
    return this.#best;
  }

  /** Bits of the key that any rule looks at, added to `into`. */
  consulted(into: Int32Array): void {
    for (const shapes of this.#shapes.values()) {
      for (const { places, masks } of shapes) for (let k = 0; k < places.length; k++) into[places[k]] |= masks[k];
    }
  }

  #search(leaf: number, key: Int32Array): void {
    const { seed, hash: hashes, next: nextLeaf } = this.#leaves;
    const tables = this.#leaves.tables[leaf];
    for (let t = 0; t < tables.length; t++) {
      const table = tables[t];
      if (table.most < this.#bestPriority) break;
      const { places, masks, heads } = table;
      let hash = seed;
      for (let k = 0; k < places.length; k++) {
        hash = Math.imul(hash ^ (key[places[k]] & masks[k]), 0x9e3779b1);
        hash ^= hash >>> 15;
      }
      let below = heads[hash & (heads.length - 1)];
      while (below >= 0 && hashes[below] !== hash) below = nextLeaf[below];
      if (below >= 0) this.#search(below, key);
    }
    const { compare, priority: priorities, at, next } = this.#rules;
    const { states, current } = this.#visibility;
    for (let rule = this.#leaves.line[leaf]; rule >= 0; rule = next[rule]) {
      // Best first: none behind this one is better.
      const priority = priorities[rule];
      if (priority < this.#bestPriority || (priority === this.#bestPriority && rule > this.#best)) return;
      let k = at[rule];
      const end = k + 1 + 3 * compare[k++];
      while (k < end && compare[k + 2] === (key[compare[k]] & compare[k + 1])) k += 3;
      if (k < end) continue;
      const state = states[rule];
      if (state !== 0 && state !== current) continue;
      this.#best = rule;
      this.#bestPriority = priority;
      return;
    }
  }

  #shape(n: number, source: Int32Array, at: number): RuleShape {
    const hash = RuleShape.hash(n, source, at);
    let alike = this.#shapes.get(hash);
    if (alike === undefined) {
      alike = [];
      this.#shapes.set(hash, alike);
    }
    for (const shape of alike) if (shape.is(n, source, at)) return shape;
    const shape = new RuleShape(hash, n, source, at);
    for (const place of shape.places) {
      if (place >= this.#words) throw new RangeError(`a key has ${this.#words} words, not ${place + 1}`);
    }
    alike.push(shape);
    return shape;
  }

  #forget(shape: RuleShape): void {
    const left = (this.#shapes.get(shape.hash) ?? []).filter((other) => other !== shape);
    if (left.length === 0) this.#shapes.delete(shape.hash);
    else this.#shapes.set(shape.hash, left);
  }

  /** Brings a rule to the leaf where it belongs, from `leaf` on down. */
  #settle(leaf: number, rule: number, shape: RuleShape): void {
    const leaves = this.#leaves;
    const priority = this.#rules.priority[rule];
    let at = leaf;
    for (;;) {
      let into: RuleTable | null = null;
      for (const table of leaves.tables[at])
        if ((into === null || table.bits > into.bits) && fits(table, shape)) into = table;
      if (into === null) break;
      if (priority > into.most) leaves.raise(into, priority);
      at = leaves.below(into, this.#rules.hashOf(rule, into, leaves.seed));
    }
    leaves.enline(at, rule, this.#rules);
    if (leaves.count[at] > leaves.limit[at]) this.#split(at);
  }

  /** Makes a table for rules of a line that is too long. */
  #split(leaf: number): void {
    const leaves = this.#leaves;
    const line = leaves.rules(leaf, this.#rules);
    const shapes = line.map((rule) => this.#shapeOf[rule] as RuleShape);
    const choice = chooseMask(line, shapes, this.#rules, leaves.above(leaf, this.#words));
    if (choice === null || choice.gain < WORTH) {
      leaves.limit[leaf] *= 2;
      return;
    }
    const table = new RuleTable(leaf, choice.places, choice.masks);
    leaves.tables[leaf].push(table);
    for (const [i, rule] of line.entries()) {
      if (!fits(table, shapes[i])) continue;
      leaves.unline(leaf, rule, this.#rules);
      this.#settle(leaf, rule, shapes[i]);
    }
    leaves.limit[leaf] = Math.max(LINE, leaves.count[leaf] + (LINE >> 1));
  }
}
