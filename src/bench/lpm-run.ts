import { preferHugePages } from '../../native-free/huge-pages.ts';
import { onLargeMemory } from '../table/large-memory.ts';
import type { LpmRoutes } from '../table/lpm-trie.ts';
import { Lpm4 } from '../table/lpm4.ts';
import { Lpm6 } from '../table/lpm6.ts';
import { addresses, readRoutes, syntheticRoutes } from './lpm-routes.ts';
import { LpmTwin } from './lpm-twin.ts';
import { cpuSeconds, random } from './statistics.ts';

export const LPM_MIXES = ['random', 'inside', 'half'] as const;
export type LpmMix = (typeof LPM_MIXES)[number];
export type Family = '4' | '6';

const SEED = 20_231_101;
const BATCH = 256;
/** Enough that the addresses' own entries, met again in each pass, do not stay in cache: it must hold the table, not the bench. */
const COUNT = BATCH * 8192;
/** Look-ups that are held against the slow twin, of each mix. */
const CHECKED = 20_000;
const WARM_UP = 2;
const PASSES = 6;
const CHANGES = 100_000;

export interface LpmFigures {
  readonly prefixes: number;
  readonly nanoseconds: Readonly<Record<LpmMix, number>>;
  readonly checksums: Readonly<Record<LpmMix, number>>;
  readonly buildMs: number;
  /** Shared memory. */
  readonly bytes: number;
  readonly changesPerSecond: number;
  /** Look-ups of which batch, single and slow twin disagree. */
  readonly wrong: number;
}

/** Routes of a file, or, for '-', synthetic ones as many and as long as the Internet's. */
export function routesOf(source: string, family: Family): LpmRoutes {
  const { v4, v6 } = source === '-' ? syntheticRoutes(SEED) : readRoutes(source);
  return family === '4' ? v4 : v6;
}

/** Addresses of a mix: random, inside random prefixes, or half of each. */
export function addressesOf(routes: LpmRoutes, family: Family, which: LpmMix): Int32Array {
  const width = family === '4' ? 1 : 4;
  const next = random(SEED);
  if (which === 'half') return addresses(routes, width, COUNT, next);
  if (which === 'random') return addresses({ ...routes, count: 0 }, width, COUNT, next);
  const both = addresses(routes, width, COUNT * 2, next);
  const inside = new Int32Array(COUNT * width);
  for (let i = 0; i < COUNT; i++) inside.set(both.subarray((2 * i + 1) * width, (2 * i + 2) * width), i * width);
  return inside;
}

/** One family's table of one file, measured on all mixes. */
export function runLpm(source: string, name: string): LpmFigures {
  // As in a switch.
  onLargeMemory(preferHugePages);
  const family = name as Family;
  const routes = routesOf(source, family);
  const width = family === '4' ? 1 : 4;
  const start = performance.now();
  const table = family === '4' ? Lpm4.build(routes) : Lpm6.build(routes);
  const buildMs = performance.now() - start;
  const twin = new LpmTwin(routes, width);
  const nanoseconds = { random: 0, inside: 0, half: 0 };
  const checksums = { random: 0, inside: 0, half: 0 };
  let wrong = 0;
  for (const which of LPM_MIXES) {
    const all = addressesOf(routes, family, which);
    nanoseconds[which] = rate(table, all, width);
    const out = new Int32Array(COUNT);
    table.lookupBatch(all, out, COUNT);
    checksums[which] = checksum(out);
    for (let i = 0, at = 0; i < COUNT; i += 13, at = i * width) {
      const single =
        table instanceof Lpm4 ? table.lookup(all[at]) : table.lookup(all[at], all[at + 1], all[at + 2], all[at + 3]);
      if (out[i] !== single) wrong++;
    }
    for (let i = 0; i < CHECKED; i++) if (out[i] !== twin.lookup(all, i * width)) wrong++;
  }
  const changesPerSecond = changes(table, routes, width);
  return { prefixes: routes.count, nanoseconds, checksums, buildMs, bytes: table.bytes, changesPerSecond, wrong };
}

/**
 * A short function called often, as a stage is: a long loop would be compiled while it runs (on-stack replacement), and then be
 * several times slower than what a worker sees.
 */
function some(table: Lpm4 | Lpm6, batches: readonly Int32Array[], from: number, out: Int32Array): void {
  for (let i = from; i < from + 16; i++) table.lookupBatch(batches[i], out, BATCH);
}

/** Nanoseconds a look-up: the mean of many passes, since the kernel counts a thread's time in ticks of some milliseconds. */
function rate(table: Lpm4 | Lpm6, all: Int32Array, width: number): number {
  const size = BATCH * width;
  const batches = Array.from({ length: COUNT / BATCH }, (_, i) => all.subarray(i * size, (i + 1) * size));
  const out = new Int32Array(BATCH);
  let start = 0;
  for (let pass = 0; pass < WARM_UP + PASSES; pass++) {
    if (pass === WARM_UP) start = cpuSeconds();
    for (let from = 0; from < batches.length; from += 16) some(table, batches, from, out);
  }
  return ((cpuSeconds() - start) * 1e9) / (COUNT * PASSES);
}

/** As the C twin sums its results up. */
function checksum(out: Int32Array): number {
  let sum = 0;
  for (let at = 0; at < out.length; at += BATCH) {
    for (let i = at; i < at + BATCH; i += 17) sum = (Math.imul(sum, 31) + out[i]) >>> 0;
  }
  return sum;
}

/** Takes random prefixes out and puts them back, each of which is two changes. */
function changes(table: Lpm4 | Lpm6, { prefixes, lengths, values, count }: LpmRoutes, width: number): number {
  const next = random(SEED);
  const start = cpuSeconds();
  for (let i = 1; i <= CHANGES; i++) {
    const route = next() % count;
    const at = route * width;
    if (table instanceof Lpm4) {
      table.remove(prefixes[at], lengths[route]);
      table.add(prefixes[at], lengths[route], values[route]);
    } else {
      table.remove(prefixes[at], prefixes[at + 1], prefixes[at + 2], prefixes[at + 3], lengths[route]);
      table.add(prefixes[at], prefixes[at + 1], prefixes[at + 2], prefixes[at + 3], lengths[route], values[route]);
    }
    if ((i & 1023) === 0) table.limbo.release(table.limbo.tag++);
  }
  return (CHANGES * 2) / (cpuSeconds() - start);
}
