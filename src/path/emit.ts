import { type Batch, Kind } from '../frame/batch.ts';
import { VNET_SIZE } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import { Offload } from '../port/port.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import * as vnet from '../wire/vnet.ts';
import type { Devices } from './devices.ts';
import { Fragmenter } from './fragment.ts';
import type { BridgeImage } from './image.ts';
import type { Outputs } from './outputs.ts';
import { Pieces } from './pieces.ts';
import { completeChecksum, Segmenter } from './segment.ts';
import type { OutStage } from './stage.ts';
import { type DropTap, offloadBefore } from './tap/tap.ts';
import { Waste } from './waste.ts';

/**
 * The end of a tenant's way: brings each output into a form that its device can carry, writes the virtio-net header before it, and
 * puts it into the device's queue. What a device carries itself (super-frames, partial checksums) passes untouched. From here on
 * the frame is held in the books of the row it came from, until its port reports it sent or lost.
 * Source of the header: virtio 1.2, 5.1.6.2; only NEEDS_CSUM and GSO are ever said, never DATA_VALID.
 */
export class Emit implements OutStage {
  readonly name = 'emit';
  readonly #pool: Pool;
  readonly #ledger: Ledger;
  readonly #devices: Omit<Devices, 'columns'>;
  readonly #bridge: BridgeImage;
  readonly #tenant: number;
  readonly #waste: Waste;
  readonly #tap: DropTap | null;
  readonly #segments: Pieces;
  readonly #segmenter: Segmenter;
  readonly #fragments: Pieces;
  readonly #fragmenter: Fragmenter;

  constructor(
    pool: Pool,
    ledger: Ledger,
    devices: Omit<Devices, 'columns'>,
    bridge: BridgeImage,
    tenant: number,
    tap: DropTap | null = null,
  ) {
    this.#pool = pool;
    this.#ledger = ledger;
    this.#devices = devices;
    this.#bridge = bridge;
    this.#tenant = tenant;
    this.#waste = new Waste(pool, ledger, tap);
    this.#tap = tap;
    this.#segments = new Pieces(pool, tenant);
    this.#segmenter = new Segmenter(pool, this.#segments);
    this.#fragments = new Pieces(pool, tenant);
    this.#fragmenter = new Fragmenter(pool, this.#fragments);
  }

  run(batch: Batch, outputs: Outputs): void {
    const { count, frame, port, start } = outputs;
    const { gsoType, csumStart, limit } = batch;
    const bytes = this.#pool.bytes;
    for (let o = 0; o < count; o++) {
      if (port[o] < 0) continue;
      const i = frame[o];
      if (gsoType[i] !== vnet.Gso.None) this.#superFrame(batch, i, outputs, o);
      else if (limit[i] > 0 && batch.ipLength[i] > limit[i]) this.#tooLong(batch, i, outputs, o);
      else if (csumStart[i] >= 0) this.#partial(batch, i, outputs, o);
      else {
        vnet.setNone(bytes, start[o] - VNET_SIZE);
        this.#pass(batch, i, outputs, o);
      }
    }
  }

  #superFrame(batch: Batch, i: number, outputs: Outputs, o: number): void {
    const pool = this.#pool;
    const { bytes } = pool;
    const head = outputs.head[o];
    const start = outputs.start[o];
    const move = pool.position(head) - pool.position(batch.head[i]);
    const l4 = batch.l4[i] + move;
    const type = batch.gsoType[i];
    const end = l4 + (type === vnet.Gso.UdpL4 ? udp.HEADER_LENGTH : tcp.headerLength(bytes, l4));
    const limit = batch.limit[i];
    const tooLong = limit > 0 && end - (batch.l3[i] + move) + batch.gsoSize[i] > limit;
    const needed = carrierOf(type, batch.gsoEcn[i]);
    if (!tooLong && (this.#devices.offloads[this.#bridge.device[outputs.port[o]]] & needed) === needed) {
      const at = start - VNET_SIZE;
      const gso = type | batch.gsoEcn[i];
      vnet.set(bytes, at, vnet.Flag.NeedsChecksum, gso, end - start, batch.gsoSize[i], l4 - start, batch.csumOffset[i]);
      this.#pass(batch, i, outputs, o);
      return;
    }
    const pieces = this.#segments;
    const wanted = this.#segmenter.cut(batch, i, head, start, outputs.headLength[o]);
    this.#bookPieces(batch, i, wanted, pieces.count);
    const to = outputs.port[o];
    const toL3 = batch.l3[i] + move - start;
    for (let k = 0; k < pieces.count; k++) {
      const length = pieces.headLength[k] + pieces.bodyLength[k] - toL3;
      if (tooLong && length > limit) this.#refine(batch, i, to, k, toL3);
      else this.#pushPiece(batch, i, to, pieces, k);
    }
    pool.release(head);
    pool.release(batch.body[i]);
  }

