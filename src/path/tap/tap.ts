import type { Batch } from '../../frame/batch.ts';
import { VNET_SIZE } from '../../frame/layout.ts';
import type { TxQueue } from '../../frame/tx-queue.ts';
import * as vnet from '../../wire/vnet.ts';
import type { LiveTap } from './live-tap.ts';

/** Sees frames that are dropped, before their references are given back. */
export interface DropTap {
  /**
   * A frame that lies in a head and, if `bodyLength` is not 0, in a body.
   * @param row of the port that it came from @param to port that it was to leave by, -1 where that is not known
   */
  dropped(
    row: number,
    to: number,
    reason: number,
    start: number,
    headLength: number,
    bodyStart: number,
    bodyLength: number,
    offload: number,
  ): void;
}

/** Watches the frames of one tenant on one worker. A path that nobody watches has none, and asks once a batch. */
export interface Tap extends DropTap {
  readonly id: number;
  /** Whether dropped frames are wanted. */
  readonly drops: boolean;
  /** What follows happens now. @param nowUs microseconds, in its first element */
  stamp(nowUs: Float64Array): void;
  /** Frames that ports have received. */
  ingress(batch: Batch): void;
  /** Those of the first `count` frames of a queue that are the tenant's are about to be handed to their device. */
  egress(queue: TxQueue, count: number): void;
  /** Of the frames that `egress` was told of, the device has taken so many; the others are dropped. */
  taken(queue: TxQueue, count: number, taken: number, reason: number): void;
}

/** What a frame of a batch carries besides its bytes, as `CaptureRecord.Offload` has it. */
export function offloadOf({ gsoType, gsoSize, csumStart }: Batch, i: number): number {
  return gsoType[i] | (csumStart[i] >= 0 ? 0x100 : 0) | (gsoType[i] === 0 ? 0 : gsoSize[i] << 16);
}

/** The same of a frame that is about to leave, from the virtio-net header that lies before it. */
export function offloadBefore(bytes: DataView, start: number): number {
  const at = start - VNET_SIZE;
  if (bytes.getUint16(at) === 0) return 0;
  const type = vnet.gsoType(bytes, at);
  const partial = (vnet.flags(bytes, at) & vnet.Flag.NeedsChecksum) === 0 ? 0 : 0x100;
  return type | partial | (type === 0 ? 0 : vnet.gsoSize(bytes, at) << 16);
}

/** All taps of a tenant on one worker. */
export class Taps implements DropTap {
  readonly #list: Tap[] = [];
  readonly #live: LiveTap[] = [];
  readonly #now = new Float64Array(1);

  get count(): number {
    return this.#list.length + this.#live.length;
  }

  /** Whether single frames are to be told of. */
  get live(): boolean {
    return this.#live.length > 0;
  }

  get drops(): boolean {
    return this.#list.some((tap) => tap.drops);
  }

  add(tap: Tap): void {
    this.#list.push(tap);
  }

  addLive(tap: LiveTap): void {
    this.#live.push(tap);
  }

  remove(id: number): void {
    for (const list of [this.#list, this.#live]) {
      const at = list.findIndex((tap) => tap.id === id);
      if (at >= 0) list.splice(at, 1);
    }
  }

  /** @returns the next frame, from `from` on, that somebody wants to be told of, or -1 */
  next(batch: Batch, from: number): number {
    for (let i = from; i < batch.count; i++)
      for (let k = 0; k < this.#live.length; k++) if (this.#live[k].wants(batch, i)) return i;
    return -1;
  }

  /** The one frame of the batch is about to go its way, and has gone. @param cells the tenant's books */
  begin(batch: Batch, cells: Float64Array): void {
    for (let k = 0; k < this.#live.length; k++) this.#live[k].begin(batch, cells);
  }

  end(cells: Float64Array): void {
    for (let k = 0; k < this.#live.length; k++) this.#live[k].end(cells);
  }

  stamp(batch: Batch): void {
    this.#now[0] = batch.nowUs;
    for (let k = 0; k < this.#list.length; k++) this.#list[k].stamp(this.#now);
  }

  ingress(batch: Batch): void {
    for (let k = 0; k < this.#list.length; k++) this.#list[k].ingress(batch);
  }

  egress(queue: TxQueue, count: number, nowUs: Float64Array): void {
    for (let k = 0; k < this.#list.length; k++) {
      this.#list[k].stamp(nowUs);
      this.#list[k].egress(queue, count);
    }
  }

  taken(queue: TxQueue, count: number, taken: number, reason: number): void {
    for (let k = 0; k < this.#list.length; k++) this.#list[k].taken(queue, count, taken, reason);
  }

  dropped(
    row: number,
    to: number,
    reason: number,
    start: number,
    headLength: number,
    bodyStart: number,
    bodyLength: number,
    offload: number,
  ): void {
    for (let k = 0; k < this.#list.length; k++)
      this.#list[k].dropped(row, to, reason, start, headLength, bodyStart, bodyLength, offload);
  }

  /** Frame i of a batch is dropped. */
  frame(batch: Batch, i: number, reason: number): void {
    const { port, start, headLength, bodyStart, bodyLength } = batch;
    this.dropped(port[i], -1, reason, start[i], headLength[i], bodyStart[i], bodyLength[i], offloadOf(batch, i));
  }
}
