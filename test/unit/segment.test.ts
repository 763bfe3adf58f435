import { describe, expect, it } from 'vitest';
import { Batch } from '../../src/frame/batch.ts';
import { Parse } from '../../src/path/parse.ts';
import { Pieces } from '../../src/path/pieces.ts';
import { completeChecksum, Segmenter } from '../../src/path/segment.ts';
import { frameBytes, poolOf, pushFrame } from '../support/frames.ts';
import { type Packet, packet, pattern, slowTransportChecksum, view } from '../support/packets.ts';

/** The segments of one super-frame; slots are given back. */
function segments(spec: Packet, gsoSize: number, headSplit = 1900, heads = 64) {
  const pool = poolOf(heads, 2);
  const pieces = new Pieces(pool, 0);
  const built = packet({ ...spec, partial: true });
  const batch = new Batch();
  const gsoType = spec.protocol === 'tcp' ? (spec.version === 6 ? 4 : 1) : 5;
  const vnet = { gsoType, gsoSize, csumStart: built.l4, csumOffset: built.csumOffset };
  pushFrame(batch, pool, built.bytes, { headSplit, vnet });
  new Parse(pool).run(batch);
  const wanted = new Segmenter(pool, pieces).cut(batch, 0, batch.head[0], batch.start[0], batch.headLength[0]);
  const made = Array.from({ length: pieces.count }, (_, k) => {
    const bytes = frameBytes(pool, pieces, k);
    const fields = view(bytes);
    return {
      payload: bytes.length - built.data,
      inBody: pieces.bodyLength[k],
      identification: fields.getUint16(built.l3 + 4),
      sequence: fields.getUint32(built.l4 + 4),
      flags: fields.getUint16(built.l4 + 12) & 0x1ff,
    };
  });
  for (let k = 0; k < pieces.count; k++) {
    pool.release(pieces.head[k]);
    pool.release(pieces.body[k]);
  }
  pool.release(batch.head[0]);
  pool.release(batch.body[0]);
  expect(pool.audit()).toMatchObject({ freeHeads: heads, freeBodies: 2 });
  return { wanted, made };
}

describe('a TCP super-frame', () => {
  it('goes on counting sequence numbers and identifications, over their ends', () => {
    const { made } = segments(
      { protocol: 'tcp', payload: pattern(2500), sequence: 0xfffffc00, identification: 0xffff },
      1000,
    );
    expect(made.map((piece) => [piece.sequence, piece.identification, piece.payload])).toEqual([
      [0xfffffc00, 0xffff, 1000],
      [0xffffffe8, 0, 1000],
      [0x3d0, 1, 500],
    ]);
  });

  it('leaves FIN and PSH to the last segment and CWR to the first', () => {
    const { made } = segments({ protocol: 'tcp', payload: pattern(30), tcpFlags: 0x1ff }, 10);
    expect(made.map(({ flags }) => flags)).toEqual([0x1f6, 0x176, 0x17f]);
  });
});

it('copies no more than what lies in the head, and shares the rest', () => {
  const { made } = segments({ payload: pattern(3000) }, 1000, 42 + 1500);
  expect(made.map(({ payload, inBody }) => [payload, inBody])).toEqual([
    [1000, 0],
    [1000, 500],
    [1000, 1000],
  ]);
});

it('makes as many segments as there are heads for, and says how many there should be', () => {
  const { wanted, made } = segments({ payload: pattern(1000) }, 100, 1900, 7);
  expect(wanted).toBe(10);
  expect(made).toHaveLength(6);
});

describe('completing a partial checksum', () => {
  it('sums over head and body, wherever the frame is parted', () => {
    for (const protocol of ['tcp', 'udp'] as const) {
      const pool = poolOf(2, 2);
      const built = packet({ protocol, payload: pattern(201), partial: true });
      const expected = packet({ protocol, payload: pattern(201) }).bytes;
      for (let headSplit = built.l4 + 18; headSplit < built.bytes.length; headSplit++) {
        const batch = new Batch();
        pushFrame(batch, pool, built.bytes, { headSplit });
        const at = batch.start[0] + built.l4;
        const end = batch.start[0] + headSplit;
        completeChecksum(pool.bytes, at, built.csumOffset, end, batch.bodyStart[0], batch.bodyLength[0]);
        expect(frameBytes(pool, batch, 0), `${protocol}, head of ${headSplit}`).toEqual(expected);
        pool.release(batch.head[0]);
        pool.release(batch.body[0]);
      }
    }
  });

  it('writes a sum of zero as 0xffff, since 0 says that there is none', () => {
    const pool = poolOf(1, 0);
    // The last two bytes bring the checksum to 0.
    const odd = packet({ payload: new Uint8Array(2) });
    view(odd.bytes).setUint16(odd.data, view(odd.bytes).getUint16(odd.l4 + 6));
    slowTransportChecksum(odd.bytes, odd.l3, odd.l4, 17);
    expect(view(odd.bytes).getUint16(odd.l4 + 6)).toBe(0xffff);
    const partial = packet({ payload: odd.bytes.subarray(odd.data), partial: true });
    const batch = new Batch();
    pushFrame(batch, pool, partial.bytes);
    const start = batch.start[0];
    completeChecksum(pool.bytes, start + partial.l4, 6, start + partial.bytes.length, 0, 0);
    expect(frameBytes(pool, batch, 0)).toEqual(odd.bytes);
  });
});
