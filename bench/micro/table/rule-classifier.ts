import type { FiveTuple } from '../../../src/bench/classbench.ts';
import { FIVE_WORDS, headersFor, keyOf, linear, maskedOf, packRules } from '../../../src/bench/five-tuple.ts';
import { random } from '../../../src/bench/statistics.ts';
import { RuleClassifier } from '../../../src/table/rule-classifier.ts';
import { compare } from '../suite.ts';

const next = random(3);
const rules: FiveTuple[] = Array.from({ length: 1000 }, () => {
  const [sourceLength, destinationLength] = [next() % 33, 16 + (next() % 17)];
  const cut = (word: number, length: number) => (length === 0 ? 0 : (word & (-1 << (32 - length))) >>> 0);
  const port = next() % 65536;
  return {
    ...{
      source: cut(next(), sourceLength),
      sourceLength,
      destination: cut(next(), destinationLength),
      destinationLength,
    },
    ...{ sourcePorts: [0, 65535], destinationPorts: [port, port], protocol: 6 },
  };
});
const classifier = new RuleClassifier(FIVE_WORDS, 1);
for (const [i, rule] of rules.entries()) {
  for (const triples of maskedOf(rule)) classifier.add(i, rules.length - i, triples.length / 3, triples, 0);
}
const headers = headersFor(rules, 1024, 'inside', 4);
const packed = packRules(rules);
const key = new Int32Array(FIVE_WORDS);
let at = 0;
let twinAt = 0;

compare('table/rule-classifier', [
  {
    name: 'one of 1,000 rules',
    fast: () => {
      at = (at + 1) & 1023;
      keyOf(headers, at * 5, key);
      return classifier.match(key);
    },
    slow: () => {
      twinAt = (twinAt + 1) & 1023;
      return linear(packed, headers, twinAt * 5);
    },
    least: 10,
    reason: 'a miss costs no more than some frames',
  },
]);
