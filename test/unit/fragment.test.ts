import { expect, it } from 'vitest';
import { Batch } from '../../src/frame/batch.ts';
import { Fragmenter } from '../../src/path/fragment.ts';
import { Pieces } from '../../src/path/pieces.ts';
import { frameBytes, poolOf, pushFrame } from '../support/frames.ts';
import { type Packet, packet, pattern, slowSum, view } from '../support/packets.ts';

/** The fragments of one packet; their slots and those of the packet are given back. */
function fragments(spec: Packet, limit: number, heads = 64, most = 2048) {
  const pool = poolOf(heads, 2);
  const pieces = new Pieces(pool, 0, most);
  const built = packet(spec);
  const batch = new Batch();
  pushFrame(batch, pool, built.bytes, { headSplit: 60 });
  const { head, start, headLength, body, bodyStart } = batch;
  const l3 = start[0] + built.l3;
  const wanted = new Fragmenter(pool, pieces).cut(head[0], start[0], headLength[0], body[0], bodyStart[0], l3, limit);
  const made = Array.from({ length: pieces.count }, (_, k) => {
    const bytes = frameBytes(pool, pieces, k);
    const ip = view(bytes.subarray(built.l3));
    const header = (ip.getUint8(0) & 15) * 4;
    const field = ip.getUint16(6);
    return {
      bytes,
      header,
      total: ip.getUint16(2),
      offset: (field & 0x1fff) * 8,
      more: (field & 0x2000) !== 0,
      options: [...bytes.subarray(built.l3 + 20, built.l3 + header)],
      sound: slowSum(bytes.subarray(built.l3, built.l3 + header)) === 0xffff,
    };
  });
  for (let k = 0; k < pieces.count; k++) {
    pool.release(pieces.head[k]);
    pool.release(pieces.body[k]);
  }
  pool.release(head[0]);
  pool.release(body[0]);
  expect(pool.audit()).toMatchObject({ freeHeads: heads, freeBodies: 2 });
  return { wanted, made };
}

it('cuts at multiples of 8 bytes and says which fragment is the last', () => {
  const { made } = fragments({ payload: pattern(2992) }, 1500);
  expect(made.map(({ offset, total, more, sound }) => [offset, total, more, sound])).toEqual([
    [0, 1500, true, true],
    [1480, 1500, true, true],
    [2960, 60, false, true],
  ]);
});

it('goes on from the offset of a packet that is a fragment itself, whose last piece is not the last', () => {
  const { made } = fragments({ payload: pattern(1592), fragment: 0x2000 | 185 }, 1000);
  expect(made.map(({ offset, more }) => [offset, more])).toEqual([
    [1480, true],
    [2456, true],
  ]);
});

it('keeps all options in the first fragment and only the copied ones in the others', () => {
  const options = Uint8Array.from([7, 3, 4, 148, 4, 0, 0, 1, 136, 4, 0, 7]);
  const { made } = fragments({ payload: pattern(600), options }, 300);
  expect(made.map((piece) => piece.options)).toEqual([
    [...options],
    [148, 4, 0, 0, 136, 4, 0, 7],
    [148, 4, 0, 0, 136, 4, 0, 7],
  ]);
  expect(made.every((piece) => piece.sound)).toBe(true);
});

it('cuts nothing when the limit leaves no room for 8 bytes', () => {
  expect(fragments({ payload: pattern(100) }, 27)).toMatchObject({ wanted: 0, made: [] });
});

it('cuts nothing when there would be more pieces than there is room for', () => {
  expect(fragments({ payload: pattern(992) }, 120, 64, 9).wanted).toBe(0);
  expect(fragments({ payload: pattern(992) }, 120, 64, 11).wanted).toBe(11);
});

it('cuts nothing of a fragment that reaches beyond the longest datagram', () => {
  const spec = { payload: pattern(1600), fragment: 8191 - 100 };
  expect(fragments(spec, 600).wanted).toBe(0);
  expect(fragments({ ...spec, payload: pattern(700) }, 600).wanted).toBe(2);
});

it('makes as many as there are heads for, and says how many there should be', () => {
  const { wanted, made } = fragments({ payload: pattern(992) }, 220, 4);
  expect(wanted).toBe(5);
  expect(made).toHaveLength(3);
});
