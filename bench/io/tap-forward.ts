/**
 * Two TAPs joined by nothing but src/port: what reading and writing alone can do, beside the C program of the same design.
 *   tap-forward.ts A B SECONDS        prints frames, frames a turn, bytes allocated a turn
 */
import { openTap } from '../../native-free/tap.ts';
import { Batch, Fate } from '../../src/frame/batch.ts';
import { Pool } from '../../src/frame/pool.ts';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { IoStat } from '../../src/port/io.ts';
import { openIo } from '../../src/port/open-io.ts';
import type { Port, TxSink } from '../../src/port/port.ts';

const [first = 'ta', second = 'tb', seconds = '10'] = process.argv.slice(2);

class Count implements TxSink {
  sentFrames = 0;
  lostFrames = 0;
  sent(_tenant: number, _row: number, _port: number, frames: number): void {
    this.sentFrames += frames;
  }
  cloned(): void {}
  lost(): void {
    this.lostFrames++;
  }
}

const pool = new Pool(512, 160, 1);
const sink = new Count();
const io = openIo(pool, sink);
const taps = [first, second].map((name) => openTap({ name }));
const ports: Port[] = taps.map((tap) => io.openTap(tap.fds[0], tap.name, 0, 'tap'));
const queues = ports.map(() => new TxQueue(256));
const batch = new Batch();

function forward(from: Port, to: Port, queue: TxQueue): number {
  batch.count = 0;
  const count = from.receive(batch, batch.capacity);
  for (let i = 0; i < count; i++) {
    const head = batch.head[i];
    const body = batch.body[i];
    if (
      batch.fate[i] !== Fate.Live ||
      !queue.push(head, batch.start[i], batch.headLength[i], body, batch.bodyStart[i], batch.bodyLength[i], 0, 0, 0)
    ) {
      pool.release(head);
      pool.release(body);
    }
  }
  queue.shift(to.transmit(queue));
  return count;
}

function turn(): void {
  ports[0].request(64, 0);
  ports[1].request(64, 0);
  if (io.turn(50) === 0) return;
  forward(ports[0], ports[1], queues[1]);
  forward(ports[1], ports[0], queues[0]);
}

const end = performance.now() + Number(seconds) * 1000;
let bytes = 0;
let measured = 0;
while (performance.now() < end) {
  // Only stretches without a collection in them count.
  const before = process.memoryUsage().heapUsed;
  const turns = io.stats[IoStat.Turns];
  for (let i = 0; i < 2000 && performance.now() < end; i++) turn();
  const grown = process.memoryUsage().heapUsed - before;
  if (grown > 0) {
    bytes += grown;
    measured += io.stats[IoStat.Turns] - turns;
  }
}
const { stats } = io;
console.log(
  `${stats[IoStat.Reads]} frames, ${(stats[IoStat.Reads] / stats[IoStat.Turns]).toFixed(1)} a turn, ` +
    `${stats[IoStat.EmptyReads]} empty reads, ${stats[IoStat.Waits]} waits, ${sink.lostFrames} lost, ` +
    `${(bytes / measured).toFixed(0)} bytes a turn, ${io.mode}`,
);
io.close();
for (const tap of taps) tap.close();
