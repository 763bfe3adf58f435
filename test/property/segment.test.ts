import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batch, Fate } from '../../src/frame/batch.ts';
import type { Pool } from '../../src/frame/pool.ts';
import { Fragmenter } from '../../src/path/fragment.ts';
import { OffloadCheck } from '../../src/path/offload.ts';
import { Parse } from '../../src/path/parse.ts';
import { Pieces } from '../../src/path/pieces.ts';
import { Segmenter } from '../../src/path/segment.ts';
import { bytesOf, frameBytes, poolOf, pushFrame } from '../support/frames.ts';
import {
  type Built,
  concat,
  destinationOptions,
  type Packet,
  packet,
  pattern,
  slowIpv4Checksum,
  slowTransportChecksum,
  view,
} from '../support/packets.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = { seed, numRuns: 300 };

/** Every segment of a super-frame, cut out of one flat array. */
function slowSegments(spec: Packet, { bytes, l3, l4, data }: Built, size: number): Uint8Array[] {
  const segments: Uint8Array[] = [];
  for (let from = data; from < bytes.length; from += size) {
    const last = from + size >= bytes.length;
    const out = concat(bytes.subarray(0, data), bytes.subarray(from, from + size));
    const fields = view(out);
    if (spec.version === 6) fields.setUint16(l3 + 4, out.length - l3 - 40);
    else {
      fields.setUint16(l3 + 2, out.length - l3);
      fields.setUint16(l3 + 4, fields.getUint16(l3 + 4) + segments.length);
      slowIpv4Checksum(out, l3);
    }
    if (spec.protocol === 'tcp') {
      fields.setUint32(l4 + 4, (fields.getUint32(l4 + 4) + (from - data)) % 2 ** 32);
      if (!last) out[l4 + 13] &= 0xff ^ 0x09;
      if (segments.length > 0) out[l4 + 13] &= 0x7f;
    } else {
      fields.setUint16(l4 + 4, out.length - l4);
    }
    slowTransportChecksum(out, l3, l4, spec.protocol === 'tcp' ? 6 : 17);
    segments.push(out);
  }
  return segments;
}

/** Every fragment of an IPv4 packet, by RFC 791, section 3.2. */
function slowFragments({ bytes, l3 }: Built, limit: number): Uint8Array[] {
  const header = (bytes[l3] & 15) * 4;
  const total = view(bytes).getUint16(l3 + 2);
  const field = view(bytes).getUint16(l3 + 6);
  const room = Math.floor((limit - header) / 8) * 8;
  const copied: number[] = [];
  for (let at = l3 + 20; at < l3 + header && bytes[at] !== 0; ) {
    const length = bytes[at] === 1 ? 1 : bytes[at + 1];
    if (bytes[at] >= 128) copied.push(...bytes.subarray(at, at + length));
    at += length;
  }
  while (copied.length % 4 !== 0) copied.push(0);
  const fragments: Uint8Array[] = [];
  for (let from = 0; from < total - header; from += room) {
    const piece = bytes.subarray(l3 + header + from, Math.min(l3 + total, l3 + header + from + room));
    const options = from === 0 ? bytes.subarray(l3 + 20, l3 + header) : copied;
    const out = concat(bytes.subarray(0, l3 + 20), options, piece);
    out[l3] = 0x45 + options.length / 4;
    view(out).setUint16(l3 + 2, out.length - l3);
    const more = from + room < total - header ? 0x2000 : 0;
    view(out).setUint16(l3 + 6, (field | more) + from / 8);
    slowIpv4Checksum(out, l3);
    fragments.push(out);
  }
  return fragments;
}

function take(pool: Pool, pieces: Pieces): Uint8Array[] {
  const frames = Array.from({ length: pieces.count }, (_, k) => frameBytes(pool, pieces, k));
  for (let k = 0; k < pieces.count; k++) {
    pool.release(pieces.head[k]);
    pool.release(pieces.body[k]);
  }
  return frames;
}

const tags = fc.array(fc.record({ tpid: fc.constantFrom(0x8100, 0x88a8), tci: fc.integer({ min: 0, max: 0xffff }) }), {
  maxLength: 1,
});
const ipOptions = fc.constantFrom<number[]>(
  [],
  [1, 1, 1, 0],
  [148, 4, 0, 0],
  [7, 7, 4, 0, 0, 0, 0, 1],
  [131, 7, 4, 10, 0, 0, 9, 0],
  [7, 3, 4, 148, 4, 0, 0, 1, 136, 4, 0, 7],
);

