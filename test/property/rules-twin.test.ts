import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEAD_START, VNET_SIZE } from '../../src/frame/layout.ts';
import { WorkCount } from '../../src/path/image.ts';
import { GroupKind, LogRecord } from '../../src/path/rules/log.ts';
import { ReservedPort } from '../../src/path/rules/program.ts';
import { action, type Case, carried, plain } from '../support/layer-arbitraries.ts';
import { bytesOfLayers, keyOfLayers } from '../support/layers.ts';
import { TestSwitch } from '../support/test-switch.ts';
import {
  asSet,
  programOf,
  type TwinGroup,
  type TwinOp,
  type TwinRule,
  TwinRules,
  wordsOf,
} from '../support/twin-rules.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = Number(process.env['TAPYARD_RUNS'] ?? 2000);
const PORTS = ['a', 'b', 'c', 'd'];
const NUMBERS = [1, 2, 3, 4];
const YAML = `
version: 1
tenants:
  red:
    bridge:
      ports: {${PORTS.map((name) => `${name}: {memory: true}`).join(', ')}}
`;

/** What most frames are: unicast, one tag at most, a whole packet without options. */
const usual = plain.map(({ frame: layers }): Case => {
  const { destination, source, tags, ip } = layers;
  const unicast = ([high, low]: number[]) => [high & 0xfeff, low];
  const whole = ip === null ? null : { ...ip, fragment: 0, options: new Uint8Array(0), extensions: [] };
  const ends = { destination: unicast(destination), source: unicast(source) };
  return { frame: { ...layers, ...ends, tags: tags.slice(0, 1), labels: [], ip: whole }, extensions: 0 };
});
const frame = fc.oneof(
  { weight: 4, arbitrary: plain },
  { weight: 1, arbitrary: carried },
  { weight: 5, arbitrary: usual },
);
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const pair = fc.tuple(word, word).map(([high, low]): [number, number] => [high, low]);
const output: fc.Arbitrary<TwinOp> = fc
  .constantFrom(...NUMBERS, ReservedPort.InPort, ReservedPort.Flood, ReservedPort.All, 77)
  .map((port) => ({ op: 'output', port }));
const pipeline: fc.Arbitrary<TwinOp> = fc.oneof(
  pair.map((words): TwinOp => ({ op: 'metadata', words })),
  pair.map((words): TwinOp => ({ op: 'tunnel', words })),
);
const edit: fc.Arbitrary<TwinOp> = fc.oneof(
  { weight: 5, arbitrary: action },
  { weight: 3, arbitrary: output },
  { weight: 1, arbitrary: pipeline },
);
const group: fc.Arbitrary<TwinGroup> = fc.oneof(
  fc.record({
    kind: fc.constant('all' as const),
    buckets: fc.array(fc.array(edit, { maxLength: 4 }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('indirect' as const),
    buckets: fc.array(fc.array(edit, { maxLength: 4 }), { minLength: 1, maxLength: 1 }),
  }),
);
const op = (groups: number): fc.Arbitrary<TwinOp> =>
  groups === 0
    ? edit
    : fc.oneof(
        { weight: 9, arbitrary: edit },
        {
          weight: 1,
          arbitrary: fc.integer({ min: 0, max: groups - 1 }).map((chosen): TwinOp => ({ op: 'group', group: chosen })),
        },
      );

/** What some of the frames look like, so that rules match now and then. */
const match = (cases: readonly Case[]): fc.Arbitrary<TwinRule['triples']> =>
  fc
    .tuple(
      fc.constantFrom(...cases),
      fc.constantFrom(...NUMBERS),
      fc.uniqueArray(fc.integer({ min: 0, max: 34 }), { maxLength: 3 }),
      fc.constantFrom(-1, -1, 0xff, 0xffff0000 | 0, 1),
    )
    .map(([{ frame: layers, extensions }, inPort, places, mask]) => {
      const key = keyOfLayers(layers, extensions);
      key.splice(0, 2, inPort, inPort);
      return places.sort((a, b) => a - b).map((place) => [place, key[place] & mask, mask] as const);
    });

const ruleOf = (cases: readonly Case[], groups: number): fc.Arbitrary<TwinRule> =>
  fc
    .record({
      table: fc.constantFrom(0, 0, 1, 2, 254),
      priority: fc.integer({ min: 0, max: 5 }),
      triples: match(cases),
      apply: fc.array(op(groups), { maxLength: 4 }),
      clear: fc.boolean(),
      write: fc.array(op(groups), { maxLength: 3 }),
      metadata: fc.option(fc.tuple(word, word, word, word)),
      further: fc.constantFrom(1, 1, 2, 200, 0),
    })
    .map(({ further, ...rule }) => {
      const next = [1, 2, 254].find((table) => table >= rule.table + further);
      return { ...rule, goto: further === 0 || rule.table === 254 ? null : (next ?? null) };
    });

const world = fc
  .tuple(fc.array(frame, { minLength: 1, maxLength: 4 }), fc.array(group, { maxLength: 2 }))
  .chain(([cases, groups]) =>
    fc.record({
      cases: fc.constant(cases),
      groups: fc.constant(groups),
      rules: fc.array(ruleOf(cases, groups.length), { minLength: 1, maxLength: 12 }),
      ports: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: cases.length, maxLength: cases.length }),
    }),
  );

