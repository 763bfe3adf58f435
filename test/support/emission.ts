import { expect } from 'vitest';
import { Batch, Fate } from '../../src/frame/batch.ts';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { Column, Ledger } from '../../src/observe/ledger.ts';
import { Emit } from '../../src/path/emit.ts';
import type { BridgeImage } from '../../src/path/image.ts';
import { OffloadCheck } from '../../src/path/offload.ts';
import { Outputs } from '../../src/path/outputs.ts';
import { Parse } from '../../src/path/parse.ts';
import { Offload } from '../../src/port/port.ts';
import { frameBytes, poolOf, pushFrame } from './frames.ts';
import { type Packet, packet } from './packets.ts';

export const HEADS = 64;
export const ALL = Offload.Checksum | Offload.Tso4 | Offload.Tso6 | Offload.Uso | Offload.Ecn;
/** A virtio-net header that asks for nothing. */
export const NOTHING = { flags: 0, gsoType: 0, headerLength: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 };

export interface SendOptions {
  readonly gsoSize?: number;
  readonly ecn?: boolean;
  readonly headSplit?: number;
  readonly limit?: number;
}

/** The last stage with three ports: 0 and 1 carry all offloads, unless a test says otherwise, port 2 none. */
export class Emission {
  readonly pool = poolOf(HEADS, 8);
  readonly ledger = new Ledger(4);
  readonly queues = [new TxQueue(32), new TxQueue(32), new TxQueue(32)];
  readonly offloads = Int32Array.of(ALL, ALL, 0);
  readonly batch = new Batch();
  readonly outputs = new Outputs(64);

  /** Receives a frame on port 3, as all stages before the last would leave it, with an output by each of the ports. */
  send(spec: Packet, ports: number[], options: SendOptions = {}) {
    const built = packet(spec);
    const { gsoSize = 0, ecn = false, headSplit = 1900, limit = 0 } = options;
    const gsoType = gsoSize === 0 ? 0 : spec.protocol === 'tcp' ? (spec.version === 6 ? 4 : 1) : 5;
    const csum = spec.partial === true ? { csumStart: built.l4, csumOffset: built.csumOffset } : {};
    const i = pushFrame(this.batch, this.pool, built.bytes, {
      headSplit,
      port: 3,
      vnet: { gsoType, gsoSize, ecn, ...csum },
    });
    new Parse(this.pool).run(this.batch);
    new OffloadCheck(this.pool).run(this.batch);
    expect(this.batch.fate[i]).toBe(Fate.Live);
    this.batch.fate[i] = Fate.Sent;
    this.batch.limit[i] = limit;
    this.ledger.add(3, Column.Received, 1);
    this.ledger.add(3, Column.Cloned, ports.length - 1);
    for (const port of ports) {
      const o = this.outputs.count++;
      if (o > 0 && this.outputs.frame[o - 1] === i) {
        this.pool.retain(this.batch.head[i]);
        if (this.batch.body[i] >= 0) this.pool.retain(this.batch.body[i]);
      }
      this.outputs.frame[o] = i;
      this.outputs.port[o] = port;
      this.outputs.head[o] = this.batch.head[i];
      this.outputs.start[o] = this.batch.start[i];
      this.outputs.headLength[o] = this.batch.headLength[i];
    }
    return built;
  }

  emit() {
    const bridge = { device: Int32Array.of(0, 1, 2) } as unknown as BridgeImage;
    new Emit(
      this.pool,
      this.ledger,
      { count: 3, offloads: this.offloads, linkUp: Int32Array.of(1, 1, 1), queues: this.queues },
      bridge,
      0,
    ).run(this.batch, this.outputs);
  }

  /** What stands in the queue of a device: frames and the virtio-net headers before them. */
  queued(device: number) {
    const queue = this.queues[device];
    return Array.from({ length: queue.count }, (_, k) => {
      const header = new DataView(this.pool.memory, queue.start[k] - 10, 10);
      return {
        bytes: frameBytes(this.pool, queue, k),
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
  settle() {
    expect(this.ledger.imbalance(3)).toBe(0);
    for (const queue of this.queues) {
      for (let k = 0; k < queue.count; k++) {
        expect([queue.tenant[k], queue.row[k]]).toEqual([0, 3]);
        this.pool.release(queue.head[k]);
        this.pool.release(queue.body[k]);
      }
    }
    expect(this.pool.audit()).toMatchObject({ freeHeads: HEADS, freeBodies: 8, usedHeads: 0, usedBodies: 0 });
  }
}
