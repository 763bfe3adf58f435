import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf, formatAddress, parseAddress, parsePrefix, prefixOf } from '../../src/wire/address.ts';
import * as arp from '../../src/wire/arp.ts';
import { icmpEchoReply, icmpError, mayAnswerWithError } from '../../src/wire/build.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import * as icmp from '../../src/wire/icmp.ts';
import * as icmpv6 from '../../src/wire/icmpv6.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as options from '../../src/wire/ipv4-options.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as extension from '../../src/wire/ipv6-extension.ts';
import * as ndp from '../../src/wire/ndp.ts';
import * as pcapfile from '../../src/wire/pcapfile.ts';
import * as sctp from '../../src/wire/sctp.ts';
import * as tcp from '../../src/wire/tcp.ts';
import * as udp from '../../src/wire/udp.ts';
import * as vlan from '../../src/wire/vlan.ts';
import * as vnet from '../../src/wire/vnet.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = { seed, numRuns: 3000 };

const checks = { ethernet, vlan, arp, ipv4, ipv6, tcp, udp, sctp, icmp, icmpv6, ndp, vnet, pcapfile };

/** Bytes that begin like the headers we know, so that checks get past their first line. */
const likely = fc.tuple(
  fc.constantFrom(
    [],
    [0x45],
    [0x46],
    [0x4f],
    [0x60, 0, 0, 0, 0, 8, 0],
    [0x60, 0, 0, 0, 0, 8, 44],
    [134, 0],
    [135, 0],
    [136, 0],
  ),
  fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 43, 44, 51, 60, 58, 255)), { maxLength: 150 }),
);
const bytesOf = likely.map(([head, tail]) => Uint8Array.from([...head, ...tail]));

