import { Limit, LogRecord } from '../../path/rules/log.ts';
import { refuse } from '../codec/errors.ts';
import { ALL_TABLES, FlowFlag, type FlowMod, Groups, type Match, Ports } from '../model.ts';
import { checkInstructions, checkMatch, type Surroundings } from './check.ts';
import { compileInstructions, type Indices } from './compile.ts';
import type { Counters } from './counters.ts';
import { IndexPool } from './indices.ts';
import type { Journal } from './journal.ts';
import { covers, matchWords, overlaps } from './match-words.ts';
import { actionsOf, type Owner, type Rule, ruleKey } from './rule.ts';
import type { RuleLog } from './rule-log.ts';

/** Which rules: what a request for statistics, or a delete, says. */
export interface RuleFilter {
  readonly table: number;
  readonly match: Match;
  readonly cookie: bigint;
  readonly cookieMask: bigint;
  readonly outPort: number;
  readonly outGroup: number;
}

export interface FlowTablesContext {
  readonly log: RuleLog;
  readonly counters: Counters;
  readonly journal: Journal;
  readonly around: Surroundings;
  readonly indices: Indices;
  /** Most rules of the tenant. */
  readonly most: () => number;
  readonly nowMs: () => number;
  /** A rule is gone from the workers' log: its counters are final when they have carried that out. @param reason `RemovedReason` */
  readonly removed: (rule: Rule, reason: number) => void;
}

const NO_MATCH = Int32Array.of();

/** A datapath's rules, by what they are and by what they match. Source: 1.3.5, sections 6.4 and 7.3.4.1. */
export class FlowTables {
  readonly #context: FlowTablesContext;
  readonly #pool = new IndexPool(Limit.Rules);
  /** Rules of each table, and all by table, priority and match. */
  readonly #tables = new Map<number, Set<Rule>>();
  readonly #byKey = new Map<string, Rule>();
  readonly #timed = new Set<Rule>();

  constructor(context: FlowTablesContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#byKey.size;
  }

  has(rule: Rule): boolean {
    return this.#byKey.get(rule.key) === rule;
  }

  sizeOf(table: number): number {
    return this.#tables.get(table)?.size ?? 0;
  }

  /** What a rule is known by: its table, priority and match. */
  keyOf({ table, priority, match }: FlowMod): string {
    return ruleKey(table, priority, matchWords(match).text);
  }

  /** The rule that adding this one would replace. */
  find(mod: FlowMod): Rule | undefined {
    return this.#byKey.get(this.keyOf(mod));
  }

