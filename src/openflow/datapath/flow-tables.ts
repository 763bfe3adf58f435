import { Limit, LogRecord } from '../../path/rules/log.ts';
import { refuse } from '../codec/errors.ts';
import { ALL_TABLES, FlowFlag, type FlowMod, Groups, type Instruction, type Match, Ports } from '../model.ts';
import { checkMatch, checkRule, type Surroundings } from './check.ts';
import { compileInstructions, type Indices } from './compile.ts';
import type { Counters } from './counters.ts';
import { IndexPool } from './indices.ts';
import type { Journal } from './journal.ts';
import { covers, matchWords, overlaps } from './match-words.ts';
import { type Owner, Rule } from './rule.ts';
import { RuleIndex } from './rule-index.ts';
import type { RuleLog } from './rule-log.ts';
import { RuleMemory } from './rule-memory.ts';

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
  /** A rule is gone from the workers' log: its counters are final when they have carried that out. @param reason `RemovedReason`; null: nobody is told */
  readonly removed: (rule: Rule, reason: number | null) => void;
}

/** A datapath's rules, by what they are and by what they match. Source: 1.3.5, sections 6.4 and 7.3.4.1. */
export class FlowTables {
  readonly #context: FlowTablesContext;
  readonly #pool = new IndexPool(Limit.Rules);
  readonly #memory = new RuleMemory();
  /** Rules of each table, and all by table, priority and match. */
  readonly #tables = new Map<number, Set<Rule>>();
  readonly #index = new RuleIndex();
  readonly #timed = new Set<Rule>();

  readonly #undoForget = (rule: Rule): void => this.#remember(rule);
  readonly #undoRemember = (rule: Rule): void => this.#forget(rule);
  readonly #undoTake = (rule: Rule): void => this.give(rule);

  constructor(context: FlowTablesContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#index.size;
  }

  has(rule: Rule): boolean {
    return this.#index.has(rule);
  }

  sizeOf(table: number): number {
    return this.#tables.get(table)?.size ?? 0;
  }

  /** The rule that adding this one would replace. */
  find({ table, priority, match }: FlowMod): Rule | undefined {
    return this.#find(table, priority, matchWords(match));
  }

