import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { HEAD_ROOM } from '../../src/frame/layout.ts';
import { Drop } from '../../src/observe/drop.ts';
import { LONGEST_STREAMED } from '../../src/port/stream-reader.ts';
import { bytesOf, numbered, openQemu } from '../contract/ports.ts';
import { framed, StreamEnd } from '../contract/stream-end.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0).reverse()) one.close();
});

function rig(mode: 'uring' | 'poll') {
  const made = openQemu(mode);
  opened.push(made);
  const { port, io, clock, batch, pool, queue } = made;
  /** Rounds of the worker's loop; what comes is appended to the batch. */
  const turn = (rounds = 3) => {
    for (let i = 0; i < rounds; i++) {
      clock.us += 1000;
      port.request(256, 1);
      io.turn(2);
      port.request(256, 1);
      port.receive(batch, 256);
    }
  };
  const connect = () => {
    const end = StreamEnd.connect(made.path);
    opened.push(end);
    turn();
    return end;
  };
  /** What the batch holds, which is empty then. */
  const received = () => {
    const frames = Array.from({ length: batch.count }, (_, i) => bytesOf(pool, batch, i));
    for (let i = 0; i < batch.count; i++) {
      pool.release(batch.head[i]);
      pool.release(batch.body[i]);
    }
    batch.count = 0;
    return frames;
  };
  /** Hands numbered frames to the port. @returns how many it took */
  const put = (count: number, length: number, first = 0) => {
    for (let n = first; n < first + count; n++) {
      const head = pool.takeHead(2);
      pool.octets.set(numbered(n, length).frame, pool.frameStart(head));
      queue.push(head, pool.frameStart(head), length, -1, 0, 0, 2, n, 3);
    }
    const taken = port.transmit(queue);
    for (let i = taken; i < queue.count; i++) pool.release(queue.head[i]);
    queue.count = 0;
    return taken;
  };
  const isFree = () => expect(pool.audit()).toMatchObject({ usedHeads: 0, usedBodies: 0 });
  return { ...made, turn, connect, received, put, isFree };
}

