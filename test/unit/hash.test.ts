import { expect, test } from 'vitest';
import {
  flowHash4,
  HASH_KEYS,
  hash1,
  hash2,
  hash3,
  hash4,
  hash5,
  pick,
  randomKeys,
  seededKeys,
} from '../../src/table/hash.ts';

const keys = seededKeys(1);

/** Chi-square of how `count` hashes fall into 1,024 buckets, divided by the degrees of freedom: about 1 when they fall at random. */
function spread(count: number, hash: (i: number) => number, shift = 0): number {
  const buckets = new Int32Array(1024);
  for (let i = 0; i < count; i++) buckets[(hash(i) >>> shift) & 1023]++;
  const mean = count / 1024;
  return buckets.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0) / 1023;
}

test('consecutive and strided words spread over the low and the high bits', () => {
  for (const stride of [1, 2, 256, 0x10000, 0x1000000]) {
    for (const shift of [0, 11, 22]) {
      expect(spread(65536, (i) => hash2(keys, 0x10002, Math.imul(i, stride)), shift)).toBeLessThan(
        stride < 0x10000 ? 1.3 : 300,
      );
    }
  }
  expect(spread(65536, (i) => hash5(keys, 3, 0, 0, 0xffff, 0x0a000000 + i))).toBeLessThan(1.3);
  expect(spread(65536, (i) => flowHash4(keys, 0x0a000001, 0x0a000002, (1024 << 16) + i, 6), 22)).toBeLessThan(1.3);
});

test('pairs that collide under one seed do not under others', () => {
  const seen = new Map<number, number>();
  let pairs = 0;
  let again = 0;
  const other = seededKeys(2);
  for (let i = 0; i < 400_000; i++) {
    const h = hash2(keys, 1, i) & 0xfffff;
    const twin = seen.get(h);
    if (twin === undefined) seen.set(h, i);
    else {
      pairs++;
      if ((hash2(other, 1, i) & 0xfffff) === (hash2(other, 1, twin) & 0xfffff)) again++;
    }
  }
  expect(pairs).toBeGreaterThan(10_000);
  expect(again).toBeLessThan(10);
});

test('differences in the top bits of two words do not cancel, as they do in multiplicative chains', () => {
  let same = 0;
  for (let i = 0; i < 10_000; i++) {
    const h = hash2(keys, i, i * 7);
    if (h === hash2(keys, i ^ 0x80000000, (i * 7) ^ 0x80000000)) same++;
    if (h === hash2(keys, i ^ 0x80000000, (i * 7) ^ 0x80008000)) same++;
  }
  expect(same).toBeLessThan(3);
});

test('every word counts, in every hash', () => {
  const hashes: [number, (w: number[]) => number][] = [
    [1, ([a]) => hash1(keys, a)],
    [2, ([a, b]) => hash2(keys, a, b)],
    [3, ([a, b, c]) => hash3(keys, a, b, c)],
    [4, ([a, b, c, d]) => hash4(keys, a, b, c, d)],
    [5, ([a, b, c, d, e]) => hash5(keys, a, b, c, d, e)],
  ];
  for (const [words, hash] of hashes) {
    const base = Array.from({ length: words }, (_, i) => i * 0x01010101);
    const values = new Set([hash(base)]);
    for (let word = 0; word < words; word++) {
      for (let bit = 0; bit < 32; bit++) {
        const changed = [...base];
        changed[word] ^= 1 << bit;
        values.add(hash(changed));
      }
    }
    expect(values.size).toBe(words * 32 + 1);
  }
});

test('signed and unsigned forms of a word hash alike', () => {
  expect(hash2(keys, 1, -2)).toBe(hash2(keys, 1, 0xfffffffe));
});

test('pick is even and in range', () => {
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[pick(hash1(keys, i), 3)]++;
  for (const n of counts) expect(Math.abs(n - 10_000)).toBeLessThan(500);
  expect(pick(-1, 65535)).toBe(65534);
});

test('random keys differ', () => {
  expect(randomKeys()).toHaveLength(HASH_KEYS);
  expect(randomKeys()).not.toEqual(randomKeys());
});
