import { beforeEach, describe, expect, it } from 'vitest';
import { Batch, Fate } from '../../src/frame/batch.ts';
import type { Pool } from '../../src/frame/pool.ts';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { Drop } from '../../src/observe/drop.ts';
import { Column, Ledger } from '../../src/observe/ledger.ts';
import { Emit } from '../../src/path/emit.ts';
import type { BridgeImage } from '../../src/path/image.ts';
import { OffloadCheck } from '../../src/path/offload.ts';
import { Outputs } from '../../src/path/outputs.ts';
import { Parse } from '../../src/path/parse.ts';
import { Offload } from '../../src/port/port.ts';
import { pushTag } from '../../src/wire/vlan.ts';
import { frameBytes, poolOf, pushFrame } from '../support/frames.ts';
import { type Packet, packet, pattern, view } from '../support/packets.ts';

const HEADS = 64;
const ALL = Offload.Checksum | Offload.Tso4 | Offload.Tso6 | Offload.Uso | Offload.Ecn;
/** Ports 0 and 1 carry what `carries` says, port 2 nothing. */
let pool: Pool;
let ledger: Ledger;
let queues: TxQueue[];
let offloads: Int32Array;
let batch: Batch;
let outputs: Outputs;

beforeEach(() => {
  pool = poolOf(HEADS, 8);
  ledger = new Ledger(4);
  queues = [new TxQueue(32), new TxQueue(32), new TxQueue(32)];
  offloads = Int32Array.of(ALL, ALL, 0);
  batch = new Batch();
  outputs = new Outputs(64);
});

interface Options {
  readonly gsoSize?: number;
  readonly ecn?: boolean;
  readonly headSplit?: number;
  readonly limit?: number;
}

/** Receives a frame on port 3, as all stages before the last would leave it, with an output by each of the ports. */
function send(spec: Packet, ports: number[], options: Options = {}) {
  const built = packet(spec);
  const { gsoSize = 0, ecn = false, headSplit = 1900, limit = 0 } = options;
  const gsoType = gsoSize === 0 ? 0 : spec.protocol === 'tcp' ? (spec.version === 6 ? 4 : 1) : 5;
  const csum = spec.partial === true ? { csumStart: built.l4, csumOffset: built.csumOffset } : {};
  const i = pushFrame(batch, pool, built.bytes, { headSplit, port: 3, vnet: { gsoType, gsoSize, ecn, ...csum } });
  new Parse(pool).run(batch);
  new OffloadCheck(pool).run(batch);
  expect(batch.fate[i]).toBe(Fate.Live);
  batch.fate[i] = Fate.Sent;
  batch.limit[i] = limit;
  ledger.add(3, Column.Received, 1);
  ledger.add(3, Column.Cloned, ports.length - 1);
  for (const port of ports) {
    const o = outputs.count++;
    if (o > 0 && outputs.frame[o - 1] === i) {
      pool.retain(batch.head[i]);
      if (batch.body[i] >= 0) pool.retain(batch.body[i]);
    }
    outputs.frame[o] = i;
    outputs.port[o] = port;
    outputs.head[o] = batch.head[i];
    outputs.start[o] = batch.start[i];
    outputs.headLength[o] = batch.headLength[i];
  }
  return built;
}

function emit() {
  const bridge = { device: Int32Array.of(0, 1, 2) } as unknown as BridgeImage;
  new Emit(pool, ledger, { count: 3, offloads, linkUp: Int32Array.of(1, 1, 1), queues }, bridge, 0).run(batch, outputs);
}

/** What stands in the queue of a device: frames and the virtio-net headers before them. */
function queued(device: number) {
  const queue = queues[device];
  return Array.from({ length: queue.count }, (_, k) => {
    const header = new DataView(pool.memory, queue.start[k] - 10, 10);
    return {
      bytes: frameBytes(pool, queue, k),
      vnet: {
        flags: header.getUint8(0),
        gsoType: header.getUint8(1),
        headerLength: header.getUint16(2, true),
        gsoSize: header.getUint16(4, true),
        csumStart: header.getUint16(6, true),
        csumOffset: header.getUint16(8, true),
      },
    };
  });
}

/** Books and slots must agree once the ports have sent everything. */
function settle() {
  expect(ledger.imbalance(3)).toBe(0);
  for (const queue of queues) {
    for (let k = 0; k < queue.count; k++) {
      expect([queue.tenant[k], queue.row[k]]).toEqual([0, 3]);
      pool.release(queue.head[k]);
      pool.release(queue.body[k]);
    }
  }
  expect(pool.audit()).toMatchObject({ freeHeads: HEADS, freeBodies: 8, usedHeads: 0, usedBodies: 0 });
}