describe(`the wire folder takes any bytes (TAPYARD_SEED=${seed})`, () => {
  for (const [name, { check }] of Object.entries(checks)) {
    it(`check of ${name} reads nothing outside its range`, () => {
      fc.assert(
        fc.property(bytesOf, fc.nat(20), (data, skip) => {
          // The view covers the range exactly at its end: a read beyond would throw. The answer must not depend on what lies
          // before or behind the range either.
          const at = Math.min(skip, data.length);
          const answer = check(new DataView(data.buffer), at, data.length);
          const moved = Uint8Array.from([...data.subarray(at), ...new Uint8Array(80).fill(0x61)]);
          expect(check(new DataView(moved.buffer), 0, data.length - at)).toBe(answer);
        }),
        runs,
      );
    });
  }

  it('the walk of extension headers ends, inside the packet', () => {
    fc.assert(
      fc.property(bytesOf, (data) => {
        const bytes = new DataView(data.buffer);
        if (!ipv6.check(bytes, 0, data.length)) return;
        const found = extension.walk(bytes, 0, data.length);
        expect(extension.offset(found)).toBeLessThanOrEqual(data.length);
        expect(extension.offset(found)).toBeGreaterThanOrEqual(40);
        for (const type of [0, 43, 44, 51, 60])
          expect(extension.find(bytes, 0, data.length, type)).toBeLessThan(data.length);
      }),
      { ...runs, numRuns: 20_000 },
    );
  });

  it('IPv4 options are walked and copied inside the header', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(255), { minLength: 40, maxLength: 40 }),
        fc.integer({ min: 5, max: 15 }),
        (tail, words) => {
          const data = new Uint8Array(words * 4 + 60).fill(0xee);
          data.set(tail.slice(0, words * 4 - 20), 20);
          data[0] = 0x40 | words;
          data[3] = words * 4;
          const bytes = new DataView(data.buffer, 0, words * 4 + 60);
          expect(ipv4.check(bytes, 0, words * 4)).toBe(true);
          options.check(bytes, 0);
          expect(options.find(bytes, 0, 148)).toBeLessThan(words * 4);
          const length = options.copyForFragment(bytes, 0, words * 4);
          expect(length % 4).toBe(0);
          expect(length).toBeLessThanOrEqual(words * 4);
        },
      ),
      runs,
    );
  });

  it('options of neighbour discovery are found inside the message', () => {
    fc.assert(
      fc.property(bytesOf, (data) => {
        const bytes = new DataView(data.buffer);
        if (!ndp.check(bytes, 0, data.length)) return;
        for (const type of [1, 2, 3, 5]) {
          const at = ndp.findOption(bytes, 0, data.length, type);
          if (at >= 0) expect(at + bytes.getUint8(at + 1) * 8).toBeLessThanOrEqual(data.length);
        }
      }),
      { ...runs, numRuns: 20_000 },
    );
  });

  it('answers are built, or refused, without a throw', () => {
    fc.assert(
      fc.property(bytesOf, (data) => {
        const bytes = new DataView(data.buffer);
        const may = mayAnswerWithError(bytes, 0, data.length, false);
        const frame = Uint8Array.from([
          ...new Uint8Array(12),
          ...(data[0] >>> 4 === 4 ? [8, 0] : [0x86, 0xdd]),
          ...data,
        ]);
        icmpEchoReply(frame);
        if (!may) return;
        const error = icmpError({
          packet: data,
          type: 3,
          code: 1,
          source: data[0] >>> 4 === 4 ? '10.0.0.1' : 'fd00::1',
        });
        expect(error.length).toBeLessThanOrEqual(14 + (data[0] >>> 4 === 4 ? 576 : 1280));
        // Nobody may answer an error.
        expect(mayAnswerWithError(new DataView(error.buffer), 14, error.length, false)).toBe(false);
      }),
      runs,
    );
  });

  it('a pushed tag comes off again and leaves every byte', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 14, maxLength: 64 }),
        fc.constantFrom(0x8100, 0x88a8),
        fc.nat(0xffff),
        (frame, tpid, tci) => {
          const data = new Uint8Array(frame.length + 4);
          data.set(frame, 4);
          const bytes = new DataView(data.buffer);
          const at = vlan.pushTag(bytes, 4, tpid, tci);
          expect(at).toBe(0);
          expect([...data]).toEqual([
            ...frame.subarray(0, 12),
            tpid >>> 8,
            tpid & 255,
            tci >>> 8,
            tci & 255,
            ...frame.subarray(12),
          ]);
          expect(vlan.check(bytes, at, data.length)).toBe(true);
          expect(vlan.makeTci(vlan.pcp(tci), vlan.dei(tci), vlan.vid(tci))).toBe(tci);
          expect(vlan.popTag(bytes, at)).toBe(4);
          expect(data.subarray(4)).toEqual(frame);
        },
      ),
      runs,
    );
  });

  it('addresses, prefixes and MACs survive being written and read', () => {
    const word = fc.oneof(fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffffffff), fc.nat(0xffffffff));
    const words = fc.oneof(fc.tuple(word), fc.tuple(word, word, word, word));
    fc.assert(
      fc.property(words, fc.nat(128), (value, bits) => {
        const text = formatAddress(value);
        expect(parseAddress(text)).toEqual({ family: value.length === 1 ? 4 : 6, words: value, text });
        expect(addressOf(value.map((part) => part | 0)).words).toEqual(value);
        const prefix = prefixOf(value, Math.min(bits, value.length * 32));
        expect(parsePrefix(prefix.text)).toEqual(prefix);
        const mac = { high: value[0] & 0xffff, low: (value[3] ?? value[0]) | 0 };
        expect(ethernet.parseMac(ethernet.formatMac(mac.high, mac.low))).toEqual(mac);
      }),
      { ...runs, numRuns: 10_000 },
    );
  });

  it('IPv6 text is what the URL parser of the platform makes of it', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 }), (groups) => {
        const long = groups.map((group) => group.toString(16)).join(':');
        const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
        if (!mapped) expect(`[${parseAddress(long).text}]`).toBe(new URL(`http://[${long}]/`).hostname);
      }),
      runs,
    );
  });
});
