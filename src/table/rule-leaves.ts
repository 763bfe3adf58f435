import { larger, type RuleColumns } from './rule-columns.ts';
import type { RuleTable } from './rule-table.ts';

/** A line is not cut up before it has so many rules. */
const FIRST_LIMIT = 12;

/** Leaves of a rule classifier as columns: each a line of rules, best first, and the tables beside it. */
export class RuleLeaves {
  readonly seed: number;
  /** First rule of the line, -1 for none; rules in it; and how many there may be. */
  line = new Int32Array(64);
  count = new Int32Array(64);
  limit = new Int32Array(64);
  /** Hash of the key that leads here, and the next leaf of the same bucket. */
  hash = new Int32Array(64);
  next = new Int32Array(64);
  /** No rule here or behind the tables has a higher priority. */
  most = new Int32Array(64);
  /** Tables beside the line, in the order of the best rule behind them. */
  readonly tables: RuleTable[][] = [];
  /** The table that the leaf is in, null for the root. */
  readonly #in: (RuleTable | null)[] = [];
  readonly #free: number[] = [];

  constructor(seed: number) {
    this.seed = seed;
  }

  get bytes(): number {
    const columns = [this.line, this.count, this.limit, this.hash, this.next, this.most];
    const heads = this.tables.flatMap((tables) => tables.map((table) => table.heads));
    return [...columns, ...heads].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  take(table: RuleTable | null, hash: number): number {
    const leaf = this.#free.pop() ?? this.tables.length;
    if (leaf >= this.line.length) {
      this.line = larger(this.line, leaf + 1);
      this.count = larger(this.count, leaf + 1);
      this.limit = larger(this.limit, leaf + 1);
      this.hash = larger(this.hash, leaf + 1);
      this.next = larger(this.next, leaf + 1);
      this.most = larger(this.most, leaf + 1);
    }
    this.line[leaf] = -1;
    this.count[leaf] = 0;
    this.limit[leaf] = FIRST_LIMIT;
    this.hash[leaf] = hash;
    this.next[leaf] = -1;
    this.most[leaf] = -1;
    this.tables[leaf] = [];
    this.#in[leaf] = table;
    return leaf;
  }

  /** The leaf of a table that a hash leads to; made if it is not there. */
  below(table: RuleTable, hash: number): number {
    let leaf = table.heads[hash & (table.heads.length - 1)];
    while (leaf >= 0 && this.hash[leaf] !== hash) leaf = this.next[leaf];
    if (leaf >= 0) return leaf;
    if (table.count >= table.heads.length) this.#enlarge(table);
    const made = this.take(table, hash);
    const bucket = hash & (table.heads.length - 1);
    this.next[made] = table.heads[bucket];
    table.heads[bucket] = made;
    table.count++;
    return made;
  }

  /** Puts a rule into the line of a leaf. */
  enline(leaf: number, rule: number, { priority, next, leaf: leafOf }: RuleColumns): void {
    const mine = priority[rule];
    let before = -1;
    let other = this.line[leaf];
    while (other >= 0 && (priority[other] > mine || (priority[other] === mine && other < rule))) {
      before = other;
      other = next[other];
    }
    next[rule] = other;
    if (before < 0) this.line[leaf] = rule;
    else next[before] = rule;
    leafOf[rule] = leaf;
    this.count[leaf]++;
    if (mine > this.most[leaf]) this.most[leaf] = mine;
  }

  /** Takes a rule out of the line of a leaf; what is empty then goes. */
  unline(leaf: number, rule: number, { priority, next }: RuleColumns): void {
    if (this.line[leaf] === rule) this.line[leaf] = next[rule];
    else {
      let before = this.line[leaf];
      while (next[before] !== rule) before = next[before];
      next[before] = next[rule];
    }
    this.count[leaf]--;
    this.#lower(leaf, priority);
  }

  /** Rules of the line, best first. */
  rules(leaf: number, { next }: RuleColumns): number[] {
    const rules: number[] = [];
    for (let rule = this.line[leaf]; rule >= 0; rule = next[rule]) rules.push(rule);
    return rules;
  }

  /** Bits of a key that all rules which are led to this leaf have in common. */
  above(leaf: number, words: number): Int32Array {
    const bits = new Int32Array(words);
    for (let table = this.#in[leaf]; table !== null; table = this.#in[table.owner]) {
      for (let k = 0; k < table.places.length; k++) bits[table.places[k]] |= table.masks[k];
    }
    return bits;
  }

  /** A rule of this priority comes in by the table. */
  raise(table: RuleTable, priority: number): void {
    table.most = priority;
    table.stale = 0;
    sort(this.tables[table.owner], table);
    if (priority > this.most[table.owner]) this.most[table.owner] = priority;
  }

  /** A leaf may have got worse or empty: it, and what it is in. */
  #lower(leaf: number, priority: Int32Array): void {
    for (let at = leaf; ; ) {
      const tables = this.tables[at];
      const before = this.most[at];
      const first = this.line[at];
      this.most[at] = Math.max(first < 0 ? -1 : priority[first], tables.length === 0 ? -1 : tables[0].most);
      const table = this.#in[at];
      if (table === null) return;
      const { owner } = table;
      if (first < 0 && tables.length === 0) {
        this.#drop(table, at);
        if (table.count === 0) this.tables[owner].splice(this.tables[owner].indexOf(table), 1);
      }
      if (table.count > 0) {
        // Until it is found out, `most` may say too much: the search goes on for longer than it must, and finds the same.
        if (before < table.most || this.most[at] === before || ++table.stale <= 4 + (table.count >> 3)) return;
        table.stale = 0;
        table.most = this.#highest(table);
        sort(this.tables[owner], table);
      }
      at = owner;
    }
  }

  #drop(table: RuleTable, leaf: number): void {
    const bucket = this.hash[leaf] & (table.heads.length - 1);
    if (table.heads[bucket] === leaf) table.heads[bucket] = this.next[leaf];
    else {
      let before = table.heads[bucket];
      while (this.next[before] !== leaf) before = this.next[before];
      this.next[before] = this.next[leaf];
    }
    table.count--;
    this.#free.push(leaf);
  }

  #highest({ heads }: RuleTable): number {
    let most = -1;
    for (const head of heads) {
      for (let leaf = head; leaf >= 0; leaf = this.next[leaf]) if (this.most[leaf] > most) most = this.most[leaf];
    }
    return most;
  }

  #enlarge(table: RuleTable): void {
    const { heads } = table;
    const grown = new Int32Array(heads.length * 4).fill(-1);
    for (const head of heads) {
      for (let leaf = head; leaf >= 0; ) {
        const behind = this.next[leaf];
        const bucket = this.hash[leaf] & (grown.length - 1);
        this.next[leaf] = grown[bucket];
        grown[bucket] = leaf;
        leaf = behind;
      }
    }
    table.heads = grown;
  }
}

/** Moves a table to its place after its highest priority has changed. */
function sort(tables: RuleTable[], table: RuleTable): void {
  let at = tables.indexOf(table);
  for (; at > 0 && tables[at - 1].most < table.most; at--) tables[at] = tables[at - 1];
  for (; at + 1 < tables.length && tables[at + 1].most > table.most; at++) tables[at] = tables[at + 1];
  tables[at] = table;
}
