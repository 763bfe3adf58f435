import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { isTpid, pushTag } from '../wire/vlan.ts';
import { headerBytes } from './charge.ts';
import type { Devices } from './devices.ts';
import type { BridgeImage } from './image.ts';
import type { Outputs } from './outputs.ts';
import type { OutStage } from './stage.ts';
import type { Waste } from './waste.ts';

/**
 * The operator's last word on each output, whatever made it: the link is up and the OpenFlow port is not shut, the frame fits the port's MTU (what is behind the
 * Ethernet header and one VLAN tag; of a super-frame, its segments), and on an uplink that tenants share, the tenant's own outer
 * tag is put on, which no rule of the tenant can choose.
 */
export class GuardOut implements OutStage {
  readonly name = 'guard-out';
  readonly #pool: Pool;
  readonly #bridge: BridgeImage;
  readonly #devices: Devices;
  readonly #waste: Waste;
  /** By port: 1 where OpenFlow lets nothing leave. */
  readonly #blocked: Uint8Array | null;

  constructor(pool: Pool, bridge: BridgeImage, devices: Devices, waste: Waste, blocked: Uint8Array | null = null) {
    this.#pool = pool;
    this.#bridge = bridge;
    this.#devices = devices;
    this.#waste = waste;
    this.#blocked = blocked;
  }

  run(batch: Batch, outputs: Outputs): void {
    const { count, frame, port } = outputs;
    const { device, outerVlan, mtu } = this.#bridge;
    const { linkUp } = this.#devices;
    const blocked = this.#blocked;
    for (let o = 0; o < count; o++) {
      const to = port[o];
      if (to < 0) continue;
      const i = frame[o];
      if (linkUp[device[to]] === 0) this.#waste.output(batch, outputs, o, Drop.LinkDown);
      else if (blocked !== null && blocked[to] === 1) this.#waste.output(batch, outputs, o, Drop.RulePort);
      else if (this.#payload(batch, i, outputs, o) > mtu[to]) this.#waste.output(batch, outputs, o, Drop.Mtu);
      else if (outerVlan[to] > 0) this.#pushOuter(batch, i, outputs, o);
    }
  }

  /** Bytes behind the Ethernet header and one VLAN tag, of the longest piece; whatever the IP header says the frame holds. */
  #payload(batch: Batch, i: number, outputs: Outputs, o: number): number {
    const { bytes } = this.#pool;
    const link = isTpid(bytes.getUint16(outputs.start[o] + 12)) ? 18 : 14;
    const headLength = outputs.headLength[o];
    let whole = headLength + batch.bodyLength[i] - link;
    if (batch.gsoType[i] !== 0) {
      // The frame's own head may have been given back already, when its last output went over to a copy.
      const move = this.#pool.position(outputs.head[o]) - this.#pool.position(batch.head[i]);
      whole = headerBytes(batch, i, bytes, move) + headLength - batch.headLength[i] - link + batch.gsoSize[i];
    }
    const limit = batch.limit[i];
    return limit > 0 && limit < whole ? limit : whole;
  }

  #pushOuter(batch: Batch, i: number, outputs: Outputs, o: number): void {
    const pool = this.#pool;
    const head = outputs.head[o];
    let start = outputs.start[o];
    if (pool.isShared(head)) {
      const copy = pool.copyHead(head, start, outputs.headLength[o], batch.tenant);
      if (copy < 0) {
        this.#waste.output(batch, outputs, o, Drop.NoSlot);
        return;
      }
      start += pool.position(copy) - pool.position(head);
      pool.release(head);
      outputs.head[o] = copy;
    }
    const { outerTpid, outerVlan } = this.#bridge;
    const to = outputs.port[o];
    outputs.start[o] = pushTag(pool.bytes, start, outerTpid[to], batch.priority[i] | outerVlan[to]);
    outputs.headLength[o] += 4;
  }
}