  #find(table: number, priority: number, triples: Int32Array): Rule | undefined {
    return this.#index.find(this.#index.hash(table, priority, triples), table, priority, triples);
  }

  *#all(): Generator<Rule> {
    for (const rules of this.#tables.values()) yield* rules;
  }

  /** All rules as records of the log. */
  *records(): Generator<Int32Array> {
    const { indices } = this.#context;
    for (const rule of this.#all())
      yield record.slice(0, setRecord(rule, rule.triples, compileInstructions(rule.instructions, indices)));
  }

  /** The rule that workers know by an index. */
  at(index: number): Rule | undefined {
    for (const rule of this.#all()) if (rule.index === index) return rule;
    return undefined;
  }

  /** A removed rule's index and memory may be another's. */
  give(rule: Rule): void {
    this.#pool.give(rule.index);
    this.#memory.give(rule.place);
  }

  /** @throws OpenFlowError; nothing has changed then */
  change(mod: FlowMod, owner: Owner): void {
    if ((mod.flags & ~0x1f) !== 0) throw refuse('FLOW_MOD_FAILED', 'BAD_FLAGS', `flags 0x${mod.flags.toString(16)}`);
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
    for (const rule of [...this.#all()]) {
      const { instructions } = rule;
      const names =
        kind === 'meter'
          ? instructions.some((one) => one.type === 'meter' && one.meter === id)
          : [...actionsOf(instructions)].some((action) => action.type === 'group' && action.group === id);
      if (names) this.remove(rule, reason);
    }
  }

  remove(rule: Rule, reason: number): void {
    this.#forget(rule);
    this.#context.log.write([LogRecord.RuleRemove, rule.index]);
    this.#context.removed(rule, reason);
  }

  #forget(rule: Rule): void {
    this.#index.remove(rule);
    this.#tables.get(rule.table)?.delete(rule);
    this.#timed.delete(rule);
    this.#context.journal.noteOf(this.#undoForget, rule);
  }

  #remember(rule: Rule): void {
    this.#index.add(rule);
    let rules = this.#tables.get(rule.table);
    if (rules === undefined) {
      rules = new Set();
      this.#tables.set(rule.table, rules);
    }
    rules.add(rule);
    if (rule.idleTimeout > 0 || rule.hardTimeout > 0) this.#timed.add(rule);
    this.#context.journal.noteOf(this.#undoRemember, rule);
  }

  #add(mod: FlowMod, owner: Owner): void {
    const { around, indices, log, counters, most, journal } = this.#context;
    const { table, priority, flags } = mod;
    this.#checkTable(table);
    checkRule(mod, around);
    const triples = matchWords(mod.match);
    if ((flags & FlowFlag.CheckOverlap) !== 0) this.#refuseOverlap(mod, triples);
    const hash = this.#index.hash(table, priority, triples);
    const old = this.#index.find(hash, table, priority, triples);
    if (old === undefined && this.size >= most())
      throw refuse('FLOW_MOD_FAILED', 'TABLE_FULL', `the tenant may have ${most()} rules`);
    const index = this.#pool.take();
    if (index < 0) throw refuse('FLOW_MOD_FAILED', 'TABLE_FULL', `there are ${Limit.Rules} rules at most`);
    const place = this.#memory.put(triples, mod.match, mod.instructions);
    const rule = new Rule(this.#memory, mod, { index, owner, createdMs: this.#context.nowMs(), hash, place });
    journal.noteOf(this.#undoTake, rule);
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
    log.write(record, setRecord(rule, triples, compileInstructions(mod.instructions, indices)));
    if (old === undefined) return;
    log.write([LogRecord.RuleRemove, old.index]);
    // Replaced: no flow-removed is sent (6.4).
    this.#context.removed(old, null);
  }

  #modify(mod: FlowMod): void {
    const { around, indices } = this.#context;
    if (mod.table !== ALL_TABLES) this.#checkTable(mod.table);
    else throw refuse('FLOW_MOD_FAILED', 'BAD_TABLE_ID', 'modify names a table');
    checkRule(mod, around);
    const program = compileInstructions(mod.instructions, indices);
    const filter = { ...mod, outPort: Ports.Any, outGroup: Groups.Any };
    for (const rule of this.#chosen(filter, mod.command === 'modify_strict')) this.#change(rule, mod, program);
  }

  #change(rule: Rule, { instructions, flags }: FlowMod, program: readonly number[]): void {
    const { counters, journal, log } = this.#context;
    const { place, basePackets, baseBytes } = rule;
    const changed = this.#memory.changed(place, instructions);
    journal.note(() => {
      Object.assign(rule, { place, basePackets, baseBytes });
      this.#memory.give(changed);
    });
    journal.afterwards(() => this.#memory.give(place));
    rule.place = changed;
    if ((flags & FlowFlag.ResetCounts) !== 0) {
      const { packets, bytes } = counters.pair('rules', rule.index);
      rule.basePackets = packets;
      rule.baseBytes = bytes;
    }
    log.write([LogRecord.RuleProgram, rule.index, ...cookieWords(rule.cookie), ...program]);
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
    const triples = matchWords(filter.match).slice();
    if (priority !== null) {
      const tables = filter.table === ALL_TABLES ? [...this.#tables.keys()] : [filter.table];
      for (const table of tables) {
        const rule = this.#find(table, priority, triples);
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

let record = new Int32Array(256);

/** Fills `record`. @returns its length */
function setRecord(rule: Rule, triples: Int32Array, program: readonly number[]): number {
  const { cookie } = rule;
  const length = 7 + triples.length + program.length;
  if (length > record.length) record = new Int32Array(2 * length);
  record[0] = LogRecord.RuleSet;
  record[1] = rule.index;
  record[2] = rule.table;
  record[3] = rule.priority;
  record[4] = cookie === 0n ? 0 : Number(BigInt.asIntN(32, cookie >> 32n));
  record[5] = cookie === 0n ? 0 : Number(BigInt.asIntN(32, cookie));
  record[6] = triples.length / 3;
  for (let k = 0; k < triples.length; k++) record[7 + k] = triples[k];
  for (let k = 0; k < program.length; k++) record[7 + triples.length + k] = program[k];
  return length;
}

/** Groups and ports that a rule's actions name. */
function* actionsOf(instructions: readonly Instruction[]) {
  for (const one of instructions) if ('actions' in one) yield* one.actions;
}
