/**
 * Longest-prefix match beside a C program: DIR-24-8 (bench/peers/dir24.c, IPv4), built with gcc when this runs. Each round runs
 * C and our tables in fresh processes, by turns; the figure of a run is the median of its rounds, and all are printed.
 *
 *   sh bin/node-pinned bench/micro/lpm.ts [FILE|-] [ROUNDS]        FILE as for test/acceptance/lpm-full-table.ts; 3 rounds
 *
 * Three mixes of addresses: random, inside random prefixes, half of each. Look-ups go in batches of 256. Updates take a prefix
 * of the table out and put it back; each is two changes.
 *
 * Bars, of the mix of halves: IPv4 at least 0.7, IPv6 at least 0.35 of the rate of the C program (which looks up IPv4 in both);
 * IPv4 at most 40 MB of shared memory; 200,000 changes a second in each family. So that routing costs no more than a few percent
 * of what a frame costs (20 ns), and a full BGP table can come in within seconds. Exits 1 when results differ from the C
 * program's or from single look-ups, or a bar is missed.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LpmRoutes } from '../../src/table/lpm-trie.ts';
import { Lpm4 } from '../../src/table/lpm4.ts';
import { Lpm6 } from '../../src/table/lpm6.ts';
import { addresses, random, readRoutes, syntheticRoutes } from './lpm-routes.ts';

const SEED = 20_231_101;
const BATCH = 256;
/** Enough that the addresses' own entries, met again in each pass, do not stay in cache: it must hold the table, not the bench. */
const COUNT = BATCH * 8192;
const WARM_UP = 2;
const PASSES = 6;
const CHANGES = 100_000;
const MIXES = ['random', 'inside', 'half'] as const;
type Mix = (typeof MIXES)[number];

interface Result {
  readonly nanoseconds: Record<string, number>;
  readonly checksums: Record<string, number>;
  readonly buildMs: number;
  readonly bytes: number;
  readonly changesPerSecond: number;
}

function mix(routes: LpmRoutes, width: number, which: Mix): Int32Array {
  const next = random(SEED);
  if (which === 'half') return addresses(routes, width, COUNT, next);
  if (which === 'random') return addresses({ ...routes, count: 0 }, width, COUNT, next);
  const both = addresses(routes, width, COUNT * 2, next);
  const inside = new Int32Array(COUNT * width);
  for (let i = 0; i < COUNT; i++) inside.set(both.subarray((2 * i + 1) * width, (2 * i + 2) * width), i * width);
  return inside;
}

/** CPU time of this thread (of the C program as well), so that what else the machine does counts less. */
function cpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

type Batches = readonly Int32Array[];

/**
 * A short function called often, as a stage is: a long loop would be compiled while it runs (on-stack replacement), and then be
 * several times slower than what a worker sees.
 */
function some(table: Lpm4 | Lpm6, batches: Batches, from: number, out: Int32Array): void {
  for (let i = from; i < from + 16; i++) table.lookupBatch(batches[i], out, BATCH);
}

/** Nanoseconds a look-up: the mean of many passes, since the kernel counts a thread's time in ticks of some milliseconds. */
function rate(table: Lpm4 | Lpm6, all: Int32Array, width: number): number {
  const batches = Array.from({ length: COUNT / BATCH }, (_, i) =>
    all.subarray(i * BATCH * width, (i + 1) * BATCH * width),
  );
  const out = new Int32Array(BATCH);
  let start = 0;
  for (let pass = 0; pass < WARM_UP + PASSES; pass++) {
    if (pass === WARM_UP) start = cpuSeconds();
    for (let from = 0; from < batches.length; from += 16) some(table, batches, from, out);
  }
  return ((cpuSeconds() - start) * 1e9) / (COUNT * PASSES);
}

function checksum(out: Int32Array): number {
  let sum = 0;
  for (let at = 0; at < out.length; at += BATCH) {
    for (let i = at; i < at + BATCH; i += 17) sum = (Math.imul(sum, 31) + out[i]) >>> 0;
  }
  return sum;
}

function check(same: boolean, what: string): void {
  if (!same) throw new Error(`batch and single look-up differ: ${what}`);
}

function changes(routes: LpmRoutes, change: (route: number) => void): number {
  const next = random(SEED);
  const start = cpuSeconds();
  for (let i = 0; i < CHANGES; i++) change(next() % routes.count);
  return (CHANGES * 2) / (cpuSeconds() - start);
}