const NOTHING = { flags: 0, gsoType: 0, headerLength: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 };

describe('an ordinary frame', () => {
  it('leaves as it is, behind an empty virtio-net header', () => {
    const { bytes } = send({}, [0, 2]);
    emit();
    for (const device of [0, 2]) expect(queued(device)).toEqual([{ bytes, vnet: NOTHING }]);
    expect(ledger.get(3, Column.Held)).toBe(2);
    settle();
  });

  it('is dropped as tx-full when the queue has no room', () => {
    queues[0] = new TxQueue(1);
    send({}, [0]);
    send({}, [0]);
    emit();
    expect(ledger.get(3, Column.Drops + Drop.TxFull)).toBe(1);
    expect(ledger.get(3, Column.Held)).toBe(1);
    settle();
  });

  it('whose output was dropped before is passed over', () => {
    send({}, [0]);
    outputs.port[0] = -1;
    emit();
    expect(queued(0)).toEqual([]);
  });
});

describe('a partial checksum', () => {
  const spec: Packet = { protocol: 'tcp', payload: pattern(99) };
  const whole = packet(spec).bytes;

  it('is left to a device that completes it', () => {
    const { bytes, l4 } = send({ ...spec, partial: true }, [0]);
    emit();
    expect(queued(0)).toEqual([{ bytes, vnet: { ...NOTHING, flags: 1, csumStart: l4, csumOffset: 16 } }]);
    settle();
  });

  it('is completed in place for a device that does not', () => {
    send({ ...spec, partial: true }, [2]);
    emit();
    expect(queued(2)).toEqual([{ bytes: whole, vnet: NOTHING }]);
    expect(queues[2].head[0]).toBe(batch.head[0]);
    settle();
  });

  it('is completed in a copy when other outputs share the head', () => {
    for (const ports of [
      [2, 0, 1],
      [0, 2, 1],
      [0, 1, 2],
    ]) {
      const { bytes } = send({ ...spec, partial: true }, ports, { headSplit: 80 });
      emit();
      expect(queued(0)[0]).toMatchObject({ bytes, vnet: { flags: 1 } });
      expect(queued(1)[0]).toMatchObject({ bytes, vnet: { flags: 1 } });
      expect(queued(2)).toEqual([{ bytes: whole, vnet: NOTHING }]);
      settle();
      for (const queue of queues) queue.count = 0;
      batch.count = 0;
      outputs.count = 0;
    }
  });

  it('is dropped as no-slot when there is no head for the copy', () => {
    send({ ...spec, partial: true }, [0, 2]);
    const taken: number[] = [];
    for (let head = pool.takeHead(0); head >= 0; head = pool.takeHead(0)) taken.push(head);
    emit();
    expect(ledger.get(3, Column.Drops + Drop.NoSlot)).toBe(1);
    for (const head of taken) pool.release(head);
    settle();
  });

  it('is counted from where the frame begins now that a tag was pushed', () => {
    const { l4 } = send({ ...spec, partial: true }, [0, 2]);
    const copy = pool.copyHead(batch.head[0], batch.start[0], batch.headLength[0], 0);
    const start = batch.start[0] + pool.position(copy) - pool.position(batch.head[0]);
    pool.release(outputs.head[0]);
    pool.retain(copy);
    pool.release(outputs.head[1]);
    for (const o of [0, 1]) {
      outputs.head[o] = copy;
      outputs.headLength[o] += 4;
    }
    outputs.start.fill(pushTag(pool.bytes, start, 0x8100, 10));
    emit();
    expect(queued(0)[0].vnet.csumStart).toBe(l4 + 4);
    expect(queued(2)[0].bytes).toEqual(packet({ ...spec, tags: [{ tci: 10 }] }).bytes);
    settle();
  });
});

