import { afterEach, expect, it } from 'vitest';
import { SocketPair } from '../../native-free/socket-pair.ts';
import { Pool } from '../../src/frame/pool.ts';
import { IoStat } from '../../src/port/io.ts';
import { UringIo } from '../../src/port/uring-io.ts';

const TURNS = 20;
const nothing = () => {};
const sink = { sent: nothing, lost: nothing, cloned: nothing, lent: nothing } as unknown as ConstructorParameters<
  typeof UringIo
>[1];

let opened: { io: UringIo; pair: SocketPair } | undefined;
afterEach(() => {
  opened?.io.close();
  opened?.pair.close();
  opened = undefined;
});

/** A port behind a socket that looks like a TAP; turns that may wait for a millisecond. */
function open() {
  const pool = new Pool(64, 16, 2);
  const io = new UringIo(pool, sink);
  const pair = new SocketPair();
  opened = { io, pair };
  const port = io.openTap(pair.near, 'quiet', 0, 'tap');
  const turns = (count: number) => {
    for (let i = 0; i < count; i++) {
      port.request(16, 1);
      io.turn(1);
    }
  };
  return { pool, io, pair, port, turns };
}

it('a quiet port leaves one read with the kernel, and is asked for nothing else', () => {
  const { pool, io, pair, port, turns } = open();
  turns(TURNS);
  expect(pool.lent).toBe(1);
  const { [IoStat.EmptyReads]: empty } = io.stats;
  turns(TURNS);
  expect(io.stats[IoStat.EmptyReads]).toBe(empty);
  pair.send(new Uint8Array(60));
  turns(1);
  expect(port.pending).toBe(true);
  expect([pool.lent, pool.held[1]]).toEqual([0, 1]);
});
