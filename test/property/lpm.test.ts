import { randomInt } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { Limbo } from '../../src/table/lpm-limbo.ts';
import type { LpmRoutes } from '../../src/table/lpm-trie.ts';
import { Lpm4 } from '../../src/table/lpm4.ts';
import { Lpm6 } from '../../src/table/lpm6.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? randomInt(1, 2 ** 31));
const runs = (numRuns: number) => ({ seed, numRuns });

interface Prefix {
  readonly words: number[];
  readonly length: number;
}
interface Change extends Prefix {
  readonly add: boolean;
  readonly value: number;
  /** Whether control releases the epoch after the change. */
  readonly release: boolean;
}

const mask = (bits: number) => (bits >= 32 ? -1 : bits <= 0 ? 0 : -1 << (32 - bits));

/** The slow twin: a list of prefixes. */
class Twin {
  routes: { words: number[]; length: number; value: number }[] = [];

  add({ words, length }: Prefix, value: number): void {
    this.remove({ words, length });
    this.routes.push({ words, length, value });
  }

  remove({ words, length }: Prefix): boolean {
    const before = this.routes.length;
    this.routes = this.routes.filter((route) => route.length !== length || !this.#holds(route, words));
    return this.routes.length < before;
  }

  lookup(address: number[]): number {
    let best = -1;
    let value = -1;
    for (const route of this.routes) {
      if (route.length > best && this.#holds(route, address)) {
        best = route.length;
        value = route.value;
      }
    }
    return value;
  }

  #holds(route: Prefix, address: number[]): boolean {
    return route.words.every((word, i) => ((word ^ address[i]) & mask(route.length - i * 32)) === 0);
  }
}

/** Both families behind one face. */
interface Table {
  add(prefix: Prefix, value: number): boolean;
  remove(prefix: Prefix): boolean;
  readonly table: Lpm4 | Lpm6;
}

function open(width: 1 | 4, maxNodes: number, limbo = new Limbo()): Table {
  return width === 1 ? wrap(Lpm4.create(maxNodes, limbo)) : wrap(Lpm6.create(maxNodes, limbo));
}

function wrap(table: Lpm4 | Lpm6): Table {
  const full = (words: number[]) => words as [number, number, number, number];
  return table instanceof Lpm4
    ? {
        table,
        add: ({ words, length }, value) => table.add(words[0], length, value),
        remove: ({ words, length }) => table.remove(words[0], length),
      }
    : {
        table,
        add: ({ words, length }, value) => table.add(...full(words), length, value),
        remove: ({ words, length }) => table.remove(...full(words), length),
      };
}

/** Words that often share their first bits, so that prefixes nest; and lengths that often lie on a border of nodes. */
const word = fc.oneof(
  fc.constantFrom(0, -1, 0x0a000000, 0x0a010203, 0x0a0102ff, 0x20010db8),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);
const borders = (width: number) =>
  [0, 1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32].concat(width === 4 ? [33, 40, 48, 63, 64, 65, 120, 127, 128] : []);
const prefix = (width: number) =>
  fc.record({
    words: fc.array(word, { minLength: width, maxLength: width }),
    length: fc.oneof(fc.constantFrom(...borders(width)), fc.integer({ min: 0, max: width * 32 })),
  });
const change = (width: number): fc.Arbitrary<Change> =>
  fc
    .tuple(
      prefix(width),
      fc.record({ add: fc.boolean(), value: fc.integer({ min: 0, max: 2 ** 30 - 1 }), release: fc.boolean() }),
    )
    .map(([where, what]) => ({ ...where, ...what }));

/** First and last address of a prefix, and the ones just outside. */
function edges({ words, length }: Prefix): number[][] {
  const first = words.map((value, i) => value & mask(length - i * 32));
  const last = words.map((value, i) => value | ~mask(length - i * 32));
  const step = (from: number[], by: bigint) => {
    let value = BigInt.asUintN(
      32 * from.length,
      from.reduce((sum, part) => (sum << 32n) | BigInt(part >>> 0), 0n) + by,
    );
    const result = from.map(() => 0);
    for (let i = from.length - 1; i >= 0; i--, value >>= 32n) result[i] = Number(BigInt.asIntN(32, value));
    return result;
  };
  return [first, last, step(first, -1n), step(last, 1n)];
}

function sameAsTwin(table: Lpm4 | Lpm6, twin: Twin, addresses: number[][]): void {
  const out = new Int32Array(addresses.length);
  const reader = table instanceof Lpm4 ? Lpm4.attach(table.handles()) : Lpm6.attach(table.handles());
  reader.lookupBatch(Int32Array.from(addresses.flat()), out, addresses.length);
  addresses.forEach((address, i) => {
    const expected = twin.lookup(address);
    const [a, b, c, d] = address;
    const single = table instanceof Lpm4 ? table.lookup(a) : table.lookup(a, b, c, d);
    if (single !== expected || out[i] !== expected) {
      const text = address.map((part) => (part >>> 0).toString(16)).join(':');
      throw new Error(`seed ${seed}: ${text}: single ${single}, batch of a reader ${out[i]}, twin ${expected}`);
    }
  });
}