  /** All rules as records of the log. */
  *records(): Generator<Int32Array> {
    const { indices } = this.#context;
    for (const rule of this.#byKey.values()) yield setRecord(rule, compileInstructions(rule.instructions, indices));
  }

  /** The rule that workers know by an index. */
  at(index: number): Rule | undefined {
    for (const rule of this.#byKey.values()) if (rule.index === index) return rule;
    return undefined;
  }

  give(index: number): void {
    this.#pool.give(index);
  }

  /** @throws OpenFlowError; nothing has changed then */
  change(mod: FlowMod, owner: Owner): void {
    switch (mod.command) {
      case 'add':
        this.#add(mod, owner);
        return;
      case 'modify':
      case 'modify_strict':
        this.#modify(mod);
        return;
      default:
        this.#delete(mod);
    }
  }

  /** Rules that a filter selects, in the order of tables and priorities. */
  select(filter: RuleFilter): Rule[] {
    const found = [...this.#matching(filter, null)];
    return found.sort((a, b) => a.table - b.table || b.priority - a.priority || a.index - b.index);
  }

  /** Removes rules whose time is over. */
  expire(nowMs: number): void {
    const { counters } = this.#context;
    for (const rule of this.#timed) {
      const age = nowMs - rule.createdMs;
      if (rule.hardTimeout > 0 && age >= rule.hardTimeout * 1000) this.remove(rule, 1);
      else if (rule.idleTimeout > 0 && age >= rule.idleTimeout * 1000) {
        const last = Math.max(rule.createdMs, counters.lastUsed(rule.index));
        if (nowMs - last >= rule.idleTimeout * 1000) this.remove(rule, 0);
      }
    }
  }

  /** Removes the rules that name a group or a meter. */
  removeNaming(kind: 'group' | 'meter', id: number, reason: number): void {
    for (const rule of [...this.#byKey.values()]) {
      const names =
        kind === 'meter'
          ? rule.instructions.some((one) => one.type === 'meter' && one.meter === id)
          : [...actionsOf(rule.instructions)].some((action) => action.type === 'group' && action.group === id);
      if (names) this.remove(rule, reason);
    }
  }

  remove(rule: Rule, reason: number): void {
    this.#forget(rule);
    this.#context.log.write([LogRecord.RuleRemove, rule.index]);
    this.#context.removed(rule, reason);
  }

  #forget(rule: Rule): void {
    this.#byKey.delete(rule.key);
    this.#tables.get(rule.table)?.delete(rule);
    this.#timed.delete(rule);
    const { journal } = this.#context;
    if (journal.active) journal.note(() => this.#remember(rule));
  }

  #remember(rule: Rule): void {
    this.#byKey.set(rule.key, rule);
    let rules = this.#tables.get(rule.table);
    if (rules === undefined) {
      rules = new Set();
      this.#tables.set(rule.table, rules);
    }
    rules.add(rule);
    if (rule.idleTimeout > 0 || rule.hardTimeout > 0) this.#timed.add(rule);
    const { journal } = this.#context;
    if (journal.active) journal.note(() => this.#forget(rule));
  }

  #add(mod: FlowMod, owner: Owner): void {
    const { around, indices, log, counters, most, journal } = this.#context;
    this.#checkTable(mod.table);
    if ((mod.flags & ~0x1f) !== 0) throw refuse('FLOW_MOD_FAILED', 'BAD_FLAGS', `flags 0x${mod.flags.toString(16)}`);
    checkMatch(mod.match);
    checkInstructions(mod.instructions, mod.table, mod.match, around);
    const { triples, text } = matchWords(mod.match);
    const key = ruleKey(mod.table, mod.priority, text);
    if ((mod.flags & FlowFlag.CheckOverlap) !== 0) this.#refuseOverlap(mod, triples);
    const old = this.#byKey.get(key);
    if (old === undefined && this.#byKey.size >= most())
      throw refuse('FLOW_MOD_FAILED', 'TABLE_FULL', `the tenant may have ${most()} rules`);
    const index = this.#pool.take();
    if (index < 0) throw refuse('FLOW_MOD_FAILED', 'TABLE_FULL', `there are ${Limit.Rules} rules at most`);
    if (journal.active) journal.note(() => this.#pool.give(index));
    const program = compileInstructions(mod.instructions, indices);
    const { match, table, priority, cookie, flags, idleTimeout, hardTimeout, instructions } = mod;
    const rule: Rule = {
      ...{ index, table, priority, match, triples, key, owner, cookie, flags, idleTimeout, hardTimeout, instructions },
      createdMs: this.#context.nowMs(),
      basePackets: 0,
      baseBytes: 0,
    };
    if (old !== undefined) {
      // It takes the place of the old one without a moment between, and goes on counting unless told otherwise (6.4).
      if ((flags & FlowFlag.ResetCounts) === 0) {
        const { packets, bytes } = counters.pair('rules', old.index);
        rule.basePackets = old.basePackets - packets;
        rule.baseBytes = old.baseBytes - bytes;
      }
      this.#forget(old);
    }
    this.#remember(rule);
    log.write(setRecord(rule, program));
    if (old === undefined) return;
    log.write([LogRecord.RuleRemove, old.index]);
    // Replaced: no flow-removed is sent (6.4).
    this.#context.removed({ ...old, flags: 0 }, 2);
  }

  #modify(mod: FlowMod): void {
    const { around, indices, log, counters, journal } = this.#context;
    if (mod.table !== ALL_TABLES) this.#checkTable(mod.table);
    else throw refuse('FLOW_MOD_FAILED', 'BAD_TABLE_ID', 'modify names a table');
    checkMatch(mod.match);
    checkInstructions(mod.instructions, mod.table, mod.match, around);
    const program = compileInstructions(mod.instructions, indices);
    for (const rule of this.#chosen(
      { ...mod, outPort: Ports.Any, outGroup: Groups.Any },
      mod.command === 'modify_strict',
    )) {
      const { instructions, basePackets, baseBytes } = rule;
      journal.note(() => Object.assign(rule, { instructions, basePackets, baseBytes }));
      rule.instructions = mod.instructions;
      if ((mod.flags & FlowFlag.ResetCounts) !== 0) {
        const { packets, bytes } = counters.pair('rules', rule.index);
        rule.basePackets = packets;
        rule.baseBytes = bytes;
      }
      log.write([LogRecord.RuleProgram, rule.index, ...cookieWords(rule.cookie), ...program]);
    }
  }

  #delete(mod: FlowMod): void {
    if (mod.table !== ALL_TABLES) this.#checkTable(mod.table);
    checkMatch(mod.match);
    for (const rule of this.#chosen(mod, mod.command === 'delete_strict')) this.remove(rule, 2);
  }

  #chosen(mod: FlowMod, strict: boolean): Rule[] {
    return [...this.#matching(mod, strict ? mod.priority : null)];
  }

  /** @param priority not null: only rules of this priority with exactly this match */
  *#matching(filter: RuleFilter, priority: number | null): Generator<Rule> {
    const { triples, text } = filter.match.length === 0 ? { triples: NO_MATCH, text: '' } : matchWords(filter.match);
    if (priority !== null) {
      const tables = filter.table === ALL_TABLES ? [...this.#tables.keys()] : [filter.table];
      for (const table of tables) {
        const rule = this.#byKey.get(ruleKey(table, priority, text));
        if (rule !== undefined && passes(rule, filter)) yield rule;
      }
      return;
    }
    for (const [table, rules] of this.#tables) {
      if (filter.table !== ALL_TABLES && filter.table !== table) continue;
      for (const rule of rules) if (covers(triples, rule.triples) && passes(rule, filter)) yield rule;
    }
  }

  #refuseOverlap(mod: FlowMod, triples: Int32Array): void {
    for (const rule of this.#tables.get(mod.table) ?? [])
      if (rule.priority === mod.priority && overlaps(rule.triples, triples))
        throw refuse('FLOW_MOD_FAILED', 'OVERLAP', 'a rule of the same priority matches some of the same frames');
  }

  #checkTable(table: number): void {
    if (table >= this.#context.around.tables)
      throw refuse('FLOW_MOD_FAILED', 'BAD_TABLE_ID', `there is no table ${table}`);
  }
}

function passes(rule: Rule, { cookie, cookieMask, outPort, outGroup }: RuleFilter): boolean {
  if (((rule.cookie ^ cookie) & cookieMask) !== 0n) return false;
  if (outPort === Ports.Any && outGroup === Groups.Any) return true;
  const actions = [...actionsOf(rule.instructions)];
  const toPort = outPort === Ports.Any || actions.some((one) => one.type === 'output' && one.port === outPort);
  return toPort && (outGroup === Groups.Any || actions.some((one) => one.type === 'group' && one.group === outGroup));
}

function cookieWords(cookie: bigint): [number, number] {
  return [Number(BigInt.asIntN(32, cookie >> 32n)), Number(BigInt.asIntN(32, cookie))];
}

function setRecord({ index, table, priority, cookie, triples }: Rule, program: readonly number[]): Int32Array {
  const record = new Int32Array(7 + triples.length + program.length);
  record[0] = LogRecord.RuleSet;
  record[1] = index;
  record[2] = table;
  record[3] = priority;
  [record[4], record[5]] = cookieWords(cookie);
  record[6] = triples.length / 3;
  record.set(triples, 7);
  record.set(program, 7 + triples.length);
  return record;
}