describe.each(['uring', 'poll'] as const)('a qemu port, by %s', (mode) => {
  it('reads the same frames wherever the stream is cut', () => {
    const frames = [1, 60, 300, 5, 61].map((length, n) => numbered(n, length).frame);
    const stream = Buffer.concat(frames.map(framed));
    const { connect, turn, received, news, isFree } = rig(mode);
    const end = connect();
    for (let cut = 0; cut <= stream.length; cut++) {
      end.sendBytes(stream.subarray(0, cut));
      turn(1);
      end.sendBytes(stream.subarray(cut));
      turn(1);
      expect(received()).toEqual(frames);
    }
    expect(news).toEqual(['connected']);
    isFree();
  });

  it(`reads frames of all lengths in pieces of any size (TAPYARD_SEED=${seed})`, () => {
    const { connect, turn, received, isFree } = rig(mode);
    const end = connect();
    const length = fc.oneof(fc.integer({ min: 1, max: HEAD_ROOM + 2 }), fc.integer({ min: 1, max: LONGEST_STREAMED }));
    const property = fc.property(
      fc.array(length, { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 8 }),
      (lengths, pieces) => {
        const frames = lengths.map((bytes, n) => numbered(n, bytes).frame);
        const stream = Buffer.concat(frames.map(framed));
        const seen: Uint8Array[] = [];
        for (let at = 0, k = 0; at < stream.length; k++) {
          const piece = pieces[k % pieces.length] + (k >= 64 ? stream.length : 0);
          end.sendBytes(stream.subarray(at, at + piece));
          at += piece;
          turn(1);
          seen.push(...received());
        }
        for (let dry = 0; seen.length < frames.length && dry < 50; dry++) {
          end.push();
          turn(1);
          seen.push(...received());
        }
        expect(seen.length).toBe(frames.length);
        for (const [n, frame] of frames.entries()) expect(Buffer.compare(seen[n], frame)).toBe(0);
      },
    );
    fc.assert(property, { seed, numRuns: 60 });
    isFree();
  });

  it.each([
    ['no length at all', Buffer.from([0, 0, 0, 0])],
    ['a length above the longest', Buffer.from([0, 1, 3, 0xbe])],
    ['a length that would be negative', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a good frame, then rubbish', Buffer.concat([framed(numbered(1, 60).frame), Buffer.from('GET / HTTP/1.1')])],
  ])('hangs up on a peer that sends %s', (_, bytes) => {
    const { connect, turn, received, news, isFree } = rig(mode);
    expect(LONGEST_STREAMED).toBe(0x103bd);
    const end = connect();
    end.sendBytes(bytes);
    turn();
    expect(received().length).toBe(bytes.length > 4 ? 1 : 0);
    expect(news).toEqual(['connected', 'bad-length']);
    end.receive();
    expect(end.closed).toBe(true);
    isFree();
  });

  it('counts as down until somebody connects, and again when he has gone', () => {
    const { port, path, connect, turn, put, books, news } = rig(mode);
    expect(put(2, 64)).toBe(2);
    expect(books.lostFor.map(({ reason }) => reason)).toEqual([Drop.LinkDown, Drop.LinkDown]);
    const end = connect();
    put(1, 64);
    expect(end.receive()).toEqual([numbered(0, 64).frame]);
    end.close();
    opened.pop();
    turn();
    put(1, 64);
    expect(books.lostFor.length).toBe(3);
    expect(news).toEqual(['connected', 'closed']);
    // Not at once: a peer that comes and goes makes no more than five connections a second.
    opened.push(StreamEnd.connect(path));
    turn();
    expect(news.length).toBe(2);
    expect(Number.isFinite(port.dueUs)).toBe(true);
    turn(250);
    expect(news).toEqual(['connected', 'closed', 'connected']);
  });

  it('turns a second peer away, and keeps the first', () => {
    const { connect, turn, put, news } = rig(mode);
    const first = connect();
    const second = connect();
    second.receive();
    expect(second.closed).toBe(true);
    for (let i = 0; i < 5; i++) connect();
    // However many there are, one piece of news a second.
    expect(news).toEqual(['connected', 'refused']);
    turn(1000);
    connect();
    expect(news).toEqual(['connected', 'refused', 'refused']);
    put(1, 64);
    expect(first.receive().length).toBe(1);
  });

  it('never leaves a frame half written, however little the peer reads', () => {
    const { port, clock, connect, turn, put, books, isFree } = rig(mode);
    const end = connect();
    let sent = 0;
    let refused = 0;
    for (let round = 0; round < 40; round++) {
      const taken = put(300, 1514, sent + refused);
      sent += taken;
      refused += 300 - taken;
    }
    // The last of them may have been begun alone: it is written to its end when there is room.
    expect(refused).toBeGreaterThan(0);
    expect(books.sentTo.length).toBeGreaterThanOrEqual(sent - 1);
    const before = clock.us;
    expect(port.dueUs === Number.POSITIVE_INFINITY || port.dueUs - before <= 16_000).toBe(true);
    let seen = 0;
    for (let round = 0; round < 100 && seen < sent; round++) {
      for (const frame of end.receive()) {
        expect(frame.length).toBe(1514);
        seen++;
      }
      turn(20);
    }
    expect([seen, end.partial]).toEqual([sent, 0]);
    expect(books.sentTo.length).toBe(sent);
    expect(books.lostFor).toEqual([]);
    isFree();
  });

  it('books a frame that was begun when its peer goes, or the port', () => {
    for (const how of ['peer', 'port'] as const) {
      const { port, connect, turn, put, books, isFree } = rig(mode);
      const end = connect();
      let taken = 0;
      while (books.count === taken && taken < 5000) {
        const now = put(64, 1514);
        taken += now;
        if (now === 0) break;
      }
      expect(taken - books.sentTo.length).toBe(1);
      if (how === 'peer') {
        end.close();
        opened.pop();
        turn();
      } else expect(port.close()).toBe(true);
      expect(books.lostFor.map(({ reason }) => reason)).toEqual([how === 'peer' ? Drop.TxError : Drop.PortClosed]);
      isFree();
    }
  });

  it('says that it cannot be sent what no stream can carry', () => {
    const { connect, put, books, isFree } = rig(mode);
    const end = connect();
    expect(put(1, 0)).toBe(1);
    put(1, 64);
    expect(end.receive().length).toBe(1);
    expect(books.lostFor.map(({ reason }) => reason)).toEqual([Drop.TxError]);
    isFree();
  });
});
