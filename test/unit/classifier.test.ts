import { expect, test } from 'vitest';
import { AclKey, type AclRule, ANY, Classifier, compileAcl } from '../../src/table/classifier.ts';

const HTTP = { low: 80, high: 80 };
const NET = { family: 4, words: [0x0a0a1400], length: 24 } as const;
const NET6 = { family: 6, words: [0x20010db8, 0, 0, 0], length: 32 } as const;

/** Index of the first rule that matches a TCP packet 10.10.20.5:40000 → 192.0.2.1:80 with the given words in place of its own. */
function first(rules: Partial<AclRule>[], words: Partial<Record<keyof typeof AclKey, number>> = {}): number {
  const key = new Int32Array(AclKey.LENGTH).fill(-1);
  const packet = {
    ETHERTYPE: 0x0800,
    VLAN: 10,
    SMAC_HI: 0x0200,
    SMAC_LO: 0x0000_0a01,
    DMAC_HI: 0x0200,
    DMAC_LO: 0x0000_0a02,
    FAMILY: 4,
    SRC0: 0x0a0a1405,
    DST0: 0xc0000201,
    PROTO: 6,
    SPORT: 40000,
    DPORT: 80,
    TCP_FLAGS: 0x02,
    FRAGMENT: 0,
    ...words,
  };
  for (const [name, word] of Object.entries(packet)) key[AclKey[name as keyof typeof AclKey]] = word;
  return new Classifier(compileAcl(rules.map((rule) => ({ ...ANY, ...rule })))).match(key, 0);
}

test('an empty list matches nothing, a rule without fields everything', () => {
  expect(first([])).toBe(-1);
  expect(first([{}])).toBe(0);
  expect(first([{ proto: 17 }, {}])).toBe(1);
});

test('the first rule that matches wins, not the narrowest', () => {
  expect(first([{ source: [{ ...NET, length: 8 }] }, { source: [NET], destinationPorts: [HTTP] }])).toBe(0);
  expect(first([{ proto: 17 }, { destinationPorts: [HTTP] }, { proto: 6 }])).toBe(1);
});

test('each field is matched, and a rule that names it never matches packets without it', () => {
  const cases: [Partial<AclRule>, Parameters<typeof first>[1], Parameters<typeof first>[1]][] = [
    [{ etherType: 0x0806 }, { ETHERTYPE: 0x0806 }, {}],
    [{ vlan: 20 }, { VLAN: 20 }, { VLAN: -1 }],
    [{ family: 6 }, { FAMILY: 6 }, { FAMILY: -1 }],
    [{ source: [NET] }, {}, { SRC0: 0x0a0a1500 }],
    [{ source: [NET] }, {}, { FAMILY: 6 }],
    [{ source: [{ ...NET, length: 0 }] }, { SRC0: -1 }, { FAMILY: -1 }],
    [{ destination: [NET6, NET] }, { FAMILY: 6, DST0: 0x20010db8 }, { FAMILY: 6, DST0: 0x20010db9 }],
    [{ proto: 17 }, { PROTO: 17 }, { PROTO: -1 }],
    [{ sourcePorts: [{ low: 1024, high: 65535 }] }, { SPORT: 65535 }, { SPORT: 1023 }],
    [{ sourcePorts: [{ low: 0, high: 65535 }] }, { SPORT: 0 }, { SPORT: -1 }],
    [{ destinationPorts: [HTTP, { low: 443, high: 443 }] }, { DPORT: 443 }, { DPORT: 444 }],
    [{ tcpFlags: { mask: 0x12, value: 0x02 } }, { TCP_FLAGS: (0xfed & ~0x10) | 2 }, { TCP_FLAGS: 0x12 }],
    [{ tcpFlags: { mask: 0, value: 0 } }, { TCP_FLAGS: 0 }, { TCP_FLAGS: -1 }],
    [{ icmpType: 8, icmpCode: 0 }, { ICMP_TYPE: 8, ICMP_CODE: 0 }, { ICMP_TYPE: 8 }],
    [{ fragment: true }, { FRAGMENT: 1 }, { FRAGMENT: 0 }],
    [{ fragment: false }, { FRAGMENT: 0 }, { FRAGMENT: -1 }],
  ];
  for (const [rule, matching, other] of cases) {
    expect([rule, first([rule], matching), first([rule], other)]).toEqual([rule, 0, -1]);
  }
});

test('MACs match by any mask', () => {
  const oui = { high: 0x0200, low: 0, maskHigh: 0xffff, maskLow: 0xff000000 };
  expect(first([{ sourceMac: oui }])).toBe(0);
  expect(first([{ sourceMac: oui }], { SMAC_LO: 0x01000000 })).toBe(-1);
  const group = { high: 0x0100, low: 0, maskHigh: 0x0100, maskLow: 0 };
  expect(first([{ destinationMac: group }])).toBe(-1);
  expect(first([{ destinationMac: group }], { DMAC_HI: 0xffff, DMAC_LO: -1 })).toBe(0);
  expect(
    first([{ destinationMac: { high: 0xffff, low: -1, maskHigh: 0xffff, maskLow: -1 } }], {
      DMAC_HI: 0xffff,
      DMAC_LO: -1,
    }),
  ).toBe(0);
});

test('an address of all ones is an address, not an absence', () => {
  const all = { family: 4, words: [0xffffffff], length: 32 } as const;
  expect(first([{ destination: [all] }], { DST0: -1 })).toBe(0);
});

test('bits of a prefix behind its length do not count', () => {
  expect(first([{ source: [{ ...NET, words: [0x0a0a14ff] }] }])).toBe(0);
  expect(first([{ source: [{ ...NET6, words: [0x20010db8, 0, 0, 7] }] }], { FAMILY: 6, SRC0: 0x20010db8 })).toBe(0);
});

test('overlapping entries of one rule count once', () => {
  const ranges = [
    { low: 1, high: 100 },
    { low: 50, high: 90 },
    { low: 80, high: 200 },
  ];
  for (const [port, rule] of [
    [0, -1],
    [1, 0],
    [91, 0],
    [200, 0],
    [201, -1],
  ]) {
    expect(first([{ destinationPorts: ranges }], { DPORT: port })).toBe(rule);
  }
});

test('10,000 rules that nest in every field stay below the stated memory', () => {
  const rules = Array.from({ length: 10_000 }, (_, i) => ({
    ...ANY,
    destinationPorts: [{ low: i, high: 40_000 - i }],
    source: [{ family: 4, words: [Math.imul(i, 0x9e3779b1)], length: 8 + (i % 25) } as const],
  }));
  expect(compileAcl(rules).words.byteLength).toBeLessThan((2 * 10_000 ** 2) / 2);
});

test('tables can be sent to a worker, which shares them', () => {
  const tables = compileAcl([{ ...ANY, proto: 6 }]);
  expect(tables.words.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(structuredClone(tables).words).toEqual(tables.words);
});
