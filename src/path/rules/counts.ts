import { RuleColumn, type RulesWorkerImage, TableColumn } from './log.ts';

/** One worker's counters of a tenant's rules and tables; the control side sums them over workers. */
export class RuleCounts {
  /** Milliseconds of the workers' clock at which what is counted now came in: a double that is passed on would be an object. */
  readonly nowMs = new Float64Array(1);
  readonly #rules: Float64Array;
  readonly #tables: Float64Array;

  constructor({ rules, tables }: Pick<RulesWorkerImage, 'rules' | 'tables'>) {
    this.#rules = new Float64Array(rules);
    this.#tables = new Float64Array(tables);
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

  /** Both at once. @param rule `NO_RULE`: none of the table has matched */
  count(table: number, rule: number, packets: number, bytes: number): void {
    this.lookup(table, packets);
    if (rule !== NO_RULE) this.match(table, rule, packets, bytes);
  }
}

/** Stands for the rule where there is none, in 24 bits. */
export const NO_RULE = 0xffffff;
