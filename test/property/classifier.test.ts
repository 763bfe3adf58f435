import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AclKey, type AclPrefix, type AclRule, ANY, Classifier, compileAcl } from '../../src/table/classifier.ts';
import { slowMatch } from './classifier-twin.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

// Few values, so that rules overlap and keys hit, bounds of words and fields among them.
const word = fc.constantFrom(0, 1, 0x0a000001, 0x0a0000ff, 0x7fffffff, -0x80000000, -1, 0xc0a80101 | 0);
const port = fc.constantFrom(0, 1, 22, 80, 255, 256, 1024, 65534, 65535);
const mac = fc.record({
  high: fc.constantFrom(0, 0x0200, 0xffff),
  low: word,
  maskHigh: fc.constantFrom(0, 0xff00, 0xffff, 0x0100),
  maskLow: fc.constantFrom(0, -1, 0xff000000, 0x00010000, 0x0f0f0f0f),
});
const prefix: fc.Arbitrary<AclPrefix> = fc.oneof(
  fc.record({
    family: fc.constant(4 as const),
    words: fc.tuple(word),
    length: fc.constantFrom(0, 1, 8, 24, 31, 32),
  }),
  fc.record({
    family: fc.constant(6 as const),
    words: fc.tuple(word, word, word, word),
    length: fc.constantFrom(0, 1, 32, 33, 64, 96, 127, 128),
  }),
);
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 1 });
const several = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(arbitrary, { maxLength: 3 }) });
const range = fc.tuple(port, port).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));
const flags = fc.record({
  mask: fc.constantFrom(0, 0x02, 0x12, 0xff, 0x102),
  value: fc.constantFrom(0, 0x02, 0x10, 0x100),
});

const field: fc.Arbitrary<Partial<AclRule>> = fc.oneof(
  fc.record({ sourceMac: mac.map(fits) }),
  fc.record({ destinationMac: mac.map(fits) }),
  fc.record({ etherType: fc.constantFrom(0x0800, 0x86dd, 0xffff) }),
  fc.record({ vlan: fc.constantFrom(1, 10, 4094) }),
  fc.record({ family: fc.constantFrom(4 as const, 6 as const) }),
  fc.record({ source: several(prefix) }),
  fc.record({ destination: several(prefix) }),
  fc.record({ proto: fc.constantFrom(0, 6, 17, 255) }),
  fc.record({ sourcePorts: several(range) }),
  fc.record({ destinationPorts: several(range) }),
  fc.record({ tcpFlags: some(flags) }),
  fc.record({ icmpType: fc.constantFrom(0, 8, 255), icmpCode: some(fc.constantFrom(0, 3)) }),
  fc.record({ fragment: fc.boolean() }),
);
const rule = fc.array(field, { maxLength: 4 }).map((fields) => Object.assign({}, ANY, ...fields) as AclRule);

/** Mostly masks that cover the value, as a configuration has them; some that can never match. */
function fits(one: { high: number; low: number; maskHigh: number; maskLow: number }) {
  return one.high === 0xffff ? one : { ...one, high: one.high & one.maskHigh, low: one.low & one.maskLow };
}

const or = (absent: number, arbitrary: fc.Arbitrary<number>) =>
  fc.oneof({ weight: 4, arbitrary }, { weight: 1, arbitrary: fc.constant(absent) });
const key = fc
  .tuple(
    or(-1, fc.constantFrom(0x0800, 0x86dd, 0xffff, 5)),
    or(-1, fc.constantFrom(1, 10, 4094)),
    or(-1, fc.constantFrom(0, 0x0200, 0xffff, 0x0300)),
    word,
    or(-1, fc.constantFrom(0, 0x0200, 0xffff, 0x0300)),
    word,
    or(-1, fc.constantFrom(4, 6)),
    fc.array(word, { minLength: 8, maxLength: 8 }),
    or(-1, fc.constantFrom(0, 6, 17, 255)),
    or(-1, port),
    or(-1, port),
    or(-1, fc.constantFrom(0, 2, 0x10, 0x12, 0x102, 0xfff)),
    or(-1, fc.constantFrom(0, 8, 255)),
    or(-1, fc.constantFrom(0, 3)),
    or(-1, fc.constantFrom(0, 1)),
  )
  .map((values) => values.flat());

