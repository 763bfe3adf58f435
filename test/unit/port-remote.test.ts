import { describe, expect, it } from 'vitest';
import { HEAD_ROOM } from '../../src/frame/layout.ts';
import { Pool } from '../../src/frame/pool.ts';
import { Ring } from '../../src/frame/ring.ts';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { RemoteInbox, RemotePort } from '../../src/port/remote-port.ts';

const LENGTHS = [0, 60, 1514, HEAD_ROOM, HEAD_ROOM + 1, 40_000];

/** Two workers and a device that the second owns. */
function pair(heads = 16, capacity = 1 << 18) {
  const ring = Ring.create(capacity);
  const from = new Pool(4096, 8, 3);
  const to = new Pool(heads, 4, 3);
  const books = { lent: 0, borrowed: 0 };
  const lending = { lent: () => void books.lent++, borrowed: () => void books.borrowed++ };
  const port = new RemotePort('eth1', ring.memory, -1, from, lending);
  return { from, to, books, port, inbox: new RemoteInbox(ring.memory, to, lending) };
}

function push(pool: Pool, queue: TxQueue, n: number, length: number): void {
  const head = pool.takeHead(2);
  const start = pool.frameStart(head);
  const first = Math.min(length, HEAD_ROOM);
  const body = length > first ? pool.takeBody() : -1;
  const bodyStart = body < 0 ? 0 : pool.position(body);
  for (let i = 0; i < 10; i++) pool.octets[start - 10 + i] = n + i;
  for (let i = 0; i < first; i++) pool.octets[start + i] = n + i * 3;
  for (let i = first; i < length; i++) pool.octets[bodyStart + i - first] = n + i * 3;
  queue.push(head, start, first, body, bodyStart, length - first, 2, n, n + 1);
}

describe('a port of another worker', () => {
  it('carries frames, their virtio-net headers and whose they are into the owner`s pool', () => {
    const { from, to, books, port, inbox } = pair();
    const queue = new TxQueue(16);
    for (const [n, length] of LENGTHS.entries()) push(from, queue, n, length);
    expect(inbox.pending).toBe(false);
    expect(port.transmit(queue)).toBe(LENGTHS.length);
    expect(from.audit()).toMatchObject({ usedHeads: 0, usedBodies: 0 });
    expect(inbox.pending).toBe(true);
    expect(books).toEqual({ lent: LENGTHS.length, borrowed: 0 });
    const out = new TxQueue(16);
    expect(inbox.drain(out)).toBe(LENGTHS.length);
    expect(to.held[2]).toBe(LENGTHS.length);
    expect(books).toEqual({ lent: LENGTHS.length, borrowed: LENGTHS.length });
    for (const [n, length] of LENGTHS.entries()) {
      expect([out.tenant[n], out.row[n], out.port[n]]).toEqual([2, n, n + 1]);
      expect(out.headLength[n] + out.bodyLength[n]).toBe(length);
      const head = to.octets.slice(out.start[n] - 10, out.start[n] + out.headLength[n]);
      const body = to.octets.slice(out.bodyStart[n], out.bodyStart[n] + out.bodyLength[n]);
      const vnet = Array.from({ length: 10 }, (_, i) => (n + i) & 255);
      const bytes = Array.from({ length }, (_, i) => (n + i * 3) & 255);
      expect(Buffer.concat([head, body]).equals(Buffer.from([...vnet, ...bytes]))).toBe(true);
      to.release(out.head[n]);
      to.release(out.body[n]);
    }
    expect(to.audit()).toMatchObject({ usedHeads: 0, usedBodies: 0 });
  });

  it('leaves frames in the ring when the owner has no slot or no room, and in the queue when the ring is full', () => {
    const { from, to, port, inbox } = pair(8, 1 << 12);
    const queue = new TxQueue(64);
    for (let n = 0; n < 64; n++) push(from, queue, n, 100);
    const out = new TxQueue(5);
    const seen: number[] = [];
    let rounds = 0;
    for (; seen.length < 64 && rounds < 100; rounds++) {
      queue.shift(port.transmit(queue));
      expect(from.audit().usedHeads).toBe(queue.count);
      expect(inbox.drain(out)).toBeLessThanOrEqual(5);
      for (let i = 0; i < out.count; i++) {
        seen.push(out.row[i]);
        to.release(out.head[i]);
      }
      out.count = 0;
    }
    expect(rounds).toBeGreaterThan(10);
    expect(seen).toEqual(Array.from({ length: 64 }, (_, n) => n));
    const held = Array.from({ length: 8 }, () => to.takeHead(0));
    push(from, queue, 1, 100);
    queue.shift(port.transmit(queue));
    expect(inbox.drain(out)).toBe(0);
    to.release(held[0]);
    expect(inbox.drain(out)).toBe(1);
  });
});