describe(`rules on random frames, against the slow twin (TAPYARD_SEED=${seed})`, () => {
  it('send the same bytes by the same ports, and count the same', { timeout: 120_000 + 40 * RUNS }, async () => {
    const net = await TestSwitch.of(YAML, { rules: true });
    const { log } = net.datapath('red');
    const counts = new Float64Array(net.rulesOf('red').workers[0].rules);
    const work = net.tenant('red').work[0];
    const seen = { compared: 0, sent: 0, deep: 0, unknown: 0, carried: 0 };
    const say = (record: readonly number[]) => log.write(record);
    fc.assert(
      fc.property(world, ({ cases, groups, rules, ports }) => {
        for (const [index, { kind, buckets }] of groups.entries()) {
          const bodies = buckets.map((ops) => asSet(ops).flatMap(wordsOf));
          const list = bodies.flatMap((body, b) => [index * 8 + b, 1, -1, -1, body.length, ...body]);
          const number = kind === 'all' ? GroupKind.All : GroupKind.Indirect;
          say([LogRecord.GroupSet, index, number, buckets.length, ...list]);
        }
        for (const [index, rule] of rules.entries()) {
          const head = [LogRecord.RuleSet, index, rule.table, rule.priority, 0, 0, rule.triples.length];
          say([...head, ...rule.triples.flat(), ...programOf(rule)]);
        }
        net.run();
        const twin = new TwinRules(rules, groups, NUMBERS);
        for (const [n, { frame: layers, extensions }] of cases.entries()) {
          const bytes = bytesOfLayers(layers);
          const expected = twin.run(layers, extensions, ports[n] + 1, HEAD_START - VNET_SIZE);
          // By the interpreter, decided for the flow cache, and out of it.
          for (const cached of [false, true, true]) {
            net.engine.tenants.setCache(cached);
            const before = rules.map((_, index) => counts[index * 3]);
            net.send(`red/${PORTS[ports[n]]}`, bytes);
            net.expectBooksToBalance();
            const out = new Map(
              [...net.everything()].map(([name, frames]) => [
                PORTS.indexOf(name.slice(4)) + 1,
                frames.map((one) => Buffer.from(one).toString('hex')),
              ]),
            );
            if (expected === null) {
              seen.unknown++;
              continue;
            }
            expect(out).toEqual(expected.out);
            const matched = rules.map((_, index) => counts[index * 3] - before[index]);
            expect(matched).toEqual(rules.map((_, index) => (expected.matched.includes(index) ? 1 : 0)));
            seen.compared++;
            if (out.size > 0) seen.sent++;
            if (expected.matched.length > 1) seen.deep++;
          }
        }
        seen.carried += work[WorkCount.Carried];
        work.fill(0);
        net.nowUs += 1_000_000;
        for (const index of rules.keys()) say([LogRecord.RuleRemove, index]);
        for (const index of groups.keys()) say([LogRecord.GroupRemove, index]);
        net.run();
      }),
      { seed, numRuns: RUNS },
    );
    expect(seen.sent).toBeGreaterThan(200);
    expect(seen.carried).toBeGreaterThan(500);
    expect(seen.deep).toBeGreaterThan(100);
    expect(seen.unknown).toBeLessThan(seen.compared);
  });
});