  /** Cuts segment k further, since it is longer than the next link's MTU. */
  #refine(batch: Batch, i: number, to: number, k: number, toL3: number): void {
    const { head, start, headLength, body, bodyStart, bodyLength } = this.#segments;
    const limit = batch.limit[i];
    const fragmenter = this.#fragmenter;
    const l3 = start[k] + toL3;
    const wanted = fragmenter.cut(head[k], start[k], headLength[k], body[k], bodyStart[k], l3, limit);
    if (wanted > 0) this.#pushFragments(batch, i, to, wanted);
    else {
      this.#ledger.drop(batch.port[i], Drop.TooBig);
      this.#tap?.dropped(batch.port[i], to, Drop.TooBig, start[k], headLength[k], bodyStart[k], bodyLength[k], 0);
    }
    this.#pool.release(head[k]);
    this.#pool.release(body[k]);
  }

  #tooLong(batch: Batch, i: number, outputs: Outputs, o: number): void {
    const pool = this.#pool;
    // Transport checksums run over the whole packet, so they are completed before it is cut.
    if (batch.csumStart[i] >= 0 && !this.#complete(batch, i, outputs, o)) return;
    const head = outputs.head[o];
    const l3 = batch.l3[i] + pool.position(head) - pool.position(batch.head[i]);
    const { start, headLength } = outputs;
    const fragmenter = this.#fragmenter;
    const wanted =
      batch.kind[i] === Kind.Ipv4
        ? fragmenter.cut(head, start[o], headLength[o], batch.body[i], batch.bodyStart[i], l3, batch.limit[i])
        : 0;
    if (wanted === 0) {
      this.#waste.output(batch, outputs, o, Drop.TooBig);
      return;
    }
    this.#pushFragments(batch, i, outputs.port[o], wanted);
    pool.release(head);
    pool.release(batch.body[i]);
  }

  #partial(batch: Batch, i: number, outputs: Outputs, o: number): void {
    const pool = this.#pool;
    if ((this.#devices.offloads[this.#bridge.device[outputs.port[o]]] & Offload.Checksum) !== 0) {
      const start = outputs.start[o];
      const at = batch.csumStart[i] + pool.position(outputs.head[o]) - pool.position(batch.head[i]);
      const { NeedsChecksum } = vnet.Flag;
      vnet.set(pool.bytes, start - VNET_SIZE, NeedsChecksum, vnet.Gso.None, 0, 0, at - start, batch.csumOffset[i]);
    } else {
      if (!this.#complete(batch, i, outputs, o)) return;
      vnet.setNone(pool.bytes, outputs.start[o] - VNET_SIZE);
    }
    this.#pass(batch, i, outputs, o);
  }

  /** Completes the partial checksum of an output, in a copy of the head if others see it. @returns false: dropped, no head is free */
  #complete(batch: Batch, i: number, outputs: Outputs, o: number): boolean {
    const pool = this.#pool;
    const head = outputs.head[o];
    if (pool.isShared(head)) {
      const copy = pool.copyHead(head, outputs.start[o], outputs.headLength[o], this.#tenant);
      if (copy < 0) {
        this.#waste.output(batch, outputs, o, Drop.NoSlot);
        return false;
      }
      outputs.head[o] = copy;
      outputs.start[o] += pool.position(copy) - pool.position(head);
      pool.release(head);
    }
    const at = batch.csumStart[i] + pool.position(outputs.head[o]) - pool.position(batch.head[i]);
    const end = outputs.start[o] + outputs.headLength[o];
    completeChecksum(pool.bytes, at, batch.csumOffset[i], end, batch.bodyStart[i], batch.bodyLength[i]);
    return true;
  }

  #pushFragments(batch: Batch, i: number, to: number, wanted: number): void {
    const pieces = this.#fragments;
    this.#bookPieces(batch, i, wanted, pieces.count);
    for (let k = 0; k < pieces.count; k++) this.#pushPiece(batch, i, to, pieces, k);
  }

  /** One frame has become `wanted` packets, of which only `made` found a head. */
  #bookPieces(batch: Batch, i: number, wanted: number, made: number): void {
    const row = batch.port[i];
    this.#ledger.add(row, Column.Segments, wanted - 1);
    if (made < wanted) this.#ledger.add(row, Column.Drops + Drop.NoSlot, wanted - made);
  }

  #pushPiece(batch: Batch, i: number, to: number, pieces: Pieces, k: number): void {
    const { head, start, headLength, body, bodyStart, bodyLength } = pieces;
    vnet.setNone(this.#pool.bytes, start[k] - VNET_SIZE);
    this.#push(batch, i, to, head[k], start[k], headLength[k], body[k], bodyStart[k], bodyLength[k]);
  }

  #pass(batch: Batch, i: number, outputs: Outputs, o: number): void {
    const { head, start, headLength, port } = outputs;
    const { body, bodyStart, bodyLength } = batch;
    this.#push(batch, i, port[o], head[o], start[o], headLength[o], body[i], bodyStart[i], bodyLength[i]);
  }

  /** Hands over one reference to head and body each. */
  #push(
    batch: Batch,
    i: number,
    to: number,
    head: number,
    start: number,
    headLength: number,
    body: number,
    bodyStart: number,
    bodyLength: number,
  ): void {
    const row = batch.port[i];
    const queue = this.#devices.queues[this.#bridge.device[to]];
    if (queue.push(head, start, headLength, body, bodyStart, bodyLength, this.#tenant, row, to)) {
      this.#ledger.add(row, Column.Held, 1);
    } else {
      this.#ledger.drop(row, Drop.TxFull);
      const offload = offloadBefore(this.#pool.bytes, start);
      this.#tap?.dropped(row, to, Drop.TxFull, start, headLength, bodyStart, bodyLength, offload);
      this.#pool.release(head);
      this.#pool.release(body);
    }
  }
}

/** The offloads that a device needs to carry a super-frame. */
export function carrierOf(gsoType: number, gsoEcn: number): number {
  const own = gsoType === vnet.Gso.Tcp4 ? Offload.Tso4 : gsoType === vnet.Gso.Tcp6 ? Offload.Tso6 : Offload.Uso;
  return Offload.Checksum | own | (gsoEcn !== 0 ? Offload.Ecn : 0);
}
