import { beforeEach, describe, expect, it } from 'vitest';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { Drop } from '../../src/observe/drop.ts';
import { Column } from '../../src/observe/ledger.ts';
import { pushTag } from '../../src/wire/vlan.ts';
import { Emission, NOTHING } from '../support/emission.ts';
import { type Packet, packet, pattern } from '../support/packets.ts';

let at: Emission;
beforeEach(() => {
  at = new Emission();
});

describe('an ordinary frame', () => {
  it('leaves as it is, behind an empty virtio-net header', () => {
    const { bytes } = at.send({}, [0, 2]);
    at.emit();
    for (const device of [0, 2]) expect(at.queued(device)).toEqual([{ bytes, vnet: NOTHING }]);
    expect(at.ledger.get(3, Column.Held)).toBe(2);
    at.settle();
  });

  it('is dropped as tx-full when the queue has no room', () => {
    at.queues[0] = new TxQueue(1);
    at.send({}, [0]);
    at.send({}, [0]);
    at.emit();
    expect(at.ledger.get(3, Column.Drops + Drop.TxFull)).toBe(1);
    expect(at.ledger.get(3, Column.Held)).toBe(1);
    at.settle();
  });

  it('whose output was dropped before is passed over', () => {
    at.send({}, [0]);
    at.outputs.port[0] = -1;
    at.emit();
    expect(at.queued(0)).toEqual([]);
  });
});

describe('a partial checksum', () => {
  const spec: Packet = { protocol: 'tcp', payload: pattern(99) };
  const whole = packet(spec).bytes;

  it('is left to a device that completes it', () => {
    const { bytes, l4 } = at.send({ ...spec, partial: true }, [0]);
    at.emit();
    expect(at.queued(0)).toEqual([{ bytes, vnet: { ...NOTHING, flags: 1, csumStart: l4, csumOffset: 16 } }]);
    at.settle();
  });

  it('is completed in place for a device that does not', () => {
    at.send({ ...spec, partial: true }, [2]);
    at.emit();
    expect(at.queued(2)).toEqual([{ bytes: whole, vnet: NOTHING }]);
    expect(at.queues[2].head[0]).toBe(at.batch.head[0]);
    at.settle();
  });

  it('is completed in a copy when other outputs share the head', () => {
    for (const ports of [
      [2, 0, 1],
      [0, 2, 1],
      [0, 1, 2],
    ]) {
      const { bytes } = at.send({ ...spec, partial: true }, ports, { headSplit: 80 });
      at.emit();
      expect(at.queued(0)[0]).toMatchObject({ bytes, vnet: { flags: 1 } });
      expect(at.queued(1)[0]).toMatchObject({ bytes, vnet: { flags: 1 } });
      expect(at.queued(2)).toEqual([{ bytes: whole, vnet: NOTHING }]);
      at.settle();
      for (const queue of at.queues) queue.count = 0;
      at.batch.count = 0;
      at.outputs.count = 0;
    }
  });

  it('is dropped as no-slot when there is no head for the copy', () => {
    at.send({ ...spec, partial: true }, [0, 2]);
    const taken: number[] = [];
    for (let head = at.pool.takeHead(0); head >= 0; head = at.pool.takeHead(0)) taken.push(head);
    at.emit();
    expect(at.ledger.get(3, Column.Drops + Drop.NoSlot)).toBe(1);
    for (const head of taken) at.pool.release(head);
    at.settle();
  });

  it('is counted from where the frame begins now that a tag was pushed', () => {
    const { l4 } = at.send({ ...spec, partial: true }, [0, 2]);
    const copy = at.pool.copyHead(at.batch.head[0], at.batch.start[0], at.batch.headLength[0], 0);
    const start = at.batch.start[0] + at.pool.position(copy) - at.pool.position(at.batch.head[0]);
    at.pool.release(at.outputs.head[0]);
    at.pool.retain(copy);
    at.pool.release(at.outputs.head[1]);
    for (const o of [0, 1]) {
      at.outputs.head[o] = copy;
      at.outputs.headLength[o] += 4;
    }
    at.outputs.start.fill(pushTag(at.pool.bytes, start, 0x8100, 10));
    at.emit();
    expect(at.queued(0)[0].vnet.csumStart).toBe(l4 + 4);
    expect(at.queued(2)[0].bytes).toEqual(packet({ ...spec, tags: [{ tci: 10 }] }).bytes);
    at.settle();
  });
});
