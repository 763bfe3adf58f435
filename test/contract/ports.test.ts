import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signalEventfd } from '../../native-free/eventfd.ts';
import { Fate } from '../../src/frame/batch.ts';
import { HEAD_ROOM } from '../../src/frame/layout.ts';
import { Drop } from '../../src/observe/drop.ts';
import { IoStat } from '../../src/port/io.ts';
import {
  bytesOf,
  enqueue,
  type Kind,
  kinds,
  numbered,
  type Rig,
  receive,
  superFrame,
  sweep,
  transmit,
  type Wire,
} from './ports.ts';

beforeAll(sweep);

/** Lengths around what a head holds, and the usual ones. */
const LENGTHS = [60, 61, 64, 100, 590, 1514, 1518, HEAD_ROOM - 1, HEAD_ROOM, HEAD_ROOM + 1, 4000, 9014];

function frames(count: number, lengths: readonly number[] = LENGTHS): Wire[] {
  return Array.from({ length: count }, (_, n) => numbered(n, lengths[n % lengths.length]));
}

describe.each(kinds)('a port: $name', (kind: Kind) => {
  const rigs: Rig[] = [];
  const open = (input: readonly Wire[] = [], heads?: number): Rig => {
    const rig = kind.open(input, heads);
    rigs.push(rig);
    return rig;
  };
  const free = ({ pool }: Rig) => {
    const { usedHeads, usedBodies, freeHeads, freeBodies, heads, bodies } = pool.audit();
    expect({ usedHeads, usedBodies, freeHeads, freeBodies }).toEqual({
      usedHeads: 0,
      usedBodies: 0,
      freeHeads: heads,
      freeBodies: bodies,
    });
    expect([...pool.held]).toEqual([0, 0, 0, 0]);
  };
  const release = ({ pool, batch }: Rig) => {
    for (let i = 0; i < batch.count; i++) {
      pool.release(batch.head[i]);
      pool.release(batch.body[i]);
    }
    batch.count = 0;
  };
  /** Fills the queue with references to one frame. */
  const flood = (rig: Rig, count: number, length = 64) => {
    const { pool, queue } = rig;
    const head = pool.takeHead(2);
    const start = pool.frameStart(head);
    pool.octets.fill(0, start - 10, start);
    pool.octets.set(numbered(7, length).frame, start);
    for (let i = 0; i < count; i++) {
      if (i > 0) pool.retain(head);
      queue.push(head, start, length, -1, 0, 0, 2, i, 0);
    }
  };

  afterEach(() => {
    for (const rig of rigs.splice(0)) rig.close();
  });

  afterAll(() => kind.end());

  it('hands frames over in order, whole, and gives each its slots', () => {
    const input = frames(72);
    const rig = open(input);
    receive(rig, input.length);
    const { batch, pool } = rig;
    expect(batch.count).toBe(input.length);
    for (let i = 0; i < input.length; i++) {
      expect(batch.fate[i]).toBe(Fate.Live);
      expect(batch.csumStart[i]).toBe(-1);
      expect(batch.body[i] >= 0).toBe(input[i].frame.length > HEAD_ROOM);
      expect(bytesOf(pool, batch, i)).toEqual(input[i].frame);
    }
    expect(pool.held[1]).toBe(input.length);
    release(rig);
    free(rig);
  });

  it('writes what it has read, in order, and reports each frame once', () => {
    const input = frames(120);
    const rig = open(input);
    receive(rig, input.length);
    enqueue(rig);
    const out = transmit(rig);
    expect(out.map(({ frame }) => frame)).toEqual(input.map(({ frame }) => frame));
    expect(rig.books.lostFor).toEqual([]);
    expect(rig.books.sentTo).toEqual(input.map(({ frame }) => ({ tenant: 1, row: 2, port: 3, bytes: frame.length })));
    free(rig);
  });

  if (kind.live) {
    it('keeps frames in order while they come and go at once, long ones among them', () => {
      const rig = open();
      const { port, queue } = rig;
      const wires = frames(2520, [64, 64, 1500, 9000, 61, 3000, 64]);
      const out: Wire[] = [];
      let sent = 0;
      for (let round = 0; out.length < wires.length && round < 2000; round++) {
        for (let i = 0; i < 17 + (round % 20) && sent < wires.length && sent - out.length < 300; i++)
          rig.send(wires[sent++]);
        port.request(64, 1);
        rig.turn();
        port.receive(rig.batch, 40);
        enqueue(rig);
        queue.shift(port.transmit(queue));
        out.push(...rig.collect());
      }
      expect(out.map(({ frame }) => frame[14] * 256 + frame[15])).toEqual(wires.map((_, n) => n));
      for (const [n, { frame }] of out.entries()) expect(Buffer.compare(frame, wires[n].frame)).toBe(0);
      free(rig);
    });
  }

  it('leaves the backlog where it is without credit, and takes no more than was asked for', () => {
    const rig = open(frames(30, [64]));
    const { port, batch } = rig;
    for (let i = 0; i < 5; i++) {
      port.request(0, 1);
      rig.turn();
      expect(port.pending).toBe(false);
      expect(port.receive(batch, 64)).toBe(0);
    }
    let most = 0;
    for (let i = 0; i < 5; i++) {
      port.request(3, 1);
      rig.turn();
      most = Math.max(most, port.receive(batch, 64));
    }
    expect(most).toBe(3);
    receive(rig, 30);
    expect(batch.count).toBe(30);
    for (let i = 0; i < 30; i++) expect(bytesOf(rig.pool, batch, i)).toEqual(numbered(i, 64).frame);
    release(rig);
    free(rig);
  });

  it('keeps for later what the batch does not take', () => {
    const rig = open(frames(12, [64]));
    const { port, batch, pool } = rig;
    const seen: number[] = [];
    for (let i = 0; i < 40 && seen.length < 12; i++) {
      port.request(8, 1);
      rig.turn();
      port.receive(batch, 1);
      for (let k = 0; k < batch.count; k++) seen.push(pool.octets[batch.start[k] + 15]);
      release(rig);
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    port.close();
    free(rig);
  });

  it('waits for slots, and loses nothing meanwhile', () => {
    const rig = open(frames(20, [64]), 4);
    const seen: number[] = [];
    for (let i = 0; i < 40 && seen.length < 20; i++) {
      receive(rig, 20);
      expect(rig.batch.count).toBeLessThanOrEqual(4);
      for (let k = 0; k < rig.batch.count; k++) seen.push(rig.pool.octets[rig.batch.start[k] + 15]);
      release(rig);
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i));
    free(rig);
  });

  it('writes one head many times, and lets go of it once a write', () => {
    const rig = open();
    flood(rig, 900);
    const out = transmit(rig);
    expect(out.length).toBe(900);
    for (const { frame } of out) expect(frame).toEqual(numbered(7, 64).frame);
    expect(rig.books.sentTo.map(({ row }) => row)).toEqual(Array.from({ length: 900 }, (_, i) => i));
    free(rig);
  });

  it('leaves in the queue what it does not take', () => {
    const rig = open();
    flood(rig, 3000, 1500);
    const { queue, port, books, pool } = rig;
    const taken = port.transmit(queue);
    expect(queue.count).toBe(3000);
    queue.shift(taken);
    for (let i = 0; i < 10; i++) {
      port.request(0, 1);
      rig.turn();
    }
    expect(books.count).toBe(taken);
    expect(pool.refs(queue.head[0])).toBe(3000 - taken);
    transmit(rig);
    expect(books.count).toBe(3000);
    expect([...books.sentTo, ...books.lostFor].length).toBe(3000);
    free(rig);
  });

  it('writes a head and a part of a body that several frames share', () => {
    const rig = open();
    const { pool, queue } = rig;
    const body = pool.takeBody();
    const bodyAt = pool.position(body);
    for (let i = 0; i < 4000; i++) pool.octets[bodyAt + i] = i & 255;
    for (let n = 0; n < 4; n++) {
      if (n > 0) pool.retain(body);
      const head = pool.takeHead(0);
      const start = pool.frameStart(head) - 4 * n;
      pool.octets.fill(0, start - 10, start);
      pool.octets.set(numbered(n, 54).frame, start);
      queue.push(head, start, 54, body, bodyAt + 1000 * n, 1000, 0, 0, 0);
    }
    const out = transmit(rig);
    expect(out.length).toBe(4);
    for (let n = 0; n < 4; n++) {
      expect(out[n].frame.subarray(0, 54)).toEqual(numbered(n, 54).frame);
      expect(out[n].frame.subarray(54)).toEqual(Uint8Array.from({ length: 1000 }, (_, i) => (1000 * n + i) & 255));
    }
    free(rig);
  });

  it('gives every slot back when it is closed with frames under way', () => {
    const rig = open(frames(40, [64, 3000]));
    const { port, books, queue } = rig;
    port.request(64, 1);
    rig.turn();
    port.request(64, 1);
    flood(rig, 50);
    queue.shift(port.transmit(queue));
    for (let i = 0; i < 20 && !port.close(); i++) rig.turn();
    expect(port.close()).toBe(true);
    expect(queue.count).toBe(0);
    expect(books.count).toBe(50);
    free(rig);
    rig.turn();
    expect(books.count).toBe(50);
  });

  if (kind.superFrames) {
    it('passes super-frames and what is still to be done to them', () => {
      const input = [numbered(0, 60), superFrame(30_000), superFrame(2_896), numbered(1, 60)];
      const rig = open(input);
      receive(rig, 4);
      const { batch } = rig;
      expect(batch.count).toBe(4);
      for (let i = 0; i < 4; i++) expect(bytesOf(rig.pool, batch, i)).toEqual(new Uint8Array(input[i].frame));
      for (const i of [1, 2]) {
        expect([batch.gsoType[i], batch.gsoEcn[i], batch.gsoSize[i]]).toEqual([1, 0, 1448]);
        expect([batch.csumStart[i] - batch.start[i], batch.csumOffset[i]]).toEqual([34, 16]);
      }
      expect([batch.gsoType[3], batch.gsoSize[3], batch.csumStart[3]]).toEqual([0, 0, -1]);
      enqueue(rig);
      const out = transmit(rig);
      expect(out.map(({ frame }) => frame.length)).toEqual(input.map(({ frame }) => frame.length));
      for (let i = 0; i < 4; i++) expect(out[i].frame).toEqual(new Uint8Array(input[i].frame));
      expect([...out[1].vnet.subarray(0, 2)]).toEqual([1, 1]);
      expect([...out[1].vnet.subarray(4)]).toEqual([...input[1].vnet.subarray(4)]);
      free(rig);
    });
  }

  it('brings nothing more when nothing more has come', () => {
    const rig = open(frames(5, [64]));
    receive(rig, 5);
    for (let i = 0; i < 3; i++) {
      rig.port.request(64, 1);
      rig.turn();
    }
    expect(rig.batch.count).toBe(5);
    expect(rig.port.pending).toBe(false);
    release(rig);
    free(rig);
  });

  if (!kind.real) {
    it('takes frames shorter than any header, and without a byte where there are any', () => {
      const input = [kind.anyLength ? 0 : 2, 1, 5, 13, 14].map((length) => numbered(3, length));
      const rig = open(input);
      receive(rig, 5);
      for (let i = 0; i < 5; i++) expect(bytesOf(rig.pool, rig.batch, i)).toEqual(input[i].frame);
      enqueue(rig);
      expect(transmit(rig).map(({ frame }) => frame)).toEqual(input.map(({ frame }) => frame));
      free(rig);
    });

    if (!kind.anyLength) return;

    it('drops as truncated what is longer than slots', () => {
      const rig = open([numbered(0, 60), numbered(1, 70_000), numbered(2, 60)]);
      receive(rig, 3);
      const { batch } = rig;
      expect([...batch.fate.subarray(0, 3)]).toEqual([Fate.Live, Fate.Dropped, Fate.Live]);
      expect(batch.reason[1]).toBe(Drop.Truncated);
      release(rig);
      free(rig);
    });
    return;
  }

  it('counts as lost what the kernel refuses', () => {
    const rig = open();
    for (const length of [0, 1, 13]) flood(rig, 1, length);
    flood(rig, 1);
    expect(transmit(rig).length).toBe(1);
    expect(rig.books.lostFor.map(({ reason }) => reason)).toEqual([Drop.TxError, Drop.TxError, Drop.TxError]);
    free(rig);
  });

  it('may be down for a while', () => {
    const rig = open();
    rig.device?.link(false);
    flood(rig, 3);
    expect(transmit(rig)).toEqual([]);
    expect(rig.books.lostFor.map(({ reason }) => reason)).toEqual([Drop.LinkDown, Drop.LinkDown, Drop.LinkDown]);
    expect(rig.port.gone).toBe(false);
    rig.device?.link(true);
    flood(rig, 3);
    expect(transmit(rig).length).toBe(3);
    free(rig);
  });

  it('notices that its device is gone, loses what is sent, and does not spin', () => {
    const rig = open(frames(10, [64]));
    const { port, books } = rig;
    const device = rig.device!;
    const { io } = device;
    port.request(4, 1);
    rig.turn();
    flood(rig, 5);
    device.vanish();
    for (let i = 0; i < 10; i++) {
      port.request(64, 1);
      rig.turn();
      port.receive(rig.batch, 64);
    }
    expect(port.gone).toBe(true);
    rig.queue.shift(port.transmit(rig.queue));
    rig.turn();
    expect(books.lostFor.map(({ reason }) => reason)).toEqual(Array(5).fill(Drop.TxError));
    const { stats } = io;
    const before = [stats[IoStat.Turns], stats[IoStat.Waits]];
    for (let i = 0; i < 5; i++) {
      port.request(64, 1);
      rig.turn();
    }
    expect([stats[IoStat.Turns] - before[0], stats[IoStat.Waits] - before[1]]).toEqual([5, 5]);
    release(rig);
    expect(port.close()).toBe(true);
    free(rig);
  });

  it('can be closed and opened again and again', () => {
    const rig = open();
    let { port } = rig;
    for (let i = 0; i < 300; i++) {
      port.request(8, 1);
      if (i % 7 === 0) rig.turn();
      for (let k = 0; k < 10 && !port.close(); k++) rig.turn();
      port = rig.device!.reopen();
    }
    flood({ ...rig, port }, 2);
    expect(transmit({ ...rig, port }).length).toBe(2);
    free(rig);
  });

  it('ends its wait when it is woken', () => {
    const { io } = open().device!;
    for (let i = 0; i < 3; i++) {
      signalEventfd(io.wakeFd);
      for (let k = 0; k < 3 && io.stats[IoStat.Wakes] === i; k++) io.turn(1000);
      expect(io.stats[IoStat.Wakes]).toBe(i + 1);
    }
  });
});
