import { describe, expect, it } from 'vitest';
import { Drop } from '../../src/observe/drop.ts';
import { Column } from '../../src/observe/ledger.ts';
import { type Impairment, ImpairPort } from '../../src/port/impair-port.ts';
import { kinds, numbered } from '../contract/ports.ts';
import { TestSwitch } from '../support/test-switch.ts';

const GOOD: Impairment = {
  delayUs: 0,
  jitterUs: 0,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  rate: null,
  queue: 1000,
  seed: 7,
};

interface Seen {
  readonly n: number;
  readonly atUs: number;
}

/** Frames of 100 bytes are handed to an impaired port, one every `everyUs`; then time goes on in steps of 10 us until all is quiet. */
function pass(line: Partial<Impairment>, count: number, everyUs: number) {
  const memory = kinds.find(({ name }) => name === 'memory');
  if (memory === undefined) throw new Error('no memory port');
  const { pool, books, queue, ...rig } = memory.open([]);
  let now = 0;
  const port = new ImpairPort(rig.port, { ...GOOD, ...line }, 1500, pool, books, () => now);
  const seen: Seen[] = [];
  const look = () => {
    for (const { frame } of rig.collect()) seen.push({ n: frame[14] * 256 + frame[15], atUs: now });
  };
  const goOn = (untilUs: number) => {
    for (; now < untilUs; now += 10) {
      port.request(0, 1);
      look();
    }
  };
  for (let n = 0; n < count; n++) {
    const head = pool.takeHead(1);
    pool.octets.set(numbered(n, 100).frame, pool.frameStart(head));
    queue.push(head, pool.frameStart(head), 100, -1, 0, 0, 1, n, 3);
    expect(port.transmit(queue)).toBe(1);
    queue.count = 0;
    look();
    goOn((n + 1) * everyUs);
  }
  while (port.dueUs !== Number.POSITIVE_INFINITY) goOn(now + 1000);
  expect(pool.audit()).toMatchObject({ usedHeads: 0, usedBodies: 0 });
  // Whatever came in, or was made of it, has one end.
  expect(count + books.clones).toBe(books.sentTo.length + books.lostFor.length);
  expect(seen.length).toBe(books.sentTo.length);
  return { seen, books };
}

const numbers = (seen: readonly Seen[]) => seen.map(({ n }) => n);
const all = (count: number) => Array.from({ length: count }, (_, n) => n);
/** Five times the standard deviation of how often one of `count` throws hits: seeded, so this holds or does not, always. */
const about = (count: number, share: number) => {
  const spread = 5 * Math.sqrt(count * share * (1 - share));
  return { low: count * share - spread, high: count * share + spread };
};

