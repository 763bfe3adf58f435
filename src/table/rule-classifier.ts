/**
 * Which of many rules with wildcards matches a key, for a table that changes all the time and that one thread owns: tuple-space
 * search. Rules that look at the same bits are a tuple, a hash table of their values; tuples are asked in the order of their
 * highest priority, and the search ends where no later one can have a better rule.
 *
 * Cost of a look-up: a hash and a bucket a tuple asked, whatever a sender sends: the number of tuples is the rules' doing. Hashes are
 * keyed, so that nobody aims at one bucket. Adding and removing cost one bucket, and now and then a table twice the size.
 * Nothing is an object a rule: typed arrays alone, so that there is nothing for the garbage collector to look at.
 * Sources: Srinivasan, Suri and Varghese, SIGCOMM 1999 (tuple space); Open vSwitch lib/classifier.h (order by priority).
 */
export class RuleClassifier {
  readonly #words: number;
  readonly #seed: number;
  /** By the text of what they look at. */
  readonly #byMask = new Map<string, Tuple>();
  /** In the order of their highest priority. */
  readonly #order: Tuple[] = [];
  #tuples: (Tuple | undefined)[] = [];
  // Columns by rule index.
  #priority = new Int32Array(256);
  #next = new Int32Array(256);
  #hash = new Int32Array(256);
  #at = new Int32Array(256);
  // Values, one after the other; places of each length that are free.
  #values = new Int32Array(1024);
  #used = 0;
  readonly #free: number[][] = [];
  #size = 0;

