import { describe, expect, it } from 'vitest';
import { Limbo } from '../../src/table/lpm-limbo.ts';
import { PrefixMap } from '../../src/table/lpm-map.ts';
import { Lpm4 } from '../../src/table/lpm4.ts';
import { Lpm6 } from '../../src/table/lpm6.ts';

const ip = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

describe('Lpm4', () => {
  it('answers -1 for every address while empty', () => {
    const table = Lpm4.create(0);
    for (const address of [0, -1, ip('10.0.0.1'), 0x7fffffff]) expect(table.lookup(address)).toBe(-1);
  });

  it('prefers the longest prefix, and falls back to the next when it goes', () => {
    const table = Lpm4.create(8);
    const prefixes: [string, number][] = [
      ['0.0.0.0', 0],
      ['10.0.0.0', 8],
      ['10.1.0.0', 16],
      ['10.1.2.0', 24],
      ['10.1.2.3', 32],
    ];
    for (const [i, [prefix, length]] of prefixes.entries()) expect(table.add(ip(prefix), length, i)).toBe(true);
    for (const [i, [prefix, length]] of prefixes.entries().toArray().reverse()) {
      expect(table.lookup(ip('10.1.2.3'))).toBe(i);
      expect(table.remove(ip(prefix), length)).toBe(true);
    }
    expect(table.lookup(ip('10.1.2.3'))).toBe(-1);
    expect(table.size).toBe(0);
  });

  it('falls back to a prefix above that came after the one below', () => {
    const table = Lpm4.create(4);
    table.add(ip('10.1.2.0'), 24, 1);
    table.add(ip('10.0.0.0'), 7, 2);
    expect(table.lookup(ip('10.1.3.0'))).toBe(2);
    table.remove(ip('10.1.2.0'), 24);
    expect(table.lookup(ip('10.1.2.0'))).toBe(2);
    expect(table.lookup(ip('11.255.255.255'))).toBe(2);
    expect(table.lookup(ip('12.0.0.0'))).toBe(-1);
  });

  it('ignores host bits, and replaces the value of a prefix it knows', () => {
    const table = Lpm4.create(1);
    table.add(ip('10.1.2.99'), 24, 1);
    table.add(ip('10.1.2.0'), 24, 0x3fffffff);
    expect(table.size).toBe(1);
    expect(table.get(ip('10.1.2.7'), 24)).toBe(0x3fffffff);
    expect(table.lookup(ip('10.1.2.255'))).toBe(0x3fffffff);
    expect(table.remove(ip('10.1.2.0'), 23)).toBe(false);
  });

  it('refuses what is out of range with a sentence', () => {
    const table = Lpm4.create(1);
    expect(() => table.add(0, 33, 1)).toThrow('between 0 and 32, not 33');
    expect(() => table.add(0, 8, 2 ** 30)).toThrow('between 0 and 1073741823');
    expect(() => table.add(0, 8, -1)).toThrow('between 0 and');
    expect(() => Lpm4.create(-1)).toThrow('maxNodes');
    const routes = { count: 1, prefixes: Int32Array.of(0), lengths: Uint8Array.of(33), values: Int32Array.of(0) };
    expect(() => Lpm4.build(routes)).toThrow('the length of route 0 is 33, over 32');
  });

  it('is unchanged by an add for which there is no room, and takes it once grown', () => {
    const table = Lpm4.create(1);
    table.add(ip('10.0.0.0'), 8, 1);
    expect(table.add(ip('10.1.2.3'), 32, 2)).toBe(false);
    expect(table.freeNodes).toBe(1);
    expect(table.size).toBe(1);
    expect(table.lookup(ip('10.1.2.3'))).toBe(1);
    const larger = table.grow();
    expect(larger.add(ip('10.1.2.3'), 32, 2)).toBe(true);
    expect(larger.lookup(ip('10.1.2.3'))).toBe(2);
    expect(larger.lookup(ip('10.1.2.4'))).toBe(1);
    expect(table.lookup(ip('10.1.2.3'))).toBe(1);
  });

  it('uses freed nodes again only after the epoch they were freed in is released', () => {
    const limbo = new Limbo();
    const table = Lpm4.create(1, limbo);
    table.add(ip('10.1.2.0'), 24, 1);
    limbo.tag = 7;
    table.remove(ip('10.1.2.0'), 24);
    expect(table.add(ip('10.9.2.0'), 24, 1)).toBe(false);
    expect(limbo.release(6)).toBe(0);
    expect(table.add(ip('10.9.2.0'), 24, 1)).toBe(false);
    expect(limbo.release(7)).toBe(1);
    expect(table.add(ip('10.9.2.0'), 24, 1)).toBe(true);
  });

  it('tells epochs apart when they wrap', () => {
    const limbo = new Limbo();
    const table = Lpm4.create(2, limbo);
    for (const [tag, prefix] of [
      [0x7fffffff, '10.1.2.0'],
      [-0x80000000, '10.2.2.0'],
    ] as const) {
      limbo.tag = tag;
      table.add(ip(prefix), 24, 1);
      table.remove(ip(prefix), 24);
    }
    expect([0x7ffffffe, 0x7fffffff, -0x80000000].map((tag) => limbo.release(tag))).toEqual([0, 1, 1]);
    expect(table.freeNodes).toBe(2);
  });

  it('looks up batches of any size as it looks up one', () => {
    const table = Lpm4.create(8);
    table.add(ip('10.0.0.0'), 8, 1);
    table.add(ip('10.1.2.0'), 24, 2);
    table.add(ip('10.1.2.3'), 32, 3);
    for (const count of [0, 1, 255, 256, 257, 1000]) {
      const addresses = Int32Array.from(
        { length: count },
        (_, i) => [ip('10.1.2.3'), ip('10.1.2.4'), ip('10.9.0.0'), -1][i % 4],
      );
      const out = new Int32Array(count + 1).fill(-7);
      table.lookupBatch(addresses, out, count);
      expect([...out.subarray(0, count)]).toEqual([...addresses].map((address) => table.lookup(address)));
      expect(out[count]).toBe(-7);
    }
  });

  it('visits every prefix', () => {
    const table = Lpm4.create(8);
    table.add(ip('255.255.255.255'), 32, 5);
    table.add(0, 0, 6);
    const seen: number[][] = [];
    table.forEach((...route) => {
      seen.push(route);
    });
    expect(seen.sort((a, b) => a[1] - b[1])).toEqual([
      [0, 0, 6],
      [0xffffffff, 32, 5],
    ]);
  });
});

