import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as checksum from '../../src/wire/checksum.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as udp from '../../src/wire/udp.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = { seed, numRuns: 2000 };

/** The slow twin: byte by byte, the carry folded at once. */
function slowSum(octets: Uint8Array, at: number, end: number): number {
  let total = 0;
  for (let i = at; i < end; i++) {
    total += (i - at) % 2 === 0 ? octets[i] * 256 : octets[i];
    if (total > 0xffff) total -= 0xffff;
  }
  return total;
}

/** Many octets of 0xff and 0, so that carries chain and sums come near 0 and 0xffff. */
const octet = fc.oneof(fc.constantFrom(0, 0xff), fc.integer({ min: 0, max: 255 }));
const octets = (minLength: number, maxLength: number) =>
  fc.array(octet, { minLength, maxLength }).map((values) => Uint8Array.from(values));
const word16 = fc.oneof(fc.constantFrom(0, 0xffff), fc.integer({ min: 0, max: 0xffff }));

describe(`checksums (TAPYARD_SEED=${seed})`, () => {
  it('sum as the slow twin does, at any alignment and length', () => {
    fc.assert(
      fc.property(octets(0, 200), fc.nat(7), fc.nat(7), (data, before, behind) => {
        const at = Math.min(before, data.length);
        const end = Math.max(at, data.length - behind);
        expect(checksum.sum(new DataView(data.buffer), at, end)).toBe(slowSum(data, at, end));
      }),
      runs,
    );
  });

  it('sum the longest ranges without overflow', () => {
    const ones = new Uint8Array(3 * 65536 + 7).fill(0xff);
    const mixed = ones.map((_, i) => (i * 7919) >> 3);
    for (const data of [ones, mixed]) {
      for (const length of [65519, 65520, 65521, 65535, 65536, 65537, 131040, data.length - 3]) {
        expect(checksum.sum(new DataView(data.buffer), 3, 3 + length)).toBe(slowSum(data, 3, 3 + length));
      }
    }
  });

  it('join sums of ranges that meet at any offset', () => {
    fc.assert(
      fc.property(octets(0, 100), fc.nat(100), (data, cut) => {
        const middle = Math.min(cut, data.length);
        const bytes = new DataView(data.buffer);
        const first = checksum.sum(bytes, 0, middle);
        const second = checksum.sum(bytes, middle, data.length);
        // The two zeros of one's complement, 0 and 0xffff, can only be told apart by an all-zero range.
        expect(checksum.join(first, middle, second)).toBe(slowSum(data, 0, data.length));
      }),
      runs,
    );
  });

  it('patched after a change equal sums computed anew', () => {
    fc.assert(
      fc.property(octets(20, 20), fc.constantFrom(2, 4, 6, 8), word16, fc.nat(0xffffffff), (data, at, now, wide) => {
        const bytes = new DataView(data.buffer);
        bytes.setUint8(0, 0x45);
        ipv4.writeChecksum(bytes, 0);
        const fresh = () => {
          const copy = data.slice();
          ipv4.writeChecksum(new DataView(copy.buffer), 0);
          return copy;
        };
        checksum.patchChecksum(bytes, 10, bytes.getUint16(at), now);
        bytes.setUint16(at, now);
        expect(data).toEqual(fresh());
        expect(ipv4.isChecksumRight(bytes, 0)).toBe(true);
        checksum.patchChecksum32(bytes, 10, bytes.getInt32(16), wide | 0);
        bytes.setInt32(16, wide);
        expect(data).toEqual(fresh());
        const ttl = bytes.getUint8(8);
        if (ttl > 0) {
          ipv4.decrementTtl(bytes, 0);
          expect(bytes.getUint8(8)).toBe(ttl - 1);
          expect(data).toEqual(fresh());
        }
      }),
      runs,
    );
  });

  it('of options are verified too', () => {
    fc.assert(
      fc.property(octets(60, 60), fc.integer({ min: 5, max: 15 }), (data, words) => {
        const bytes = new DataView(data.buffer);
        bytes.setUint8(0, 0x40 | words);
        ipv4.writeChecksum(bytes, 0);
        expect(slowSum(data, 0, words * 4)).toBe(0xffff);
        expect(ipv4.isChecksumRight(bytes, 0)).toBe(true);
      }),
      runs,
    );
  });

  it('under NEEDS_CSUM follow a changed address and still complete to the right checksum', () => {
    fc.assert(
      fc.property(octets(48, 48), fc.nat(0xffffffff), word16, (data, address, port) => {
        const bytes = new DataView(data.buffer);
        bytes.setUint8(0, 0x45);
        const partial = () => checksum.pseudo4(bytes, 0, 17, 28);
        bytes.setUint16(26, partial());
        checksum.patchPartial32(bytes, 26, bytes.getInt32(12), address | 0);
        bytes.setInt32(12, address);
        checksum.patchPartial(bytes, 26, bytes.getUint16(18), port);
        bytes.setUint16(18, port);
        expect(bytes.getUint16(26) % 0xffff).toBe(partial() % 0xffff);
        udp.setChecksumOfSum(bytes, 20, checksum.sum(bytes, 20, 48));
        expect(checksum.add(partial(), checksum.sum(bytes, 20, 48))).toBe(0xffff);
      }),
      runs,
    );
  });

  it('of UDP stay right when a port or an address changes, and never become 0', () => {
    fc.assert(
      fc.property(octets(48, 48), fc.nat(0xffffffff), word16, (data, address, port) => {
        const bytes = new DataView(data.buffer);
        const whole = () => checksum.add(checksum.pseudo4(bytes, 0, 17, 28), checksum.sum(bytes, 20, 48));
        bytes.setUint16(26, 0);
        udp.setChecksumOfSum(bytes, 20, whole());
        udp.patchChecksum(bytes, 20, udp.sourcePort(bytes, 20), port);
        udp.setSourcePort(bytes, 20, port);
        udp.patchChecksum32(bytes, 20, bytes.getInt32(16), address | 0);
        bytes.setInt32(16, address);
        expect(udp.checksum(bytes, 20)).not.toBe(0);
        expect(whole()).toBe(0xffff);
      }),
      runs,
    );
  });

  it('of pseudo-headers equal the sum of the bytes they stand for', () => {
    fc.assert(
      fc.property(octets(40, 40), fc.nat(255), fc.nat(0x1ffff), (data, protocol, length) => {
        const bytes = new DataView(data.buffer);
        const tail = Uint8Array.of(
          length >>> 24,
          (length >>> 16) & 255,
          (length >>> 8) & 255,
          length & 255,
          0,
          0,
          0,
          protocol,
        );
        const of = (from: number, to: number) => {
          const pseudo = Uint8Array.from([...data.subarray(from, to), ...tail]);
          return slowSum(pseudo, 0, pseudo.length);
        };
        expect(checksum.pseudo4(bytes, 0, protocol, length)).toBe(of(12, 20));
        expect(checksum.pseudo6(bytes, 0, protocol, length)).toBe(of(8, 40));
      }),
      runs,
    );
  });
});
