import { describe, expect, it } from 'vitest';
import {
  type Fragment,
  REASSEMBLY_MS,
  REASSEMBLY_PIECES,
  REASSEMBLY_QUEUES,
  Reassembly,
} from '../../src/slow/reassembly.ts';

/** Header of 34 bytes, then bytes that count up from the offset. */
function piece(
  offset: number,
  length: number,
  more: boolean,
  settings: { key?: string; fill?: number } = {},
): Fragment {
  const bytes = new Uint8Array(34 + length).map((_, i) => (settings.fill ?? i - 34 + offset) & 0xff);
  const from = {
    kind: 3 as const,
    worker: 0,
    port: 0,
    vlan: 10,
    interface: 0,
    argument: 0,
    address: [0, 0, 0, 0],
    frameLength: bytes.length,
    frame: bytes,
  };
  return { key: settings.key ?? 'a', offset, more, from, start: 34, end: bytes.length };
}

describe('reassembly', () => {
  it('gives the payload in order, the first fragment, and the longest frame', () => {
    const reassembly = new Reassembly();
    expect(reassembly.add(piece(16, 5, false), 0)).toBeNull();
    expect(reassembly.add(piece(8, 8, true), 0)).toBeNull();
    const whole = reassembly.add(piece(0, 8, true), 0);
    expect([...(whole?.payload ?? [])]).toEqual(Array.from({ length: 21 }, (_, i) => i));
    expect(whole?.first.frame.length).toBe(42);
    expect(whole?.longest).toBe(42);
    expect(reassembly.size).toBe(0);
  });

  it('ignores an exact duplicate', () => {
    const reassembly = new Reassembly();
    reassembly.add(piece(0, 8, true), 0);
    reassembly.add(piece(0, 8, true), 0);
    expect(reassembly.add(piece(8, 8, false), 0)).not.toBeNull();
  });

  it.each([
    ['other bytes at the same place', piece(0, 16, true, { fill: 9 })],
    ['a fragment that begins inside another', piece(8, 16, true)],
    ['a fragment that covers another', piece(0, 32, true)],
    ['a second last fragment', piece(40, 8, false)],
    ['a fragment behind the last', piece(40, 8, true)],
  ])('ends with %s, and stays ended', (_, wrong) => {
    const reassembly = new Reassembly();
    reassembly.add(piece(0, 16, true), 0);
    reassembly.add(piece(24, 8, false), 0);
    expect(reassembly.add(wrong, 0)).toBeNull();
    expect(reassembly.add(piece(16, 8, true), 0)).toBeNull();
    expect(reassembly.size).toBe(1);
    expect(reassembly.expire(REASSEMBLY_MS)).toEqual([null]);
  });

  it('ends when the last fragment comes to lie before what is there', () => {
    const reassembly = new Reassembly();
    reassembly.add(piece(0, 8, true), 0);
    reassembly.add(piece(16, 8, true), 0);
    expect(reassembly.add(piece(8, 4, false), 0)).toBeNull();
    expect(reassembly.add(piece(24, 8, false), 0)).toBeNull();
  });

  it('wants multiples of eight bytes but at the end, and nothing beyond 65,535', () => {
    const reassembly = new Reassembly();
    reassembly.add(piece(0, 7, true), 0);
    reassembly.add(piece(0, 0, false), 0);
    reassembly.add(piece(65_528, 8, false), 0);
    expect(reassembly.size).toBe(0);
  });

  it('has room for 64 datagrams: one more drives the oldest out', () => {
    const reassembly = new Reassembly();
    for (let i = 0; i <= REASSEMBLY_QUEUES; i++) reassembly.add(piece(0, 8, true, { key: `${i}` }), i);
    expect(reassembly.size).toBe(REASSEMBLY_QUEUES);
    expect(reassembly.add(piece(8, 8, false, { key: '1' }), 100)).not.toBeNull();
    expect(reassembly.add(piece(8, 8, false, { key: '0' }), 100)).toBeNull();
  });

  it('takes a bounded number of fragments of one datagram', () => {
    const reassembly = new Reassembly();
    for (let i = 0; i <= REASSEMBLY_PIECES; i++) reassembly.add(piece(16 * i, 8, true), 0);
    expect(reassembly.expire(REASSEMBLY_MS)).toEqual([null]);
  });

  it('gives datagrams up in time, each with its first fragment', () => {
    const reassembly = new Reassembly();
    expect(reassembly.next).toBe(Number.POSITIVE_INFINITY);
    reassembly.add(piece(0, 8, true, { key: 'a' }), 5);
    reassembly.add(piece(8, 8, true, { key: 'b' }), 6);
    expect(reassembly.next).toBe(5 + REASSEMBLY_MS);
    expect(reassembly.expire(4 + REASSEMBLY_MS)).toEqual([]);
    expect(reassembly.expire(5 + REASSEMBLY_MS)).toHaveLength(1);
    expect(reassembly.expire(6 + REASSEMBLY_MS)).toEqual([null]);
  });
});