describe('a super-frame', () => {
  const spec: Packet = { protocol: 'tcp', payload: pattern(5000), partial: true };

  it('passes a device that carries it, headers measured anew', () => {
    const { bytes, l4, data } = send(spec, [0], { gsoSize: 1400, ecn: true });
    emit();
    const vnet = { flags: 1, gsoType: 0x81, headerLength: data, gsoSize: 1400, csumStart: l4, csumOffset: 16 };
    expect(queued(0)).toEqual([{ bytes, vnet }]);
    expect(queues[0].body[0]).toBe(batch.body[0]);
    settle();
  });

  const lacks: [string, Packet, number, boolean][] = [
    ['checksums', spec, ALL & ~Offload.Checksum, false],
    ['TCP over IPv4', spec, ALL & ~Offload.Tso4, false],
    ['TCP over IPv6', { ...spec, version: 6 }, ALL & ~Offload.Tso6, false],
    ['UDP', { ...spec, protocol: 'udp' }, ALL & ~Offload.Uso, false],
    ['ECN, which the frame has', spec, ALL & ~Offload.Ecn, true],
  ];
  for (const [what, frame, carried, ecn] of lacks) {
    it(`is segmented for a device that does not carry ${what}, and passes another one`, () => {
      offloads[1] = carried;
      const { bytes, data } = send(frame, [0, 1], { gsoSize: 1400, ecn });
      emit();
      expect(queued(0).map((entry) => entry.bytes)).toEqual([bytes]);
      const segments = queued(1);
      expect(segments.map((entry) => entry.bytes.length - data)).toEqual([1400, 1400, 1400, 800]);
      for (const { vnet } of segments) expect(vnet).toEqual(NOTHING);
      expect(ledger.get(3, Column.Segments)).toBe(3);
      expect(ledger.get(3, Column.Held)).toBe(5);
      settle();
    });
  }

  it('without ECN needs no device that carries ECN', () => {
    offloads[0] = ALL & ~Offload.Ecn;
    send(spec, [0], { gsoSize: 1400 });
    emit();
    expect(queued(0)).toHaveLength(1);
    settle();
  });

  it('loses to no-slot just the segments that found no head', () => {
    send(spec, [2], { gsoSize: 1400 });
    const taken: number[] = [];
    while (pool.freeHeads > 3) taken.push(pool.takeHead(0));
    emit();
    expect(queued(2)).toHaveLength(3);
    expect(ledger.get(3, Column.Drops + Drop.NoSlot)).toBe(1);
    for (const head of taken) pool.release(head);
    settle();
  });

  it('loses to tx-full just the segments that the queue has no room for', () => {
    queues[2] = new TxQueue(3);
    send(spec, [2], { gsoSize: 1400 });
    emit();
    expect(ledger.get(3, Column.Drops + Drop.TxFull)).toBe(1);
    settle();
  });

  it('is segmented, and its segments fragmented, where the next link is narrower', () => {
    const { l3 } = send({ ...spec, protocol: 'udp' }, [0], { gsoSize: 1400, limit: 996 });
    emit();
    const lengths = queued(0).map(({ bytes }) => view(bytes).getUint16(l3 + 2));
    expect(lengths).toEqual([996, 452, 996, 452, 996, 452, 828]);
    expect(queued(0).map(({ bytes }) => (view(bytes).getUint16(l3 + 6) & 0x1fff) * 8)).toEqual([
      0, 976, 0, 976, 0, 976, 0,
    ]);
    expect(ledger.get(3, Column.Segments)).toBe(6);
    settle();
  });
});

describe('a packet longer than the next link carries', () => {
  it('leaves in fragments by each of its ports, its checksum completed', () => {
    const spec: Packet = { payload: pattern(3000) };
    const { data } = send({ ...spec, partial: true }, [0, 1], { limit: 1500 });
    emit();
    const whole = packet(spec).bytes;
    const fragments = queued(0).map(({ bytes }) => bytes.subarray(34));
    expect(Uint8Array.from(fragments.flatMap((bytes) => [...bytes]))).toEqual(whole.subarray(34));
    expect(fragments.map((bytes) => bytes.length)).toEqual([1480, 1480, 3008 - 2960]);
    expect(data).toBe(42);
    expect(queued(1)).toHaveLength(3);
    expect(ledger.get(3, Column.Segments)).toBe(4);
    settle();
  });

  it('leaves whole when it fits', () => {
    send({ payload: pattern(100) }, [0], { limit: 128 });
    emit();
    expect(queued(0)).toHaveLength(1);
    settle();
  });

  it('is dropped as too-big when it cannot be cut', () => {
    send({ payload: pattern(100) }, [0], { limit: 24 });
    send({ version: 6, payload: pattern(3000) }, [0], { limit: 1500 });
    emit();
    expect(ledger.get(3, Column.Drops + Drop.TooBig)).toBe(2);
    settle();
  });
});
