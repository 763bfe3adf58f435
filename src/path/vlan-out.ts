import { type Batch, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { isTpid, Offset, PRIORITY_VID, popTag, pushTag } from '../wire/vlan.ts';
import { type BridgeImage, PortMode } from './image.ts';
import type { Outputs } from './outputs.ts';
import type { OutStage } from './stage.ts';
import type { Waste } from './waste.ts';

/**
 * Brings each output into the form that its port wants: untagged for access and tunnel ports and for a trunk's native VLAN, tagged
 * otherwise. What carries an inner tag keeps its own even in the native VLAN, or the next switch would take the inner tag for
 * the VLAN (double tagging, a way out of the native VLAN into any other). A head that nobody shares is edited in place; of a
 * shared one, one copy in the other form is made and serves all further outputs of the frame that want it.
 * Source: IEEE 802.1Q-2018, 6.9.2.
 */
export class VlanOut implements OutStage {
  readonly name = 'vlan-out';
  readonly #pool: Pool;
  readonly #bridge: BridgeImage;
  readonly #waste: Waste;

  constructor(pool: Pool, bridge: BridgeImage, waste: Waste) {
    this.#pool = pool;
    this.#bridge = bridge;
    this.#waste = waste;
  }

  run(batch: Batch, outputs: Outputs): void {
    const { count, frame, port } = outputs;
    const { mode, pvid } = this.#bridge;
    const { etherType } = batch;
    for (let o = 0; o < count; o++) {
      const to = port[o];
      if (to < 0) continue;
      const i = frame[o];
      const wantsTag = mode[to] === PortMode.Trunk && (pvid[to] !== batch.vlan[i] || isTpid(etherType[i])) ? 1 : 0;
      if (mode[to] === PortMode.Access && this.#hidesPacket(batch, i, outputs.start[o])) {
        this.#waste.output(batch, outputs, o, Drop.VlanNotAllowed);
        continue;
      }
      if (wantsTag !== batch.tagged[i]) this.#convert(batch, i, outputs, o, wantsTag === 1);
    }
  }

  /** A customer's priority tag: a host would take it off and read the packet behind it, which no list has seen. */
  #hidesPacket(batch: Batch, i: number, start: number): boolean {
    if ((batch.traits[i] & Trait.Tunnelled) === 0 || !isTpid(batch.etherType[i])) return false;
    return (this.#pool.bytes.getUint16(start + Offset.Tci) & 0xfff) === PRIORITY_VID;
  }

  #convert(batch: Batch, i: number, outputs: Outputs, o: number, tag: boolean): void {
    const pool = this.#pool;
    const head = outputs.head[o];
    const length = outputs.headLength[o];
    const newLength = tag ? length + 4 : length - 4;
    if (batch.twin[i] >= 0) {
      pool.release(head);
      pool.retain(batch.twin[i]);
      outputs.head[o] = batch.twin[i];
      outputs.start[o] = batch.twinStart[i];
      outputs.headLength[o] = newLength;
      return;
    }
    let target = head;
    let start = outputs.start[o];
    if (pool.isShared(head)) {
      target = pool.copyHead(head, start, length, batch.tenant);
      if (target < 0) {
        this.#waste.output(batch, outputs, o, Drop.NoSlot);
        return;
      }
      start += pool.position(target) - pool.position(head);
      pool.release(head);
      // The batch keeps a reference of its own, so that the copy stays read-only for all its users.
      pool.retain(target);
    }
    const { bytes } = pool;
    const edited = tag ? pushTag(bytes, start, batch.tpid[i], batch.priority[i] | batch.vlan[i]) : popTag(bytes, start);
    if (target !== head) {
      batch.twin[i] = target;
      batch.twinStart[i] = edited;
    }
    outputs.head[o] = target;
    outputs.start[o] = edited;
    outputs.headLength[o] = newLength;
  }
}