test(`finds the rule that a linear search finds (TAPYARD_SEED=${seed})`, () => {
  const packed = new Int32Array(AclKey.LENGTH + 3).fill(7);
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 40 }), fc.array(key, { minLength: 30, maxLength: 30 }), (rules, keys) => {
      const classifier = new Classifier(structuredClone(compileAcl(rules)));
      for (const words of keys) {
        packed.set(words, 3);
        expect(classifier.match(packed, 3)).toBe(slowMatch(rules, packed, 3));
      }
    }),
    { seed, numRuns: 500 },
  );
});

/** A list like those of ClassBench (Taylor and Turner, INFOCOM 2005): nested prefixes from a few sites, services, some wildcards. */
function siteRules(count: number, next: () => number): AclRule[] {
  const pick = (n: number) => Math.floor(next() * n);
  const address = () => ((10 << 24) | (pick(8) << 20) | (pick(12) << 10) | pick(64)) >>> 0;
  const prefixes = (wild: number): AclPrefix[] => {
    if (next() < wild) return [];
    if (next() < 0.2)
      return [
        { family: 6, words: [0x20010db8, pick(16), pick(4) << 30, address()], length: [32, 48, 64, 128][pick(4)] },
      ];
    return [{ family: 4, words: [address()], length: [12, 16, 24, 28, 32, 32, 32][pick(7)] }];
  };
  return Array.from({ length: count }, () => {
    const low = pick(65536);
    const dport = next() < 0.6 ? { low: 20 + pick(300), high: 0 } : { low, high: low + pick(65536 - low) };
    if (dport.high === 0) dport.high = dport.low;
    return {
      ...ANY,
      source: prefixes(0.15),
      destination: prefixes(0.1),
      proto: [6, 6, 17, 1, null][pick(5)],
      destinationPorts: next() < 0.3 ? [] : [dport],
      tcpFlags: next() < 0.1 ? { mask: 0x12, value: 0x02 } : null,
    };
  });
}

test.each([255, 256, 257, 1025, 4000])(
  `a list of %i rules as sites have them finds what a linear search finds (TAPYARD_SEED=${seed})`,
  (count) => {
    let state = seed ^ count;
    const next = () => {
      state = (state + 0x6d2b79f5) | 0;
      const mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
    const rules = siteRules(count, next);
    const classifier = new Classifier(compileAcl(rules));
    const packed = new Int32Array(AclKey.LENGTH);
    let hits = 0;
    for (let i = 0; i < 1500; i++) {
      // A packet made to fit some rule, so that most hit one, and often an earlier one.
      const fit = rules[Math.floor(next() * count)];
      const family = fit.source[0]?.family ?? fit.destination[0]?.family ?? 4;
      packed.fill(-1);
      packed[AclKey.FAMILY] = family;
      const noise = next() < 0.5 ? 0 : Math.floor(next() * 16);
      for (const [at, prefixes] of [
        [AclKey.SRC0, fit.source],
        [AclKey.DST0, fit.destination],
      ] as const) {
        packed.set(prefixes[0]?.family === family ? prefixes[0].words : [next() * 2 ** 32], at);
        packed[at + (family === 6 ? 3 : 0)] ^= noise;
      }
      packed[AclKey.PROTO] = fit.proto ?? 6;
      packed[AclKey.SPORT] = 40000;
      packed[AclKey.DPORT] = fit.destinationPorts[0]?.low ?? 80;
      packed[AclKey.TCP_FLAGS] = next() < 0.5 ? 0x02 : 0x10;
      const found = classifier.match(packed, 0);
      expect(found).toBe(slowMatch(rules, packed, 0));
      if (found >= 0) hits++;
    }
    expect(hits).toBeGreaterThan(500);
  },
);