  /** @param words of a key */
  constructor(words: number, seed: number = crypto.getRandomValues(new Int32Array(1))[0]) {
    this.#words = words;
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  /** Sets of bits that rules look at. */
  get tuples(): number {
    return this.#order.length;
  }

  /** Bytes of the columns, values and buckets. */
  get bytes(): number {
    const columns = [this.#priority, this.#next, this.#hash, this.#at, this.#values];
    return [...columns, ...this.#order.map(({ heads }) => heads)].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /**
   * Adds a rule.
   * @param rule a small number of the caller's, not in use here
   * @param priority the higher one wins; of equals the lower rule
   * @param n words that it looks at: as many triples of place in the key (ascending), value and mask from `source[at]` on
   */
  add(rule: number, priority: number, n: number, source: Int32Array, at: number): void {
    this.#grow(rule + 1);
    const tuple = this.#tupleOf(n, source, at);
    const values = this.#take(n);
    let hash = this.#seed;
    for (let k = 0; k < n; k++) {
      const value = source[at + 3 * k + 1] & source[at + 3 * k + 2];
      this.#values[values + k] = value;
      hash = Math.imul(hash ^ value, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    this.#priority[rule] = priority;
    this.#hash[rule] = hash;
    this.#at[rule] = values;
    this.#tuples[rule] = tuple;
    if (tuple.count >= tuple.heads.length * 2) this.#rehash(tuple);
    this.#insert(tuple, rule);
    tuple.count++;
    tuple.priorities.set(priority, (tuple.priorities.get(priority) ?? 0) + 1);
    this.#size++;
    if (priority > tuple.most) {
      tuple.most = priority;
      this.#sort(tuple);
    }
  }

  /** Removes a rule that is there. */
  remove(rule: number): void {
    const tuple = this.#tuples[rule];
    if (tuple === undefined) return;
    this.#tuples[rule] = undefined;
    const { heads } = tuple;
    const next = this.#next;
    const bucket = this.#hash[rule] & (heads.length - 1);
    if (heads[bucket] === rule) heads[bucket] = next[rule];
    else {
      let before = heads[bucket];
      while (next[before] !== rule) before = next[before];
      next[before] = next[rule];
    }
    this.#give(tuple.places.length, this.#at[rule]);
    this.#size--;
    tuple.count--;
    const priority = this.#priority[rule];
    const left = (tuple.priorities.get(priority) ?? 1) - 1;
    if (left > 0) {
      tuple.priorities.set(priority, left);
      return;
    }
    tuple.priorities.delete(priority);
    if (tuple.count === 0) {
      this.#byMask.delete(tuple.text);
      this.#order.splice(this.#order.indexOf(tuple), 1);
    } else if (priority === tuple.most) {
      tuple.most = Math.max(...tuple.priorities.keys());
      this.#sort(tuple);
    }
  }

  /** @returns the rule that matches with the highest priority, or -1. Never throws, allocates nothing. */
  match(key: Int32Array): number {
    const order = this.#order;
    const values = this.#values;
    const hashes = this.#hash;
    const next = this.#next;
    const priorities = this.#priority;
    const at = this.#at;
    let best = -1;
    let bestPriority = -1;
    for (let t = 0; t < order.length; t++) {
      const tuple = order[t];
      if (tuple.most < bestPriority) break;
      const { places, masks, heads } = tuple;
      const n = places.length;
      let hash = this.#seed;
      for (let k = 0; k < n; k++) {
        hash = Math.imul(hash ^ (key[places[k]] & masks[k]), 0x9e3779b1);
        hash ^= hash >>> 15;
      }
      for (let rule = heads[hash & (heads.length - 1)]; rule >= 0; rule = next[rule]) {
        if (hashes[rule] !== hash) continue;
        const from = at[rule];
        let k = 0;
        while (k < n && values[from + k] === (key[places[k]] & masks[k])) k++;
        if (k < n) continue;
        // Rules of a bucket stand by priority: the first of this value is the best of the tuple.
        const priority = priorities[rule];
        if (priority > bestPriority || (priority === bestPriority && rule < best)) {
          best = rule;
          bestPriority = priority;
        }
        break;
      }
    }
    return best;
  }

  /** Bits of the key that any rule looks at, added to `into`. */
  consulted(into: Int32Array): void {
    for (const { places, masks } of this.#order) for (let k = 0; k < places.length; k++) into[places[k]] |= masks[k];
  }

  #tupleOf(n: number, source: Int32Array, at: number): Tuple {
    let text = '';
    for (let k = 0; k < n; k++) text += `${source[at + 3 * k]}:${source[at + 3 * k + 2]},`;
    const known = this.#byMask.get(text);
    if (known !== undefined) return known;
    const places = new Int32Array(n);
    const masks = new Int32Array(n);
    for (let k = 0; k < n; k++) {
      places[k] = source[at + 3 * k];
      masks[k] = source[at + 3 * k + 2];
      if (places[k] >= this.#words) throw new RangeError(`a key has ${this.#words} words, not ${places[k] + 1}`);
    }
    const tuple = new Tuple(text, places, masks);
    this.#byMask.set(text, tuple);
    this.#order.push(tuple);
    return tuple;
  }

  /** Puts a rule into its bucket, before those of lower priority. */
  #insert(tuple: Tuple, rule: number): void {
    const { heads } = tuple;
    const next = this.#next;
    const priorities = this.#priority;
    const bucket = this.#hash[rule] & (heads.length - 1);
    const goesBefore = (other: number) =>
      other < 0 || priorities[other] < priorities[rule] || (priorities[other] === priorities[rule] && other > rule);
    if (goesBefore(heads[bucket])) {
      next[rule] = heads[bucket];
      heads[bucket] = rule;
      return;
    }
    let before = heads[bucket];
    while (!goesBefore(next[before])) before = next[before];
    next[rule] = next[before];
    next[before] = rule;
  }

  #rehash(tuple: Tuple): void {
    const rules: number[] = [];
    for (const head of tuple.heads) for (let rule = head; rule >= 0; rule = this.#next[rule]) rules.push(rule);
    tuple.heads = new Int32Array(tuple.heads.length * 4).fill(-1);
    for (const rule of rules) this.#insert(tuple, rule);
  }

  /** Moves a tuple to its place after its highest priority has changed. */
  #sort(tuple: Tuple): void {
    const order = this.#order;
    order.splice(order.indexOf(tuple), 1);
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order[middle].most >= tuple.most) low = middle + 1;
      else high = middle;
    }
    order.splice(low, 0, tuple);
  }

  #take(n: number): number {
    const free = this.#free[n]?.pop();
    if (free !== undefined) return free;
    const at = this.#used;
    this.#used += n;
    if (this.#used > this.#values.length) this.#values = larger(this.#values, this.#used);
    return at;
  }

  #give(n: number, at: number): void {
    if (n === 0) return;
    this.#free[n] ??= [];
    this.#free[n].push(at);
  }

  #grow(rules: number): void {
    if (rules <= this.#priority.length) return;
    this.#priority = larger(this.#priority, rules);
    this.#next = larger(this.#next, rules);
    this.#hash = larger(this.#hash, rules);
    this.#at = larger(this.#at, rules);
  }
}

/** Rules that look at the same bits. */
class Tuple {
  readonly text: string;
  readonly places: Int32Array;
  readonly masks: Int32Array;
  /** First rule of each bucket, -1 for none. */
  heads = new Int32Array(4).fill(-1);
  count = 0;
  /** Highest priority, and how many rules have each. */
  most = -1;
  readonly priorities = new Map<number, number>();

  constructor(text: string, places: Int32Array, masks: Int32Array) {
    this.text = text;
    this.places = places;
    this.masks = masks;
  }
}

function larger(words: Int32Array, least: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(Math.max(least, words.length * 2));
  grown.set(words);
  return grown;
}
