/**
 * Full Internet table against a slow twin: builds both tables, looks up random addresses (every second one inside a prefix) by
 * batch and one at a time, and compares with a hash map a prefix length, probed from the longest down.
 *
 *   sh bin/node-pinned test/acceptance/lpm-full-table.ts [FILE|-] [LOOK-UPS]
 *
 * FILE has a prefix a line, perhaps gzipped; without it, or with -, a table of that size and shape is made from the seed
 * (TAPYARD_SEED, or random). LOOK-UPS a family: 1,000,000 unless told; the full form is 10,000,000. Exits 1 on any difference.
 */
import { randomInt } from 'node:crypto';
import { addresses, mask, readRoutes, syntheticRoutes } from '../../src/bench/lpm-routes.ts';
import { random } from '../../src/bench/statistics.ts';
import type { LpmRoutes } from '../../src/table/lpm-trie.ts';
import { Lpm4 } from '../../src/table/lpm4.ts';
import { Lpm6 } from '../../src/table/lpm6.ts';

const CHUNK = 65_536;

class Twin {
  readonly #lengths: number[];
  readonly #maps: Map<number | string, number>[] = [];
  readonly #width: number;

  constructor(routes: LpmRoutes, width: number) {
    this.#width = width;
    for (let i = 0; i < routes.count; i++) {
      const length = routes.lengths[i];
      this.#maps[length] ??= new Map();
      this.#maps[length].set(this.#key(routes.prefixes, i * width, length), routes.values[i]);
    }
    this.#lengths = Object.keys(this.#maps).map(Number).reverse();
  }

  lookup(words: Int32Array, at: number): number {
    for (const length of this.#lengths) {
      const value = this.#maps[length].get(this.#key(words, at, length));
      if (value !== undefined) return value;
    }
    return -1;
  }

  /** The first `length` bits: a number as far as numbers are exact, a string past that. */
  #key(words: Int32Array | Uint32Array, at: number, length: number): number | string {
    if (this.#width === 1 || length <= 32) return words[at] & mask(length);
    const head = (words[at] >>> 0) * 2 ** 20 + ((words[at + 1] & mask(length - 32)) >>> 12);
    if (length <= 52) return head;
    return `${words[at]} ${words[at + 1] & mask(length - 32)} ${words[at + 2] & mask(length - 64)} ${words[at + 3] & mask(length - 96)}`;
  }
}

function check(
  name: string,
  width: 1 | 4,
  routes: LpmRoutes,
  lookups: number,
  next: () => number,
  table: Lpm4 | Lpm6,
  milliseconds: number,
): number {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  console.log(
    `${name}: ${routes.count} prefixes built in ${milliseconds.toFixed(0)} ms, ` +
      `${mib(table.bytes)} shared (${table.maxNodes - table.freeNodes} of ${table.maxNodes} nodes), ${mib(table.controlBytes)} control`,
  );
  const twin = new Twin(routes, width);
  const out = new Int32Array(CHUNK);
  let differences = 0;
  for (let done = 0; done < lookups; done += CHUNK) {
    const count = Math.min(CHUNK, lookups - done);
    const batch = addresses(routes, width, count, next);
    table.lookupBatch(batch, out, count);
    for (let i = 0; i < count; i++) {
      const at = i * width;
      const expected = twin.lookup(batch, at);
      const single =
        table instanceof Lpm4
          ? table.lookup(batch[at])
          : table.lookup(batch[at], batch[at + 1], batch[at + 2], batch[at + 3]);
      if (out[i] === expected && single === expected) continue;
      const address = Array.from(batch.subarray(at, at + width), (word) => (word >>> 0).toString(16).padStart(8, '0'));
      if (differences++ < 10)
        console.error(`${name} ${address.join(':')}: batch ${out[i]}, single ${single}, twin ${expected}`);
    }
  }
  console.log(`${name}: ${lookups} look-ups, ${differences} differences`);
  return differences;
}

const [file = '-', lookups = '1000000'] = process.argv.slice(2);
const seed = Number(process.env['TAPYARD_SEED'] ?? randomInt(1, 2 ** 31));
console.log(`seed ${seed} (TAPYARD_SEED=${seed} repeats this run)`);
const routes = file === '-' ? syntheticRoutes(seed) : readRoutes(file);
const next = random(seed);
const start4 = performance.now();
const four = Lpm4.build(routes.v4);
const start6 = performance.now();
const six = Lpm6.build(routes.v6);
const end = performance.now();
const differences =
  check('IPv4', 1, routes.v4, Number(lookups), next, four, start6 - start4) +
  check('IPv6', 4, routes.v6, Number(lookups), next, six, end - start6);
process.exitCode = differences > 0 ? 1 : 0;
