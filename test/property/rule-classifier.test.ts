import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RuleClassifier } from '../../src/table/rule-classifier.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const WORDS = 4;

const word = fc.constantFrom(0, 1, 2, 3, 0x0a000001, -1);
const mask = fc.constantFrom(-1, -256, 1, 0xff00);
const rule = fc.record({
  priority: fc.integer({ min: 0, max: 5 }),
  match: fc.uniqueArray(fc.record({ place: fc.integer({ min: 0, max: WORDS - 1 }), value: word, mask }), {
    selector: ({ place }) => place,
    maxLength: WORDS,
  }),
});
const step = fc.oneof(
  { weight: 3, arbitrary: rule.map((added) => ({ added })) },
  { weight: 2, arbitrary: fc.nat().map((removed) => ({ removed })) },
  { weight: 4, arbitrary: fc.array(word, { minLength: WORDS, maxLength: WORDS }).map((key) => ({ key })) },
);

test(`finds the rule that a search through all of them finds; seed ${seed}`, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const classifier = new RuleClassifier(WORDS, 1);
      const twin = new Map<number, { priority: number; match: { place: number; value: number; mask: number }[] }>();
      let next = 0;
      for (const one of steps) {
        if ('added' in one) {
          const sorted = [...one.added.match].sort((a, b) => a.place - b.place);
          const words = Int32Array.from(sorted.flatMap(({ place, value, mask: bits }) => [place, value & bits, bits]));
          classifier.add(next, one.added.priority, sorted.length, words, 0);
          twin.set(next++, { priority: one.added.priority, match: sorted });
        } else if ('removed' in one) {
          const known = [...twin.keys()];
          if (known.length === 0) continue;
          const gone = known[one.removed % known.length];
          classifier.remove(gone);
          twin.delete(gone);
        } else {
          const key = Int32Array.from(one.key);
          const matching = [...twin]
            .filter(([, { match }]) =>
              match.every(({ place, value, mask: bits }) => ((key[place] ^ value) & bits) === 0),
            )
            .sort(([a, x], [b, y]) => y.priority - x.priority || a - b);
          expect(classifier.match(key)).toBe(matching[0]?.[0] ?? -1);
        }
        expect(classifier.size).toBe(twin.size);
      }
    }),
    { seed, numRuns: 300, endOnFailure: true },
  );
});

/** Prefixes of all lengths in two words, exact or wild ports in a third: hash tables below hash tables come of it. */
const nested = fc.record({
  priority: fc.integer({ min: 0, max: 60 }),
  match: fc
    .tuple(
      fc.record({ length: fc.integer({ min: 0, max: 32 }), value: fc.integer({ min: 0, max: 7 }) }),
      fc.record({ length: fc.integer({ min: 0, max: 32 }), value: fc.integer({ min: 0, max: 7 }) }),
      fc.option(fc.integer({ min: 0, max: 9 })),
    )
    .map(([a, b, port]) =>
      [a, b]
        .map(({ length, value }, place) => ({ place, value: Math.imul(value, 0x1f3d5b79), mask: prefix(length) }))
        .concat(port === null ? [] : [{ place: 2, value: port, mask: 0xffff }])
        .filter(({ mask: bits }) => bits !== 0),
    ),
});

function prefix(length: number): number {
  return length === 0 ? 0 : -1 << (32 - length);
}

test(`says the same when lines become tables, and tables empty again; seed ${seed}`, () => {
  fc.assert(
    fc.property(fc.array(nested, { minLength: 100, maxLength: 400 }), fc.nat(), (rules, from) => {
      const classifier = new RuleClassifier(WORDS, 1);
      const there = new Set<number>();
      const check = () => {
        for (const { match } of rules.slice(0, 60)) {
          const key = Int32Array.from({ length: WORDS }, (_, place) => {
            const looked = match.find((one) => one.place === place);
            return looked === undefined ? place * 77 : looked.value & looked.mask;
          });
          let best = -1;
          for (const i of [...there].sort((a, b) => a - b)) {
            if (best >= 0 && rules[i].priority <= rules[best].priority) continue;
            if (rules[i].match.every(({ place, value, mask: bits }) => ((key[place] ^ value) & bits) === 0)) best = i;
          }
          expect(classifier.match(key)).toBe(best);
        }
      };
      const add = (i: number) => {
        const { priority, match } = rules[i];
        const words = match.flatMap(({ place, value, mask: bits }) => [place, value & bits, bits]);
        classifier.add(i, priority, match.length, Int32Array.from(words), 0);
        there.add(i);
      };
      const remove = (i: number) => {
        classifier.remove(i);
        there.delete(i);
      };
      for (let i = 0; i < rules.length; i++) add(i);
      check();
      expect(classifier.tables).toBeGreaterThan(0);
      for (let i = from % 3; i < rules.length; i += 2) remove(i);
      check();
      for (let i = from % 3; i < rules.length; i += 4) add(i);
      check();
      for (const i of [...there]) remove(i);
      check();
      expect([classifier.size, classifier.tables, classifier.masks]).toEqual([0, 0, 0]);
    }),
    { seed, numRuns: 40, endOnFailure: true },
  );
});
