import { beforeEach, describe, expect, it } from 'vitest';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { Drop } from '../../src/observe/drop.ts';
import { Column } from '../../src/observe/ledger.ts';
import { Offload } from '../../src/port/port.ts';
import { ALL, Emission, NOTHING } from '../support/emission.ts';
import { type Packet, packet, pattern, view } from '../support/packets.ts';

let at: Emission;
beforeEach(() => {
  at = new Emission();
});

describe('a super-frame', () => {
  const spec: Packet = { protocol: 'tcp', payload: pattern(5000), partial: true };

  it('passes a device that carries it, headers measured anew', () => {
    const { bytes, l4, data } = at.send(spec, [0], { gsoSize: 1400, ecn: true });
    at.emit();
    const vnet = { flags: 1, gsoType: 0x81, headerLength: data, gsoSize: 1400, csumStart: l4, csumOffset: 16 };
    expect(at.queued(0)).toEqual([{ bytes, vnet }]);
    expect(at.queues[0].body[0]).toBe(at.batch.body[0]);
    at.settle();
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
      at.offloads[1] = carried;
      const { bytes, data } = at.send(frame, [0, 1], { gsoSize: 1400, ecn });
      at.emit();
      expect(at.queued(0).map((entry) => entry.bytes)).toEqual([bytes]);
      const segments = at.queued(1);
      expect(segments.map((entry) => entry.bytes.length - data)).toEqual([1400, 1400, 1400, 800]);
      for (const { vnet } of segments) expect(vnet).toEqual(NOTHING);
      expect(at.ledger.get(3, Column.Segments)).toBe(3);
      expect(at.ledger.get(3, Column.Held)).toBe(5);
      at.settle();
    });
  }

  it('without ECN needs no device that carries ECN', () => {
    at.offloads[0] = ALL & ~Offload.Ecn;
    at.send(spec, [0], { gsoSize: 1400 });
    at.emit();
    expect(at.queued(0)).toHaveLength(1);
    at.settle();
  });

  it('loses to no-slot just the segments that found no head', () => {
    at.send(spec, [2], { gsoSize: 1400 });
    const taken: number[] = [];
    while (at.pool.freeHeads > 3) taken.push(at.pool.takeHead(0));
    at.emit();
    expect(at.queued(2)).toHaveLength(3);
    expect(at.ledger.get(3, Column.Drops + Drop.NoSlot)).toBe(1);
    for (const head of taken) at.pool.release(head);
    at.settle();
  });

  it('loses to tx-full just the segments that the queue has no room for', () => {
    at.queues[2] = new TxQueue(3);
    at.send(spec, [2], { gsoSize: 1400 });
    at.emit();
    expect(at.ledger.get(3, Column.Drops + Drop.TxFull)).toBe(1);
    at.settle();
  });

  it('is segmented, and its segments fragmented, where the next link is narrower', () => {
    const { l3 } = at.send({ ...spec, protocol: 'udp' }, [0], { gsoSize: 1400, limit: 996 });
    at.emit();
    const lengths = at.queued(0).map(({ bytes }) => view(bytes).getUint16(l3 + 2));
    expect(lengths).toEqual([996, 452, 996, 452, 996, 452, 828]);
    expect(at.queued(0).map(({ bytes }) => (view(bytes).getUint16(l3 + 6) & 0x1fff) * 8)).toEqual([
      0, 976, 0, 976, 0, 976, 0,
    ]);
    expect(at.ledger.get(3, Column.Segments)).toBe(6);
    at.settle();
  });
});

describe('a packet longer than the next link carries', () => {
  it('leaves in fragments by each of its ports, its checksum completed', () => {
    const spec: Packet = { payload: pattern(3000) };
    const { data } = at.send({ ...spec, partial: true }, [0, 1], { limit: 1500 });
    at.emit();
    const whole = packet(spec).bytes;
    const fragments = at.queued(0).map(({ bytes }) => bytes.subarray(34));
    expect(Uint8Array.from(fragments.flatMap((bytes) => [...bytes]))).toEqual(whole.subarray(34));
    expect(fragments.map((bytes) => bytes.length)).toEqual([1480, 1480, 3008 - 2960]);
    expect(data).toBe(42);
    expect(at.queued(1)).toHaveLength(3);
    expect(at.ledger.get(3, Column.Segments)).toBe(4);
    at.settle();
  });

  it('leaves whole when it fits', () => {
    at.send({ payload: pattern(100) }, [0], { limit: 128 });
    at.emit();
    expect(at.queued(0)).toHaveLength(1);
    at.settle();
  });

  it('is dropped as too-big when it cannot be cut', () => {
    at.send({ payload: pattern(100) }, [0], { limit: 24 });
    at.send({ version: 6, payload: pattern(3000) }, [0], { limit: 1500 });
    at.emit();
    expect(at.ledger.get(3, Column.Drops + Drop.TooBig)).toBe(2);
    at.settle();
  });
});