function ours(family: string, source: string): Result {
  const { v4, v6 } = load(source);
  const routes = family === '4' ? v4 : v6;
  const width = family === '4' ? 1 : 4;
  const start = performance.now();
  const table = family === '4' ? Lpm4.build(routes) : Lpm6.build(routes);
  const buildMs = performance.now() - start;
  const nanoseconds: Record<string, number> = {};
  const checksums: Record<string, number> = {};
  for (const which of MIXES) {
    const all = mix(routes, width, which);
    nanoseconds[which] = rate(table, all, width);
    const out = new Int32Array(COUNT);
    table.lookupBatch(all, out, COUNT);
    checksums[which] = checksum(out);
    for (let i = 0, at = 0; i < COUNT; i += 13, at = i * width) {
      const single =
        table instanceof Lpm4 ? table.lookup(all[at]) : table.lookup(all[at], all[at + 1], all[at + 2], all[at + 3]);
      check(out[i] === single, `address ${i} of "${which}"`);
    }
  }
  const { prefixes, lengths, values } = routes;
  let epoch = 0;
  const changesPerSecond = changes(routes, (route) => {
    const at = route * width;
    if (table instanceof Lpm4) {
      table.remove(prefixes[at], lengths[route]);
      table.add(prefixes[at], lengths[route], values[route]);
    } else {
      table.remove(prefixes[at], prefixes[at + 1], prefixes[at + 2], prefixes[at + 3], lengths[route]);
      table.add(prefixes[at], prefixes[at + 1], prefixes[at + 2], prefixes[at + 3], lengths[route], values[route]);
    }
    if ((++epoch & 1023) === 0) table.limbo.release(table.limbo.tag++);
  });
  return { nanoseconds, checksums, buildMs, bytes: table.bytes, changesPerSecond };
}

function load(source: string) {
  return source === '-' ? syntheticRoutes(SEED) : readRoutes(source);
}

function peer(program: string, folder: string): Result {
  const nanoseconds: Record<string, number> = {};
  const checksums: Record<string, number> = {};
  for (const which of MIXES) {
    const text = execFileSync(program, [join(folder, 'routes'), join(folder, which), '12'], { encoding: 'utf8' });
    const rounds = text.trim().split('\n').slice(WARM_UP);
    nanoseconds[which] = rounds.reduce((sum, line) => sum + Number(line.split(' ')[0]), 0) / PASSES;
    checksums[which] = Number(rounds[0].split(' ')[1]);
  }
  return { nanoseconds, checksums, buildMs: 0, bytes: 0, changesPerSecond: 0 };
}

function main(source: string, rounds: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'tapyard-lpm-'));
  try {
    const program = join(folder, 'dir24');
    const text = fileURLToPath(new URL('../peers/dir24.c', import.meta.url));
    execFileSync('gcc', ['-O3', '-march=native', '-o', program, text], { stdio: ['ignore', 'inherit', 'inherit'] });
    const { v4 } = load(source);
    const order = Array.from(v4.lengths.keys()).sort((a, b) => v4.lengths[a] - v4.lengths[b]);
    writeFileSync(
      join(folder, 'routes'),
      Int32Array.from(order.flatMap((i) => [v4.prefixes[i], v4.lengths[i], v4.values[i]])),
    );
    for (const which of MIXES) writeFileSync(join(folder, which), mix(v4, 1, which));
    const results: Record<'c' | '4' | '6', Result[]> = { c: [], 4: [], 6: [] };
    const child = (family: string): Result => {
      const file = join(folder, 'result');
      execFileSync(process.execPath, [fileURLToPath(import.meta.url), source, '--child', family, file]);
      return JSON.parse(readFileSync(file, 'utf8'));
    };
    for (let round = 0; round < rounds; round++) {
      results.c.push(peer(program, folder));
      results['4'].push(child('4'));
      results['6'].push(child('6'));
      const figures = (result: Result) => MIXES.map((which) => result.nanoseconds[which].toFixed(2)).join(', ');
      console.log(
        `round ${round + 1} (ns: ${MIXES.join(', ')}): C ${figures(results.c[round])}; ` +
          `IPv4 ${figures(results['4'][round])}; IPv6 ${figures(results['6'][round])}`,
      );
    }
    report(results);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function report(results: Record<'c' | '4' | '6', Result[]>): void {
  let failed = false;
  const bar = (what: string, figure: number, least: number, shown = figure.toFixed(2)) => {
    const held = figure >= least;
    failed ||= !held;
    console.log(`${held ? 'held  ' : 'MISSED'} ${what}: ${shown}`);
  };
  const ns = (family: 'c' | '4' | '6', which: Mix) =>
    median(results[family].map((result) => result.nanoseconds[which]));
  for (const which of MIXES) {
    if (results.c[0].checksums[which] === results['4'][0].checksums[which]) continue;
    failed = true;
    console.log(`IPv4 results differ from the C program's on "${which}"`);
  }
  for (const family of ['4', '6'] as const) {
    const name = `IPv${family}`;
    for (const which of MIXES) {
      const ratio = ns('c', which) / ns(family, which);
      if (which !== 'half') console.log(`       ${name} of C's rate, ${which}: ${ratio.toFixed(2)}`);
      else bar(`${name} of C's rate, ${which} (${family === '4' ? 0.7 : 0.35})`, ratio, family === '4' ? 0.7 : 0.35);
    }
    const one = results[family][0];
    console.log(`       ${name} built in ${one.buildMs.toFixed(0)} ms, ${(one.bytes / 1e6).toFixed(1)} MB shared`);
    if (family === '4') bar('IPv4 shared memory (40 MB)', 40e6 / one.bytes, 1, `${(one.bytes / 1e6).toFixed(1)} MB`);
    const rate = median(results[family].map((result) => result.changesPerSecond));
    bar(`${name} changes a second (200,000)`, rate / 200_000, 1, rate.toFixed(0));
  }
  if (failed) process.exitCode = 1;
}

const [source = '-', second = '3', family, file] = process.argv.slice(2);
if (second === '--child') writeFileSync(file, JSON.stringify(ours(family, source)));
else main(source, Number(second));