const superFrame = fc
  .record({
    version: fc.constantFrom<4 | 6>(4, 6),
    protocol: fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
    tags,
    ipOptions,
    tcpOptions: fc.integer({ min: 0, max: 10 }),
    tcpFlags: fc.integer({ min: 0, max: 0x1ff }),
    sequence: fc.integer({ min: 0, max: 0xffffffff }),
    identification: fc.integer({ min: 0, max: 0xffff }),
    length: fc.oneof(fc.integer({ min: 2, max: 4000 }), fc.integer({ min: 2, max: 65000 })),
    share: fc.integer({ min: 1, max: 50 }),
    split: fc.option(fc.integer({ min: 0, max: 1900 }), { nil: undefined }),
    moved: fc.boolean(),
  })
  .map(({ ipOptions, tcpOptions, length, share, split, moved, ...rest }) => {
    const isTcp = rest.protocol === 'tcp';
    const options = rest.version === 4 ? Uint8Array.from(ipOptions) : destinationOptions(8 * share, isTcp ? 6 : 17);
    const spec: Packet = {
      ...rest,
      options: rest.version === 6 && share > 4 ? new Uint8Array(0) : options,
      tcpOptions: new Uint8Array(isTcp ? tcpOptions * 4 : 0).fill(1),
      payload: pattern(length, share),
      partial: true,
    };
    return { spec, size: Math.max(1, Math.ceil(length / share) - 1), split, moved };
  });

describe(`cutting frames, seed ${seed}`, () => {
  it('makes of every super-frame the segments that the obvious way makes, and gives every slot back', () => {
    const pool = poolOf(80, 4);
    const pieces = new Pieces(pool, 0);
    const segmenter = new Segmenter(pool, pieces);
    const parse = new Parse(pool);
    const check = new OffloadCheck(pool);
    fc.assert(
      fc.property(superFrame, ({ spec, size, split, moved }) => {
        const built = packet(spec);
        const expected = slowSegments(spec, built, size);
        fc.pre(expected.length > 1 && expected.length <= 70);
        const batch = new Batch();
        const gsoType = spec.protocol === 'udp' ? 5 : spec.version === 4 ? 1 : 4;
        pushFrame(batch, pool, built.bytes, {
          ...(split === undefined ? {} : { headSplit: Math.max(split, built.data) }),
          vnet: { gsoType, gsoSize: size, csumStart: built.l4, csumOffset: built.csumOffset },
        });
        parse.run(batch);
        check.run(batch);
        expect(batch.fate[0]).toBe(Fate.Live);
        expect(batch.segments[0]).toBe(expected.length);
        let head = batch.head[0];
        let start = batch.start[0];
        if (moved) {
          head = pool.copyHead(head, start, batch.headLength[0], 0);
          start += pool.position(head) - pool.position(batch.head[0]);
          pool.octets.fill(0xee, batch.start[0], batch.start[0] + batch.headLength[0]);
        }
        const { headLength, body, bodyStart, bodyLength } = batch;
        const source = () => bytesOf(pool, head, start, headLength[0], body[0], bodyStart[0], bodyLength[0]);
        const before = source();
        expect(segmenter.cut(batch, 0, head, start, batch.headLength[0])).toBe(expected.length);
        expect(source()).toEqual(before);
        const segments = take(pool, pieces);
        for (let k = 0; k < expected.length; k++) expect(segments[k], `segment ${k}`).toEqual(expected[k]);
        if (moved) pool.release(head);
        pool.release(batch.head[0]);
        pool.release(batch.body[0]);
        expect(pool.audit()).toMatchObject({ freeHeads: 80, freeBodies: 4, usedHeads: 0, usedBodies: 0 });
      }),
      runs,
    );
  });

  it('makes of every IPv4 packet the fragments that the obvious way makes, and gives every slot back', () => {
    const pool = poolOf(200, 4);
    const pieces = new Pieces(pool, 0);
    const fragmenter = new Fragmenter(pool, pieces);
    const input = fc.record({
      tags,
      ipOptions,
      fragment: fc.constantFrom(0, 0x2000, 0x2000 + 64, 100),
      length: fc.oneof(fc.integer({ min: 100, max: 3000 }), fc.integer({ min: 100, max: 60000 })),
      limit: fc.integer({ min: 68, max: 9000 }),
      padding: fc.integer({ min: 0, max: 20 }),
      split: fc.option(fc.integer({ min: 100, max: 1900 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(input, ({ tags, ipOptions, fragment, length, limit, padding, split }) => {
        const spec = { tags, options: Uint8Array.from(ipOptions), fragment, payload: pattern(length) };
        const plain = packet(spec);
        const built = { ...plain, bytes: concat(plain.bytes, new Uint8Array(padding).fill(0xaa)) };
        const expected = slowFragments(built, limit);
        fc.pre(expected.length > 1 && expected.length < 190);
        const batch = new Batch();
        pushFrame(batch, pool, built.bytes, split === undefined ? {} : { headSplit: split });
        const { head, start, headLength, body, bodyStart } = batch;
        const l3 = start[0] + built.l3;
        expect(fragmenter.cut(head[0], start[0], headLength[0], body[0], bodyStart[0], l3, limit)).toBe(
          expected.length,
        );
        const fragments = take(pool, pieces);
        for (let k = 0; k < expected.length; k++) expect(fragments[k], `fragment ${k}`).toEqual(expected[k]);
        for (const bytes of fragments) expect(bytes.length - built.l3).toBeLessThanOrEqual(limit);
        pool.release(head[0]);
        pool.release(body[0]);
        expect(pool.audit()).toMatchObject({ freeHeads: 200, freeBodies: 4 });
      }),
      runs,
    );
  });
});
