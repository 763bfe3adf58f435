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
