import { isIPv4, isIPv6 } from 'node:net';
import { UserError } from '../errors.ts';
import type { LpmRoutes } from '../table/lpm-trie.ts';
import { readLines } from './lines.ts';
import { random } from './statistics.ts';

/** Routes and addresses for what measures or checks the longest-prefix-match tables: from a file, or synthetic from a seed. */
export interface Routes {
  readonly v4: LpmRoutes;
  readonly v6: LpmRoutes;
}

/** Prefixes of each length in a full Internet table (2023), IPv4 and IPv6. */
// biome-ignore format: a histogram
const LENGTHS4 = {
  8: 16, 9: 13, 10: 38, 11: 103, 12: 299, 13: 581, 14: 1203, 15: 2100, 16: 13490, 17: 8235, 18: 13798, 19: 24870,
  20: 42611, 21: 50750, 22: 108623, 23: 96510, 24: 537698, 25: 20, 28: 18, 29: 17, 32: 887,
};
// biome-ignore format: a histogram
const LENGTHS6 = {
  20: 16, 24: 30, 28: 193, 29: 4371, 30: 650, 31: 284, 32: 22548, 33: 2926, 34: 2603, 35: 1043, 36: 5996, 37: 880,
  38: 1617, 39: 1377, 40: 13418, 41: 903, 42: 2301, 43: 1001, 44: 14365, 45: 1553, 46: 3039, 47: 3153, 48: 75488,
  64: 184, 124: 4, 126: 19, 127: 42, 128: 6,
};

/** Tables as large and as long-prefixed as the Internet's. The value of a prefix is its index. */
export function syntheticRoutes(seed: number): Routes {
  const next = random(seed);
  // Prefixes crowd: into some 25,000 of the /16s of IPv4, and into some 11,000 /32s and 19,000 /40s in 59 of the /16s of IPv6.
  const blocks4 = Array.from({ length: 25_000 }, () => 2 ** 24 + (next() % (223 * 256)) * 65536);
  const v4 = columns(1, LENGTHS4, () => [blocks4[next() % blocks4.length] + (next() >>> 16)]);
  const sites = Array.from({ length: 11_000 }, () => (0x2001 + (next() % 59) * 32) * 65536 + (next() >>> 16));
  const blocks6 = Array.from({ length: 19_000 }, () => [sites[next() % sites.length], next()]);
  const v6 = columns(4, LENGTHS6, () => {
    const [a, b] = blocks6[next() % blocks6.length];
    return [a, (b & 0xff000000) | (next() >>> 8), next(), next()];
  });
  return { v4, v6 };
}

function columns(width: number, lengths: Record<string, number>, words: () => number[]): LpmRoutes {
  const count = Object.values(lengths).reduce((sum, n) => sum + n, 0);
  const table = empty(width, count);
  let at = 0;
  for (const [length, n] of Object.entries(lengths)) {
    for (let i = 0; i < n; i++, at++) put(table, width, at, words(), Number(length));
  }
  return table;
}

/**
 * Reads "prefix" or "prefix anything" lines, perhaps gzipped. The value of a prefix is its index among those of its family.
 * @throws UserError with the line that is wrong
 */
export function readRoutes(file: string): Routes {
  const four: string[] = [];
  const six: string[] = [];
  for (const [i, line] of readLines(file).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [prefix] = line.split(/\s/, 1);
    const slash = prefix.indexOf('/');
    const address = prefix.slice(0, slash);
    const length = Number(prefix.slice(slash + 1));
    const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
    if (slash < 0 || !Number.isInteger(length) || length < 0 || length > most) {
      const cure = 'a line begins with a prefix: 192.0.2.0/24, or 2001:db8::/32';
      throw new UserError('data-invalid', `${file}:${i + 1}: this is no prefix`, cure);
    }
    (most === 32 ? four : six).push(prefix);
  }
  return { v4: parse(1, four, words4), v6: parse(4, six, words6) };
}

function parse(width: number, prefixes: string[], words: (address: string) => number[]): LpmRoutes {
  const table = empty(width, prefixes.length);
  prefixes.forEach((prefix, at) => {
    const slash = prefix.indexOf('/');
    put(table, width, at, words(prefix.slice(0, slash)), Number(prefix.slice(slash + 1)));
  });
  return table;
}

function empty(width: number, count: number): LpmRoutes {
  return {
    count,
    prefixes: new Int32Array(count * width),
    lengths: new Uint8Array(count),
    values: new Int32Array(count),
  };
}

function put(table: LpmRoutes, width: number, at: number, words: number[], length: number): void {
  for (let i = 0; i < width; i++) table.prefixes[at * width + i] = words[i] & mask(length - i * 32);
  table.lengths[at] = length;
  table.values[at] = at;
}

/** A word with its first `bits` bits set. */
export function mask(bits: number): number {
  return bits >= 32 ? -1 : bits <= 0 ? 0 : -1 << (32 - bits);
}

function words4(address: string): number[] {
  return [address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)];
}

function words6(address: string): number[] {
  const [head, tail] = address.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : []);
  const first = groups(head);
  const last = groups(tail);
  const all = [...first, ...new Array(8 - first.length - last.length).fill(0), ...last];
  return [0, 2, 4, 6].map((i) => all[i] * 65536 + all[i + 1]);
}

/** Random addresses, every second one inside a random prefix of the table. */
export function addresses(routes: LpmRoutes, width: number, count: number, next: () => number): Int32Array {
  const result = new Int32Array(count * width);
  for (let i = 0; i < count; i++) {
    const route = next() % Math.max(1, routes.count);
    const length = i % 2 === 1 && routes.count > 0 ? routes.lengths[route] : 0;
    for (let k = 0; k < width; k++) {
      const fixed = mask(length - k * 32);
      result[i * width + k] = (routes.prefixes[route * width + k] & fixed) | (next() & ~fixed);
    }
  }
  return result;
}