describe('an impaired port', () => {
  it('keeps every frame for its delay, in order', () => {
    const { seen } = pass({ delayUs: 10_000 }, 100, 500);
    expect(numbers(seen)).toEqual(all(100));
    for (const { n, atUs } of seen) expect(atUs).toBe(n * 500 + 10_000);
  });

  it('lets everything through at once when nothing is impaired', () => {
    const { seen } = pass({}, 50, 100);
    expect(seen).toEqual(all(50).map((n) => ({ n, atUs: n * 100 })));
  });

  it('varies the delay, evenly and no more than it was told', () => {
    const { seen } = pass({ delayUs: 10_000, jitterUs: 2000 }, 2000, 5000);
    const waits = seen.map(({ n, atUs }) => atUs - n * 5000);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(8000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(12_010);
    const early = waits.filter((wait) => wait < 9000).length;
    const { low, high } = about(2000, 0.25);
    expect(early).toBeGreaterThan(low);
    expect(early).toBeLessThan(high);
  });

  it('lets frames overtake each other where the jitter is more than their distance', () => {
    const { seen } = pass({ delayUs: 10_000, jitterUs: 5000 }, 200, 100);
    expect(numbers(seen)).not.toEqual(all(200));
    expect(numbers(seen).sort((a, b) => a - b)).toEqual(all(200));
  });

  it('loses its share, each lost frame with its reason', () => {
    const { seen, books } = pass({ loss: 0.1 }, 5000, 10);
    const { low, high } = about(5000, 0.1);
    expect(books.lostFor.length).toBeGreaterThan(low);
    expect(books.lostFor.length).toBeLessThan(high);
    expect(new Set(books.lostFor.map(({ reason }) => reason))).toEqual(new Set([Drop.Impaired]));
    const lost = new Set(books.lostFor.map(({ row }) => row));
    expect(numbers(seen)).toEqual(all(5000).filter((n) => !lost.has(n)));
  });

  it('loses all, or none', () => {
    expect(pass({ loss: 1 }, 300, 10).seen).toEqual([]);
    expect(pass({ loss: 0 }, 300, 10).seen.length).toBe(300);
  });

  it('sends its share twice, counted as clones', () => {
    const { seen, books } = pass({ duplicate: 0.1, delayUs: 1000 }, 5000, 10);
    const { low, high } = about(5000, 0.1);
    expect(books.clones).toBeGreaterThan(low);
    expect(books.clones).toBeLessThan(high);
    expect(seen.length).toBe(5000 + books.clones);
    expect(new Set(numbers(seen)).size).toBe(5000);
  });

  it('sends its share at once, past those that wait', () => {
    const { seen } = pass({ delayUs: 5000, reorder: 0.1 }, 5000, 100);
    const first = seen.filter(({ n, atUs }) => atUs === n * 100).length;
    const { low, high } = about(5000, 0.1);
    expect(first).toBeGreaterThan(low);
    expect(first).toBeLessThan(high);
    expect(seen.filter(({ n, atUs }) => atUs === n * 100 + 5000).length).toBe(5000 - first);
  });

  it('carries no more bits than its rate, whatever their number', () => {
    // 100 bytes at 1 Mbit/s: 800 us each.
    const { seen } = pass({ rate: 1e6 }, 50, 10);
    expect(seen).toEqual(all(50).map((n) => ({ n, atUs: (n + 1) * 800 })));
    const idle = pass({ rate: 1e6, delayUs: 1000 }, 3, 5000);
    expect(idle.seen).toEqual(all(3).map((n) => ({ n, atUs: n * 5000 + 1800 })));
  });

  it('drops what finds it full', () => {
    const { seen, books } = pass({ delayUs: 100_000, queue: 20 }, 50, 10);
    expect(numbers(seen)).toEqual(all(20));
    expect(books.lostFor.map(({ row, reason }) => [row, reason])).toEqual(
      all(50)
        .slice(20)
        .map((n) => [n, Drop.TxFull]),
    );
  });

  it('does the same again with the same seed, and something else with another', () => {
    const line = { delayUs: 3000, jitterUs: 2000, loss: 0.05, duplicate: 0.05, reorder: 0.05, rate: 10e6 };
    const once = pass(line, 500, 100);
    expect(pass(line, 500, 100)).toEqual(once);
    expect(pass({ ...line, seed: 8 }, 500, 100).seen).not.toEqual(once.seen);
  });

  it('loses the same frames whatever else is done to them', () => {
    const lost = ({ books }: ReturnType<typeof pass>) => books.lostFor.map(({ row }) => row);
    const plain = lost(pass({ loss: 0.1 }, 500, 100));
    expect(lost(pass({ loss: 0.1, duplicate: 0.5, delayUs: 500, jitterUs: 400, reorder: 0.2 }, 500, 100))).toEqual(
      plain,
    );
  });

  it('books what waits as held, and gives it back as dropped when it is closed', async () => {
    const made = await TestSwitch.of(
      `version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true}
        b: {memory: true, impair: {delay: 20ms, duplicate: 50%, loss: 20%, queue: 30, seed: 3}}
`,
    );
    const balance = () => made.tenant('red').ledgers[0].imbalance(0);
    const held = () => made.tenant('red').ledgers[0].get(0, Column.Held);
    made.send('red/a', ...Array.from({ length: 20 }, (_, n) => numbered(n, 80).frame));
    expect(balance()).toBe(0);
    expect(held()).toBeGreaterThan(10);
    expect(made.received('red/b')).toEqual([]);
    expect(made.engine.pool.audit().usedHeads).toBe(0);
    made.nowUs += 20_000;
    made.run();
    expect(held()).toBe(0);
    expect(balance()).toBe(0);
    expect(made.received('red/b').length).toBeGreaterThan(10);
    made.send('red/a', ...Array.from({ length: 60 }, (_, n) => numbered(n, 80).frame));
    expect(held()).toBe(30);
    made.engine.close();
    expect(held()).toBe(0);
    expect(balance()).toBe(0);
    expect(made.received('red/b')).toEqual([]);
  });
});
