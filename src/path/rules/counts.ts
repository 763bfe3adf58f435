import { PairColumn, RuleColumn, type RulesWorkerImage, TableColumn } from './log.ts';

/** One worker's counters of a tenant's rules, tables, groups and buckets; the control side sums them over workers. */
export class RuleCounts {
  /** Milliseconds of the workers' clock at which what is counted now came in: a double that is passed on would be an object. */
  readonly nowMs = new Float64Array(1);
  readonly #rules: Float64Array;
  readonly #tables: Float64Array;
  readonly #groups: Float64Array;
  readonly #buckets: Float64Array;

  constructor({ rules, tables, groups, buckets }: Pick<RulesWorkerImage, 'rules' | 'tables' | 'groups' | 'buckets'>) {
    this.#rules = new Float64Array(rules);
    this.#tables = new Float64Array(tables);
    this.#groups = new Float64Array(groups);
    this.#buckets = new Float64Array(buckets);
  }

  /** Frames that a table was asked about. */
  lookup(table: number, packets: number): void {
    this.#tables[table * TableColumn.WIDTH + TableColumn.Lookups] += packets;
  }

  /** Frames that a rule of the table has matched. */
  match(table: number, rule: number, packets: number, bytes: number): void {
    this.#tables[table * TableColumn.WIDTH + TableColumn.Matches] += packets;
    const rules = this.#rules;
    const at = rule * RuleColumn.WIDTH;
    rules[at + RuleColumn.Packets] += packets;
    rules[at + RuleColumn.Bytes] += bytes;
    rules[at + RuleColumn.LastUsedMs] = this.nowMs[0];
  }

  /** Frames that a group was asked to send. */
  group(group: number, packets: number, bytes: number): void {
    add(this.#groups, group, packets, bytes);
  }

  /** Frames that a bucket has acted on. @param place its counters' */
  bucket(place: number, packets: number, bytes: number): void {
    add(this.#buckets, place, packets, bytes);
  }

  /**
   * A frame's look-up and match at once, or what a decision names in the place of them.
   * @param table or `GROUPS` @param rule `NO_RULE`: none of the table has matched
   */
  count(table: number, rule: number, packets: number, bytes: number): void {
    if (table === GROUPS) {
      if (rule < FIRST_BUCKET) this.group(rule, packets, bytes);
      else this.bucket(rule - FIRST_BUCKET, packets, bytes);
      return;
    }
    this.lookup(table, packets);
    if (rule !== NO_RULE) this.match(table, rule, packets, bytes);
  }
}

/** Stands for the rule where there is none, in 24 bits. */
export const NO_RULE = 0xffffff;
/** Stands for the table where a group is counted, or, from `FIRST_BUCKET` on, a bucket: no rule is in it (OFPTT_ALL). */
export const GROUPS = 255;
export const FIRST_BUCKET = 1 << 23;

function add(pairs: Float64Array, index: number, packets: number, bytes: number): void {
  pairs[index * PairColumn.WIDTH] += packets;
  pairs[index * PairColumn.WIDTH + 1] += bytes;
}
