import { UserError } from '../errors.ts';
import { matchWords } from '../openflow/datapath/match-words.ts';
import { parseFlowFile } from '../openflow/text/lines.ts';
import { RuleClassifier } from '../table/rule-classifier.ts';
import { readLines } from './lines.ts';
import { cpuSeconds, quantile, random } from './statistics.ts';

const SEED = 20_231_101;
const KEYS = 1 << 14;
const CHECKED = 2048;
const PASSES = 12;
const WARM_UP = 3;
const CHANGES = 40_000;
const REPEATS = 16;
const TRIES = 5;

export interface RulesFigures {
  readonly rules: number;
  readonly flowTables: number;
  /** Different sets of bits that rules look at, and hash tables of the first level that they share. */
  readonly masks: number;
  readonly hashTables: number;
  readonly bytes: number;
  /** Lines that the control side reads a second. */
  readonly linesPerSecond: number;
  readonly changesPerSecond: number;
  readonly lookupsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly wrong: number;
}

interface Rule {
  readonly priority: number;
  readonly triples: Int32Array;
}

/** Rules of one flow table, and keys to look up: every second one inside a random rule, the others with random bits in place of its. */
interface FlowTable {
  readonly rules: readonly Rule[];
  readonly classifier: RuleClassifier;
  readonly words: number;
}

/**
 * The rules of a file in ovs-ofctl's syntax, as workers look them up.
 * @throws UserError with what is wrong in the file
 */
export function runRules(path: string): RulesFigures {
  const text = readLines(path).join('\n');
  const began = performance.now();
  const { mods, errors, lines } = parseFlowFile(text);
  const linesPerSecond = (lines.length / (performance.now() - began)) * 1000;
  if (errors.length > 0) {
    const [{ line, error }] = errors;
    const cure = `mend it, and ${errors.length - 1} more like it: the syntax is that of ovs-ofctl add-flows`;
    throw new UserError('data-invalid', `${path}:${line}: ${error.message}`, cure);
  }
  const byTable = new Map<number, Map<string, Rule>>();
  for (const mod of mods) {
    if (mod.command !== 'add')
      throw new UserError(
        'data-invalid',
        `${path} has a line that does not add a flow`,
        'leave only flows to be added',
      );
    const triples = matchWords(mod.match).slice();
    let rules = byTable.get(mod.table);
    if (rules === undefined) byTable.set(mod.table, (rules = new Map()));
    // As a switch does it: the same match of the same priority replaces.
    rules.set(`${mod.priority} ${triples.join()}`, { priority: mod.priority, triples });
  }
  if (byTable.size === 0)
    throw new UserError('data-invalid', `${path} holds no flow`, 'name a file of flows, a line each');
  const tables = [...byTable.values()].map((rules) => tableOf([...rules.values()]));
  const sum = (of: (table: FlowTable) => number) => tables.reduce((total, table) => total + of(table), 0);
  const measured = tables.map((table) => measure(table));
  const changes = tables.map((table) => churn(table));
  // Weighted by rules: a file's largest table says most.
  const rules = sum((table) => table.rules.length);
  const mean = (values: readonly number[]) =>
    rules / tables.reduce((total, table, i) => total + table.rules.length / values[i], 0);
  const worst = measured.reduce((a, b) => (b.p99 / b.p50 > a.p99 / a.p50 ? b : a));
  return {
    ...{ rules, flowTables: tables.length, linesPerSecond },
    masks: sum(({ classifier }) => classifier.masks),
    hashTables: sum(({ classifier }) => classifier.tables),
    bytes: sum(({ classifier }) => classifier.bytes),
    changesPerSecond: mean(changes.map(({ rate }) => rate)),
    lookupsPerSecond: mean(measured.map(({ rate }) => rate)),
    ...{ p50: worst.p50, p99: worst.p99 },
    wrong: [...measured, ...changes].reduce((total, { wrong }) => total + wrong, 0),
  };
}

function tableOf(rules: readonly Rule[]): FlowTable {
  const words = 1 + rules.reduce((most, { triples }) => Math.max(most, triples.at(-3) ?? 0), 0);
  const classifier = new RuleClassifier(words);
  for (const [i, { priority, triples }] of rules.entries()) classifier.add(i, priority, triples.length / 3, triples, 0);
  return { rules, classifier, words };
}

function keysOf({ rules, words }: FlowTable): Int32Array[] {
  const next = random(SEED);
  return Array.from({ length: KEYS }, (_, i) => {
    const { triples } = rules[next() % rules.length];
    const key = Int32Array.from({ length: words }, () => next());
    // A field in four of every second key is not what its rule wants.
    for (let k = 0; k < triples.length; k += 3) {
      if (i % 2 === 0 || next() % 4 !== 0) key[triples[k]] = (key[triples[k]] & ~triples[k + 2]) | triples[k + 1];
    }
    return key;
  });
}

function measure(table: FlowTable): { rate: number; p50: number; p99: number; wrong: number } {
  const { classifier } = table;
  const keys = keysOf(table);
  const pass = () => {
    let sum = 0;
    for (const key of keys) sum += classifier.match(key);
    return sum;
  };
  for (let k = 0; k < WARM_UP; k++) pass();
  const start = cpuSeconds();
  for (let k = 0; k < PASSES; k++) pass();
  const rate = (KEYS * PASSES) / (cpuSeconds() - start);
  const times = keys.map((key) => {
    let best = Number.POSITIVE_INFINITY;
    for (let t = 0; t < TRIES; t++) {
      const from = performance.now();
      for (let k = 0; k < REPEATS; k++) classifier.match(key);
      best = Math.min(best, performance.now() - from);
    }
    return (best * 1e6) / REPEATS;
  });
  return { rate, p50: quantile(times, 0.5), p99: quantile(times, 0.99), wrong: differing(table, keys) };
}

/** Look-ups of which the slow twin, every rule in turn, says something else. */
function differing({ rules, classifier }: FlowTable, keys: readonly Int32Array[]): number {
  let wrong = 0;
  for (const key of keys.slice(0, CHECKED)) {
    let best = -1;
    for (let i = 0; i < rules.length; i++) {
      if (best >= 0 && rules[i].priority <= rules[best].priority) continue;
      const { triples } = rules[i];
      let k = 0;
      while (k < triples.length && ((key[triples[k]] ^ triples[k + 1]) & triples[k + 2]) === 0) k += 3;
      if (k === triples.length) best = i;
    }
    if (classifier.match(key) !== best) wrong++;
  }
  return wrong;
}

/** Takes random rules out and puts them back, each of which is two changes; and looks again afterwards. */
function churn(table: FlowTable): { rate: number; wrong: number } {
  const { rules, classifier } = table;
  const next = random(SEED);
  const start = cpuSeconds();
  for (let k = 0; k < CHANGES; k += 2) {
    const i = next() % rules.length;
    classifier.remove(i);
    classifier.add(i, rules[i].priority, rules[i].triples.length / 3, rules[i].triples, 0);
  }
  const rate = CHANGES / (cpuSeconds() - start);
  return { rate, wrong: differing(table, keysOf(table)) };
}