describe('Lpm6', () => {
  it('prefers the longest prefix at every length there is', () => {
    const table = Lpm6.create(14);
    for (let length = 0; length <= 128; length++) expect(table.add(-1, -1, -1, -1, length, length)).toBe(true);
    expect(table.freeNodes).toBe(0);
    for (let length = 128; length >= 0; length--) {
      expect(table.lookup(-1, -1, -1, -1)).toBe(length);
      expect(table.remove(-1, -1, -1, -1, length)).toBe(true);
    }
    expect(table.lookup(-1, -1, -1, -1)).toBe(-1);
    expect(table.limbo.size).toBe(14);
  });

  it('keeps host routes apart that differ in the last bit', () => {
    const table = Lpm6.create(14);
    table.add(0x20010db8, 0, 0, 1, 128, 1);
    expect(table.lookup(0x20010db8, 0, 0, 1)).toBe(1);
    expect(table.lookup(0x20010db8, 0, 0, 0)).toBe(-1);
    const out = new Int32Array(2);
    table.lookupBatch(Int32Array.of(0x20010db8, 0, 0, 1, 0x20010db8, 0, 0, 0), out, 2);
    expect([...out]).toEqual([1, -1]);
  });
});

describe('PrefixMap', () => {
  it('finds what is left after churn that grows and empties it', () => {
    const map = new PrefixMap(1);
    const key = new Int32Array(1);
    const twin = new Map<number, number>();
    let state = 1;
    for (let i = 0; i < 20_000; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      key[0] = (state >>> 8) % 1000;
      if (state >>> 31) {
        map.set(key, 32, i);
        twin.set(key[0], i);
      } else expect(map.delete(key, 32)).toBe(twin.delete(key[0]));
    }
    expect(map.size).toBe(twin.size);
    for (let i = 0; i < 1000; i++) {
      key[0] = i;
      expect(map.get(key, 32)).toBe(twin.get(i) ?? -1);
    }
  });
});
