import { random } from '../../../src/bench/statistics.ts';
import { AclKey, type AclRule, ANY, Classifier, compileAcl } from '../../../src/table/classifier.ts';
import { compare } from '../suite.ts';

const [RULES, PACKETS] = [1000, 1024];
const next = random(9);
const within = (most: number) => next() % most;
const prefix = (length: number) => [
  { family: 4 as const, words: [(0x0a000000 | within(1 << 16)) & (-1 << (32 - length))], length },
];
/** Pairs of prefixes, a protocol and a port: what access lists are mostly made of. */
const rules: AclRule[] = Array.from({ length: RULES }, () => {
  const port = within(1024);
  return {
    ...ANY,
    family: 4 as const,
    source: prefix(20 + within(13)),
    destination: prefix(20 + within(13)),
    proto: within(2) === 0 ? 6 : 17,
    destinationPorts: [{ low: port, high: port + within(3) * 100 }],
  };
});
const classifier = new Classifier(compileAcl(rules));
const keys = new Int32Array(PACKETS * AclKey.LENGTH).fill(-1);
for (let at = 0; at < keys.length; at += AclKey.LENGTH) {
  const like = rules[within(RULES)];
  keys[at + AclKey.FAMILY] = 4;
  keys[at + AclKey.SRC0] = like.source[0].words[0];
  keys[at + AclKey.DST0] = within(4) === 0 ? 0x0a000000 | within(1 << 16) : like.destination[0].words[0];
  keys[at + AclKey.PROTO] = within(2) === 0 ? 6 : 17;
  keys[at + AclKey.SPORT] = within(65536);
  keys[at + AclKey.DPORT] = like.destinationPorts[0].low;
}

/** Every rule in turn. */
function linear(at: number): number {
  return rules.findIndex(({ source, destination, proto, destinationPorts }) => {
    const inside = ([{ words, length }]: AclRule['source'], address: number) =>
      ((address ^ words[0]) & (-1 << (32 - length))) === 0;
    const port = keys[at + AclKey.DPORT];
    return (
      inside(source, keys[at + AclKey.SRC0]) &&
      inside(destination, keys[at + AclKey.DST0]) &&
      proto === keys[at + AclKey.PROTO] &&
      port >= destinationPorts[0].low &&
      port <= destinationPorts[0].high
    );
  });
}

const sum = (match: (at: number) => number) => {
  let total = 0;
  for (let at = 0; at < keys.length; at += AclKey.LENGTH) total += match(at);
  return total;
};

compare('table/classifier', [
  {
    name: `${PACKETS} packets, ${RULES} rules of five fields`,
    fast: () => sum((at) => classifier.match(keys, at)),
    slow: () => sum(linear),
    least: 50,
    reason: 'a packet whose flow is new asks each list that it meets; the twin asks each rule',
  },
]);
