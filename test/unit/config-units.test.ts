import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressOf,
  contains,
  overlaps,
  parseAddress,
  parseInterfaceAddress,
  prefixOf,
} from '../../src/control/config/address.ts';
import { suggest } from '../../src/control/config/suggest.ts';
import {
  formatDuration,
  formatQuantity,
  parseDuration,
  parseQuantity,
  parseSize,
} from '../../src/control/config/units.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe(`units and addresses (TAPYARD_SEED=${seed})`, () => {
  it('reads quantities exactly, in powers of 1000', () => {
    expect(['500k', '1G', '1.5M', '0.5k', '2048', 7, '1.000k'].map(parseQuantity)).toEqual([
      500_000, 1_000_000_000, 1_500_000, 500, 2048, 7, 1000,
    ]);
    for (const wrong of ['', 'k', '1K', '1kk', '0.0005k', '-1', -1, 1.5, '1e3', '99999999T', null, [], Number.NaN]) {
      expect(parseQuantity(wrong), String(wrong)).toBeNull();
    }
  });

  it('reads sizes in powers of 1000 and of 1024', () => {
    expect(['64Ki', '1Mi', '64k', 512].map(parseSize)).toEqual([65536, 1048576, 64000, 512]);
    expect(parseSize('1.5Mi')).toBeNull();
  });

  it('reads durations as milliseconds; a bare number is seconds', () => {
    expect(['300s', '5m', '1.5h', '250ms', '1d', 300, 0.25].map(parseDuration)).toEqual([
      300_000, 300_000, 5_400_000, 250, 86_400_000, 300_000, 250,
    ]);
    for (const wrong of ['', '5', '5 m', '1.5ms', -1, 0.0001, '5x'])
      expect(parseDuration(wrong), String(wrong)).toBeNull();
  });

  it('reads back what it writes', () => {
    const whole = fc.integer({ min: 1, max: 2 ** 40 });
    fc.assert(
      fc.property(whole, (n) => parseQuantity(formatQuantity(n)) === n),
      { seed },
    );
    fc.assert(
      fc.property(whole, (n) => parseDuration(formatDuration(n)) === n),
      { seed },
    );
  });

  it('writes IPv6 addresses as RFC 5952 has them', () => {
    const written = (text: string): string | undefined => parseAddress(text)?.text;
    expect(written('2001:DB8:0:0:0:0:0:1')).toBe('2001:db8::1');
    expect(written('2001:db8:0:1:1:1:1:1')).toBe('2001:db8:0:1:1:1:1:1');
    expect(written('2001:0:0:1:0:0:0:1')).toBe('2001:0:0:1::1');
    expect(written('2001:db8:0:0:1:0:0:1')).toBe('2001:db8::1:0:0:1');
    expect(written('0:0:0:0:0:0:0:0')).toBe('::');
    expect(written('::ffff:10.0.0.1')).toBe('::ffff:10.0.0.1');
    expect(written('fe80::')).toBe('fe80::');
  });

  it('refuses what is no address', () => {
    const wrong = [
      '',
      '1.2.3',
      '1.2.3.4.5',
      '010.0.0.1',
      '256.0.0.1',
      '1.2.3.4 ',
      ':',
      ':::',
      '1::2::3',
      'g::',
      '1:2:3:4:5:6:7',
    ];
    const more = [
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7::8',
      '12345::',
      'fe80::1%eth0',
      '1.2.3.4::',
      '::1.2.3',
      '::1.2.3.4:5',
      ':1',
    ];
    for (const text of [...wrong, ...more]) expect(parseAddress(text), text).toBeNull();
    for (const text of ['10.0.0.1/33', '10.0.0.1/08', '10.0.0.1/', 'fd00::/129', '/8', '10.0.0.1/-1']) {
      expect(parseInterfaceAddress(text), text).toBeNull();
    }
  });

  it('reads back any address, and compares prefixes as bits do', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const words = fc.oneof(fc.tuple(word), fc.tuple(word, word, word, word));
    const sparse = words.map((all) => all.map((each, index) => ((each >>> index) & 1 ? each : 0)));
    const bits = (all: readonly number[]): string => all.map((each) => each.toString(2).padStart(32, '0')).join('');
    fc.assert(
      fc.property(fc.oneof(words, sparse), (all) => {
        const address = addressOf(all);
        expect(parseAddress(address.text)).toEqual(address);
      }),
      { seed },
    );
    fc.assert(
      fc.property(word, word, fc.nat(32), fc.nat(32), fc.nat(4), (a, b, long, short, near) => {
        // Half of the pairs share their beginning.
        const other = near < 2 ? ((a & 0xffff0000) | (b & 0xffff)) >>> 0 : b;
        const [one, two] = [prefixOf(addressOf([a]), long), prefixOf(addressOf([other]), short)];
        const inside = long >= short && bits([a]).slice(0, short) === bits([other]).slice(0, short);
        const around = short >= long && bits([a]).slice(0, long) === bits([other]).slice(0, long);
        expect(contains(two, one)).toBe(inside);
        expect(overlaps(one, two)).toBe(inside || around);
      }),
      { seed },
    );
  });

  it('guesses what was meant', () => {
    const known = ['vlan', 'trunk', 'native', 'mac_age', 'address', 'addresses'];
    const guesses = ['vlna', 'VLAN', 'trunks', 'mac-age', 'macAge', 'addr', 'adress', 'colour'].map((w) =>
      suggest(w, known),
    );
    expect(guesses).toEqual(['vlan', 'vlan', 'trunk', 'mac_age', 'mac_age', 'address', 'address', null]);
  });
});