for (const width of [1, 4] as const) {
  describe(width === 1 ? 'Lpm4' : 'Lpm6', () => {
    it(`answers as the list does after any changes, full or not (seed ${seed})`, () => {
      const input = [
        fc.array(change(width), { minLength: 1, maxLength: 40 }),
        fc.array(fc.array(word, { minLength: width, maxLength: width }), { maxLength: 20 }),
        fc.constantFrom(0, 1, 3, 10, 600),
      ] as const;
      const property = fc.property(...input, (changes, random, maxNodes) => {
        const limbo = new Limbo();
        const twin = new Twin();
        let open_ = open(width, maxNodes, limbo);
        for (const [step, one] of changes.entries()) {
          if (!one.add) {
            // Every second removal takes a prefix that is there.
            const there = one.release && twin.routes.length > 0 ? twin.routes[one.value % twin.routes.length] : one;
            if (open_.remove(there) !== twin.remove(there)) throw new Error(`seed ${seed}: remove at ${step}`);
          } else if (open_.add(one, one.value)) twin.add(one, one.value);
          else if (one.value % 2 === 0) open_ = wrap(open_.table.grow(maxNodes * 2 + 14));
          limbo.tag = step;
          if (one.release) limbo.release(step - 1);
        }
        sameAsTwin(open_.table, twin, [...random, ...changes.flatMap(edges)]);
        if (open_.table.size !== twin.routes.length) throw new Error(`seed ${seed}: size`);
      });
      fc.assert(property, runs(300));
    });

    it(`gives all nodes back when all prefixes are gone and released (seed ${seed})`, () => {
      const property = fc.property(fc.array(prefix(width), { maxLength: 40 }), (prefixes) => {
        const limbo = new Limbo();
        const { table, add, remove } = open(width, 600, limbo);
        for (const one of prefixes) add(one, 1);
        for (const one of prefixes) remove(one);
        limbo.release(0);
        if (table.size !== 0 || table.freeNodes !== 600)
          throw new Error(`seed ${seed}: ${table.freeNodes} of 600 free`);
        if (new Int32Array(table.handles().words, 0, 65536).some((entry) => entry !== -1))
          throw new Error(`seed ${seed}: root`);
      });
      fc.assert(property, runs(200));
    });

    it(`builds what adding one by one builds, with room to spare (seed ${seed})`, () => {
      const property = fc.property(fc.array(prefix(width), { maxLength: 60 }), (prefixes) => {
        const twin = new Twin();
        prefixes.forEach((one, i) => void twin.add(one, i));
        const routes: LpmRoutes = {
          count: prefixes.length,
          prefixes: Int32Array.from(prefixes.flatMap((one) => one.words)),
          lengths: Uint8Array.from(prefixes, (one) => one.length),
          values: Int32Array.from(prefixes.keys()),
        };
        const table = width === 1 ? Lpm4.build(routes) : Lpm6.build(routes);
        sameAsTwin(table, twin, prefixes.flatMap(edges));
        if (table.freeNodes < 14) throw new Error(`seed ${seed}: no room left`);
      });
      fc.assert(property, runs(100));
    });
  });
}

describe('a reader in another thread', () => {
  it('sees, while the writer changes the table, only answers that an address had before or after the change', async () => {
    // 10.1.2.3 is 1 (/8), 2 (/24 comes and goes) or 3 (/32 comes and goes); 10.1.3.3 always 1; 11.0.0.0 never anything.
    const limbo = new Limbo();
    const table = Lpm4.create(64, limbo);
    table.add(0x0a000000, 8, 1);
    const control = new Int32Array(new SharedArrayBuffer(16));
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(workerData.module).then(({ Lpm4 }) => {
        const reader = Lpm4.attach(workerData.handles), control = workerData.control;
        const addresses = Int32Array.from({ length: 256 }, (_, i) => [0x0a010203, 0x0a010303, 0x0b000000, 0x0a010204][i % 4]);
        const allowed = [[1, 2, 3], [1], [-1], [1, 2]], out = new Int32Array(256);
        let bad = '';
        while (Atomics.load(control, 0) === 0 && bad === '') {
          Atomics.store(control, 1, Atomics.load(control, 2)); // this batch begins in that epoch
          reader.lookupBatch(addresses, out, 256);
          for (let i = 0; i < 256; i++) if (!allowed[i % 4].includes(out[i])) bad ||= i % 4 + ': ' + out[i];
        }
        parentPort.postMessage(bad);
      });`;
    const worker = new Worker(source, {
      eval: true,
      workerData: {
        module: new URL('../../src/table/lpm4.ts', import.meta.url).href,
        handles: table.handles(),
        control,
      },
    });
    const answer = new Promise<string>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    limbo.tag = 1;
    Atomics.store(control, 2, 1);
    while (Atomics.load(control, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    for (let i = 0; i < 20_000; i++) {
      table.add(0x0a010200, 24, 2);
      table.add(0x0a010203, 32, 3);
      table.add(0x0a090000 + (i % 256) * 256, 25, 9); // takes freed nodes for something else
      table.remove(0x0a010203, 32);
      table.remove(0x0a010200, 24);
      table.remove(0x0a090000 + (i % 256) * 256, 25);
      // A batch that began in a later epoch cannot find what was unlinked in this one.
      Atomics.store(control, 2, ++limbo.tag);
      limbo.release(Atomics.load(control, 1) - 1);
    }
    Atomics.store(control, 0, 1);
    const bad = await answer;
    await worker.terminate();
    if (bad !== '') throw new Error(`address ${bad}`);
  });
});
