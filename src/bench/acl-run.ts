import { writeFileSync } from 'node:fs';
import { AclKey, Classifier, compileAcl } from '../table/classifier.ts';
import { RuleClassifier } from '../table/rule-classifier.ts';
import { type FiveTuple, readClassBench } from './classbench.ts';
import {
  aclRuleOf,
  FIVE_WORDS,
  HEADER_WORDS,
  headersFor,
  keyOf,
  linear,
  type Mix,
  maskedOf,
  packRules,
} from './five-tuple.ts';
import { cpuSeconds, quantile, random } from './statistics.ts';

export const SEED = 20_231_101;
/** Headers of a mix: more than a processor's caches hold of what they lead to. */
export const HEADERS = 1 << 16;
/** Of which so many are held against the slow twin here; the C twin does all. */
const CHECKED = 4096;
const WARM_UP = 2;
const PASSES = 5;
const REPEATS = 16;
const TRIES = 5;
const CHANGES = 40_000;

export interface AclFigures {
  readonly rules: number;
  /** Entries that they make where ranges of ports become masks; hash tables of the first level. */
  readonly entries: number;
  readonly tables: number;
  readonly bytes: number;
  readonly buildMs: number;
  /** Nanoseconds a look-up: the rule table, and the compiled list of the path. */
  readonly nanoseconds: number;
  readonly listNanoseconds: number;
  /** Of the times of single headers, which a look-up each takes in the steady state. */
  readonly p50: number;
  readonly p99: number;
  readonly changesPerSecond: number;
  readonly wrong: number;
}

/** A rule table and a compiled list of one file, measured on one mix. Results go to a file, for the comparison with the C twins. */
export function runAcl(path: string, mix: string, resultsFile: string): AclFigures {
  const rules = readClassBench(path);
  const headers = headersFor(rules, HEADERS, mix as Mix, SEED);
  const start = performance.now();
  const table = new RuleTableOf(rules);
  const buildMs = performance.now() - start;
  const results = new Int32Array(HEADERS);
  const nanoseconds = timed(() => table.pass(headers, results));
  writeFileSync(resultsFile, results);
  const list = new ListOf(rules);
  const listResults = new Int32Array(HEADERS);
  const listNanoseconds = timed(() => list.pass(headers, listResults));
  const packed = packRules(rules);
  let wrong = 0;
  for (let i = 0; i < HEADERS; i++) {
    if (listResults[i] !== results[i]) wrong++;
    else if (i < CHECKED && linear(packed, headers, i * HEADER_WORDS) !== results[i]) wrong++;
  }
  const times = table.times(headers);
  const { entries, tables, bytes } = table;
  const changesPerSecond = table.churn(random(SEED));
  // After the storm it must still say the same.
  const after = new Int32Array(HEADERS);
  table.pass(headers, after);
  for (let i = 0; i < HEADERS; i++) if (after[i] !== results[i]) wrong++;
  return {
    ...{ rules: rules.length, entries, tables, bytes, buildMs, nanoseconds, listNanoseconds },
    ...{ p50: quantile(times, 0.5), p99: quantile(times, 0.99), changesPerSecond, wrong },
  };
}

function timed(pass: () => void): number {
  for (let k = 0; k < WARM_UP; k++) pass();
  const start = cpuSeconds();
  for (let k = 0; k < PASSES; k++) pass();
  return ((cpuSeconds() - start) * 1e9) / (HEADERS * PASSES);
}

class RuleTableOf {
  readonly entries: number;
  readonly #classifier = new RuleClassifier(FIVE_WORDS);
  readonly #owner: Int32Array;
  readonly #masked: readonly Int32Array[][];
  readonly #first: number[] = [];
  readonly #key = new Int32Array(FIVE_WORDS);

  constructor(rules: readonly FiveTuple[]) {
    this.#masked = rules.map(maskedOf);
    const owner: number[] = [];
    for (const [rule, masked] of this.#masked.entries()) {
      this.#first.push(owner.length);
      for (const _ of masked) owner.push(rule);
    }
    this.#owner = Int32Array.from(owner);
    this.entries = owner.length;
    for (let rule = 0; rule < rules.length; rule++) this.#add(rule);
  }

  get tables(): number {
    return this.#classifier.tables;
  }

  get bytes(): number {
    return this.#classifier.bytes;
  }

  pass(headers: Uint32Array, results: Int32Array): void {
    const classifier = this.#classifier;
    const owner = this.#owner;
    const key = this.#key;
    for (let i = 0, at = 0; i < results.length; i++, at += HEADER_WORDS) {
      keyOf(headers, at, key);
      const found = classifier.match(key);
      results[i] = found < 0 ? -1 : owner[found];
    }
  }

  /** Nanoseconds that a look-up of each header takes when it is met again at once: the best of some tries, against noise. */
  times(headers: Uint32Array): number[] {
    const key = this.#key;
    const times: number[] = [];
    for (let at = 0; at < headers.length; at += HEADER_WORDS) {
      keyOf(headers, at, key);
      let best = Number.POSITIVE_INFINITY;
      for (let t = 0; t < TRIES; t++) {
        const start = performance.now();
        for (let k = 0; k < REPEATS; k++) this.#classifier.match(key);
        best = Math.min(best, performance.now() - start);
      }
      times.push((best * 1e6) / REPEATS);
    }
    return times;
  }

  /** Takes random rules out and puts them back. @returns changes a second, of whole rules */
  churn(next: () => number): number {
    const start = cpuSeconds();
    for (let k = 0; k < CHANGES; k += 2) {
      const rule = next() % this.#masked.length;
      const first = this.#first[rule];
      for (let i = 0; i < this.#masked[rule].length; i++) this.#classifier.remove(first + i);
      this.#add(rule);
    }
    return CHANGES / (cpuSeconds() - start);
  }

  #add(rule: number): void {
    const first = this.#first[rule];
    for (const [i, triples] of this.#masked[rule].entries()) {
      this.#classifier.add(first + i, this.#masked.length - rule, triples.length / 3, triples, 0);
    }
  }
}

class ListOf {
  readonly #classifier: Classifier;
  readonly #key = new Int32Array(AclKey.LENGTH).fill(-1);

  constructor(rules: readonly FiveTuple[]) {
    this.#classifier = new Classifier(compileAcl(rules.map(aclRuleOf)));
    this.#key[AclKey.FAMILY] = 4;
  }

  pass(headers: Uint32Array, results: Int32Array): void {
    const key = this.#key;
    for (let i = 0, at = 0; i < results.length; i++, at += HEADER_WORDS) {
      key[AclKey.SRC0] = headers[at];
      key[AclKey.DST0] = headers[at + 1];
      key[AclKey.SPORT] = headers[at + 2];
      key[AclKey.DPORT] = headers[at + 3];
      key[AclKey.PROTO] = headers[at + 4];
      results[i] = this.#classifier.match(key, 0);
    }
  }
}
