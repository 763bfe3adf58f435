import { type Batch, Fate, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import type { SharedBuckets } from '../table/shared-buckets.ts';
import { wireBytes } from './charge.ts';
import type { BridgeImage, TenantImage } from './image.ts';
import type { Stage } from './stage.ts';

/**
 * The operator's limits on what a port and a tenant may send, before any rule of the tenant is looked at: frames in flight,
 * packets and bits a second of the port, then of the tenant, then group frames a second (storm control). Super-frames are charged
 * as the packets and bytes that they stand for. Buckets take nothing from a frame that an earlier limit has dropped.
 */
export class GuardIn implements Stage {
  readonly name = 'guard-in';
  readonly #pool: Pool;
  readonly #bridge: BridgeImage;
  readonly #tenant: TenantImage;
  readonly #buckets: SharedBuckets;

  /** Whether any policer or storm control is set at all. */
  readonly #policed: boolean;

  constructor(pool: Pool, tenant: TenantImage, buckets: SharedBuckets) {
    const { bridge, policer } = tenant;
    const set = (bucket: number) => bucket >= 0;
    this.#policed =
      [policer.packets, policer.bits].some(set) ||
      [bridge.packetPolicer, bridge.bitPolicer, bridge.storm].some((buckets) => buckets.some(set));
    this.#pool = pool;
    this.#bridge = tenant.bridge;
    this.#tenant = tenant;
    this.#buckets = buckets;
  }

  /** Frames of the batch that are over the tenant's quota of frames in flight. */
  excess(batch: Batch): number {
    return this.#pool.held[batch.tenant] - this.#tenant.frames;
  }

  /** Takes one frame's share from the rates of port and tenant. @returns -1, or the reason to drop it */
  admit(from: number, packets: number, bytes: number, nowUs: number): number {
    const buckets = this.#buckets;
    const { packetPolicer, bitPolicer } = this.#bridge;
    const { policer } = this.#tenant;
    const portPackets = packetPolicer[from];
    const portBits = bitPolicer[from];
    if (portPackets >= 0 && !buckets.take(portPackets, packets, nowUs)) return Drop.PortRate;
    if (portBits >= 0 && !buckets.take(portBits, bytes * 8, nowUs)) return Drop.PortRate;
    if (policer.packets >= 0 && !buckets.take(policer.packets, packets, nowUs)) return Drop.TenantRate;
    if (policer.bits >= 0 && !buckets.take(policer.bits, bytes * 8, nowUs)) return Drop.TenantRate;
    return -1;
  }

  run(batch: Batch): void {
    const { count, fate, port, segments, traits, nowUs } = batch;
    const buckets = this.#buckets;
    const bytes = this.#pool.bytes;
    const { storm } = this.#bridge;
    const over = this.excess(batch);
    if (!this.#policed && over <= 0) return;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live) continue;
      // The youngest frames of the batch are those that are too many.
      if (i >= count - over) {
        batch.drop(i, Drop.TenantFrames);
        continue;
      }
      const from = port[i];
      const reason = this.admit(from, segments[i], wireBytes(batch, i, bytes), nowUs);
      if (reason >= 0) {
        batch.drop(i, reason);
        continue;
      }
      if ((traits[i] & Trait.Group) !== 0 && storm[from] >= 0 && !buckets.take(storm[from], segments[i], nowUs)) {
        batch.drop(i, Drop.Storm);
      }
    }
  }
}
