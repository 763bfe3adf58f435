import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Batch, Fate, Kind } from '../../src/frame/batch.ts';
import { HEAD_SIZE } from '../../src/frame/layout.ts';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { Column, Ledger } from '../../src/observe/ledger.ts';
import { Emit } from '../../src/path/emit.ts';
import type { BridgeImage } from '../../src/path/image.ts';
import { OffloadCheck } from '../../src/path/offload.ts';
import { Outputs } from '../../src/path/outputs.ts';
import { Parse } from '../../src/path/parse.ts';
import { poolOf, pushFrame } from '../support/frames.ts';
import { packet, pattern } from '../support/packets.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** A frame that was sound once, with some bytes overwritten, and a virtio-net header that lies a little or much. */
const hostile = fc.record({
  version: fc.constantFrom<4 | 6>(4, 6),
  protocol: fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
  tags: fc.integer({ min: 0, max: 3 }),
  tcpOptions: fc.integer({ min: 0, max: 10 }),
  fragment: fc.constantFrom(0, 0, 0, 0, 0, 0x2000, 0x4000, 0x3fff),
  length: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 64000 })),
  headSplit: fc.constantFrom(undefined, undefined, undefined, 20, 50, 54, 90, 100, 200),
  writes: fc.array(fc.tuple(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
  cut: fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 120 }) },
  ),
  /** -1: the one that fits. */
  gsoType: fc.constantFrom(0, 0, -1, -1, -1, -1, 1, 3, 4, 5, 9),
  gsoSize: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 65535 })),
  ecn: fc.constantFrom(false, false, false, true),
  start: fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -60, max: 65535 }) },
  ),
  offset: fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -16, max: 65519 }) },
  ),
  partial: fc.boolean(),
  limit: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2000 })),
});

it(`whatever comes in, what leaves lies in its own slots, books balance and slots come back; seed ${seed}`, () => {
  const heads = 128;
  const pool = poolOf(heads, 2);
  const ledger = new Ledger(1);
  const queues = [new TxQueue(100), new TxQueue(100)];
  const devices = { count: 2, offloads: Int32Array.of(31, 0), linkUp: Int32Array.of(1, 1), queues };
  const emit = new Emit(pool, ledger, devices, { device: Int32Array.of(0, 1) } as unknown as BridgeImage, 0);
  const parse = new Parse(pool);
  const check = new OffloadCheck(pool);
  const outputs = new Outputs(2);
  const survivors = [0, 0, 0];
  const property = fc.property(hostile, (wild) => {
    const { version, protocol, fragment, gsoSize, ecn, limit } = wild;
    const tags = Array.from({ length: wild.tags }, (_, k) => ({ tpid: k === 0 ? 0x88a8 : 0x8100, tci: 10 + k }));
    const tcpOptions = new Uint8Array(wild.tcpOptions * 4).fill(1);
    const built = packet({
      version,
      protocol,
      tags,
      tcpOptions,
      fragment,
      payload: pattern(wild.length),
      partial: true,
    });
    const bytes = wild.cut === undefined ? built.bytes : built.bytes.slice(0, wild.cut);
    for (const [at, value] of wild.writes) if (at < bytes.length) bytes[at] = value;
    const csumStart = Math.max(0, built.l4 + wild.start);
    const csumOffset = Math.max(0, built.csumOffset + wild.offset);
    const fitting = protocol === 'udp' ? 5 : version === 4 ? 1 : 4;
    const gsoType = wild.gsoType < 0 ? fitting : wild.gsoType;
    const vnet = { gsoType, gsoSize, ecn, ...(wild.partial || gsoType !== 0 ? { csumStart, csumOffset } : {}) };
    const batch = new Batch(1);
    pushFrame(batch, pool, bytes, wild.headSplit === undefined ? { vnet } : { vnet, headSplit: wild.headSplit });
    ledger.add(0, Column.Received, 1);
    parse.run(batch);
    check.run(batch);
    const { head, start, headLength, body, bodyStart, bodyLength } = batch;
    if (batch.fate[0] !== Fate.Live) {
      ledger.drop(0, batch.reason[0]);
      pool.release(head[0]);
      pool.release(body[0]);
    } else {
      survivors[batch.gsoType[0] !== 0 ? 2 : batch.csumStart[0] >= 0 ? 1 : 0]++;
      // As the router does, which has seen that the packet may be fragmented.
      if (batch.kind[0] === Kind.Ipv4 && batch.ipLength[0] > 0) batch.limit[0] = limit;
      pool.retain(head[0]);
      if (body[0] >= 0) pool.retain(body[0]);
      ledger.add(0, Column.Cloned, 1);
      for (const o of [0, 1]) {
        outputs.frame[o] = 0;
        outputs.port[o] = o;
        outputs.head[o] = head[0];
        outputs.start[o] = start[0];
        outputs.headLength[o] = headLength[0];
      }
      outputs.count = 2;
      emit.run(batch, outputs);
    }
    for (const queue of queues) {
      for (let k = 0; k < queue.count; k++) {
        const slot = pool.position(queue.head[k]);
        expect(queue.start[k] - 10).toBeGreaterThanOrEqual(slot);
        expect(queue.start[k] + queue.headLength[k]).toBeLessThanOrEqual(slot + HEAD_SIZE);
        if (queue.body[k] >= 0) {
          expect(queue.body[k]).toBe(body[0]);
          expect(queue.bodyStart[k]).toBeGreaterThanOrEqual(bodyStart[0]);
          expect(queue.bodyStart[k] + queue.bodyLength[k]).toBeLessThanOrEqual(bodyStart[0] + bodyLength[0]);
        }
        pool.release(queue.head[k]);
        pool.release(queue.body[k]);
      }
      queue.count = 0;
    }
    expect(ledger.imbalance(0)).toBe(0);
    expect(pool.audit()).toMatchObject({ freeHeads: heads, freeBodies: 2 });
  });
  fc.assert(property, { seed, numRuns: 3000 });
  // Enough of each kind must have got through for this to say anything.
  for (const count of survivors) expect(count).toBeGreaterThan(50);
});
