import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ledger } from '../../src/observe/ledger.ts';
import { Decision, Decisions, MOST_COUNTS } from '../../src/path/cache/decision.ts';
import { NO_RULE, RuleCounts } from '../../src/path/rules/counts.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const LISTS = 3;
const RULES = 12;
const TABLES = 4;

interface Draft {
  readonly port: number;
  readonly hits: readonly { readonly list: number; readonly place: number }[];
  readonly rules: readonly { readonly table: number; readonly rule: number }[];
}

const lists = () => Array.from({ length: LISTS }, () => new Float64Array(8));

/** Counters of both sides: what `Decisions` has booked, and the slow twin, which books every frame at once. */
class World {
  readonly tables = new SharedArrayBuffer(TABLES * 2 * 8);
  readonly rules = new SharedArrayBuffer(RULES * 3 * 8);
  readonly groups = new SharedArrayBuffer(0);
  readonly buckets = new SharedArrayBuffer(0);
  readonly decisions: Decisions;
  hits = lists();
  twinHits = lists();
  readonly twinTables = new Float64Array(TABLES * 2);
  readonly twinRules = new Float64Array(RULES * 3);

  constructor() {
    const counts = new RuleCounts(this);
    this.decisions = new Decisions((words) => new Int32Array(words), new Ledger(1), this.hits, counts);
  }

  /** @returns the line of a draft */
  intern({ port, hits, rules }: Draft): number {
    const { decisions } = this;
    decisions.clear();
    decisions.words[decisions.draft + Decision.Port] = port;
    for (const { list, place } of hits) decisions.hit(list, place);
    for (const { table, rule } of rules) decisions.rule(table, rule);
    return decisions.intern();
  }

  /** A frame is carried out as the generated code does it. */
  frame(line: number, { hits, rules }: Draft, bytes: number): void {
    const { words, touched, unbooked } = this.decisions;
    if (words[line + Decision.Frames]++ === 0) touched[unbooked[0]++] = line;
    words[line + Decision.Bytes] += bytes;
    for (const { list, place } of hits) this.twinHits[list][place]++;
    for (const { table, rule } of rules) {
      this.twinTables[table * 2]++;
      if (rule === NO_RULE) continue;
      this.twinTables[table * 2 + 1]++;
      this.twinRules[rule * 3]++;
      this.twinRules[rule * 3 + 1] += bytes;
    }
  }

  /** New lists: what was counted stays with the old ones. */
  follow(): void {
    const before = { hits: this.hits, twin: this.twinHits };
    this.hits = lists();
    this.twinHits = lists();
    this.decisions.follow(this.hits);
    expect(before.hits).toEqual(before.twin);
  }

  expectBooked(): void {
    expect(this.decisions.unbooked[0]).toBe(0);
    expect(this.hits).toEqual(this.twinHits);
    expect(new Float64Array(this.tables)).toEqual(this.twinTables);
    expect(new Float64Array(this.rules)).toEqual(this.twinRules);
  }
}

const hit = fc.record({ list: fc.nat(LISTS - 1), place: fc.nat(7) });
const rule = fc.record({ table: fc.nat(TABLES - 1), rule: fc.oneof(fc.nat(RULES - 1), fc.constant(NO_RULE)) });
const draft = fc.record<Draft>({
  port: fc.nat(1),
  hits: fc.array(hit, { maxLength: MOST_COUNTS }),
  rules: fc.array(rule, { maxLength: MOST_COUNTS }),
});
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ which: fc.nat(), bytes: fc.integer({ min: 60, max: 65_549 }) }) },
    { weight: 1, arbitrary: fc.constantFrom('book', 'forget', 'follow') },
  ),
  { maxLength: 120 },
);

test(`what decisions count late is what every frame counts at once (TAPYARD_SEED=${seed})`, () => {
  fc.assert(
    fc.property(fc.array(draft, { minLength: 1, maxLength: 6 }), steps, (drafts, all) => {
      const world = new World();
      for (const step of all) {
        if (typeof step === 'string') {
          if (step === 'follow') world.follow();
          else world.decisions[step]();
          world.expectBooked();
          continue;
        }
        const chosen = drafts[step.which % drafts.length];
        const line = world.intern(chosen);
        expect(world.intern(chosen)).toBe(line);
        world.frame(line, chosen, step.bytes);
      }
      world.decisions.book();
      world.expectBooked();
    }),
    { seed },
  );
});
