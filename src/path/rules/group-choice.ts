import { mix } from '../../table/hash.ts';
import type { Devices } from '../devices.ts';
import type { BridgeImage } from '../image.ts';
import type { BucketEntry, GroupEntry } from './entries.ts';
import { KeyWord } from './layout.ts';
import { PortConfig } from './log.ts';
import type { RuleStore } from './store.ts';
import type { WatchedLinks } from './watched-links.ts';

/** Groups that watch groups, or lead to groups: no deeper than this. */
export const DEEPEST = 8;
/** Buckets that are looked at for one frame: what is not known to be alive then is taken for dead. */
const MOST_LOOKS = 4096;

/**
 * Which bucket of a group acts. Fast failover: the first that is alive. Select: by a hash of the flow's MACs, addresses, protocol and ports,
 * so that a flow stays with its bucket, flows spread by weight, and a bucket that dies or is added moves only the flows that
 * were its own or become so.
 * Sources: OpenFlow 1.3.5, section 5.6.1; Thaler and Ravishankar, IEEE/ACM ToN 6(1), 1998 (highest random weight).
 */
export class GroupChoice {
  readonly #store: RuleStore;
  readonly #bridge: BridgeImage;
  readonly #devices: Devices;
  readonly #links: WatchedLinks | null;
  #looks = 0;

  /** @param links gets the devices that choices rest on; null: nobody keeps a choice */
  constructor(store: RuleStore, bridge: BridgeImage, devices: Devices, links: WatchedLinks | null = null) {
    this.#store = store;
    this.#bridge = bridge;
    this.#devices = devices;
    this.#links = links;
  }

  /** @returns index of the first bucket that is alive, -1 for none */
  firstAlive(group: GroupEntry): number {
    const { buckets } = group;
    this.#looks = 0;
    for (let b = 0; b < buckets.length; b++) if (this.#isAlive(buckets[b], 0)) return b;
    return -1;
  }

  /** @param key flow key of the frame as it is @returns index of a bucket, -1: none is alive and has a weight */
  select(group: GroupEntry, key: Int32Array): number {
    const { buckets } = group;
    const flow = flowHash(key);
    this.#looks = 0;
    let best = -1;
    let bestScore = -1;
    for (let b = 0; b < buckets.length; b++) {
      const bucket = buckets[b];
      if (bucket.weight === 0 || !this.#isAlive(bucket, 0)) continue;
      // Uniform in (0, 1]; the bucket is named by its place in the list, which a changed group keeps.
      const draw = ((mix(flow ^ Math.imul(b + 1, 0x9e3779b1)) >>> 0) + 1) / 4294967296;
      const score = -bucket.weight / Math.log(draw);
      if (score > bestScore) {
        best = b;
        bestScore = score;
      }
    }
    return best;
  }

  /** A bucket that watches nothing is alive. Else what it watches must be: one of the two is enough, as in Open vSwitch. */
  #isAlive({ watchPort, watchGroup }: BucketEntry, depth: number): boolean {
    if (watchPort < 0 && watchGroup < 0) return true;
    if (this.#looks++ >= MOST_LOOKS) return false;
    return (
      (watchPort >= 0 && this.#isPortAlive(watchPort)) || (watchGroup >= 0 && this.#isGroupAlive(watchGroup, depth))
    );
  }

  #isPortAlive(port: number): boolean {
    const { rowOf, configOf } = this.#store;
    const row = port < rowOf.length ? rowOf[port] : -1;
    if (row < 0 || row >= this.#bridge.ports || (configOf[port] & PortConfig.Down) !== 0) return false;
    const device = this.#bridge.device[row];
    this.#links?.watch(device);
    return this.#devices.linkUp[device] === 1;
  }

  #isGroupAlive(index: number, depth: number): boolean {
    const group = this.#store.groups[index];
    if (group === undefined || depth === DEEPEST) return false;
    const { buckets } = group;
    for (let b = 0; b < buckets.length; b++) if (this.#isAlive(buckets[b], depth + 1)) return true;
    return false;
  }
}

/** Of MACs, EtherType, addresses, protocol and ports: as Open vSwitch has it, also IP packets spread that differ in their MACs alone. */
function flowHash(key: Int32Array): number {
  const protocol = key[KeyWord.Ip] & 0xff;
  let hash = mix(key[KeyWord.EthType] ^ (protocol << 16));
  for (let w = KeyWord.EthDstHigh as number; w <= KeyWord.EthSrcLow; w++) hash = mix(hash ^ key[w]);
  hash = mix(hash ^ key[KeyWord.Ipv4Src]);
  hash = mix(hash ^ key[KeyWord.Ipv4Dst]);
  for (let w = 0; w < 8; w++) hash = mix(hash ^ key[KeyWord.Ipv6Src + w]);
  return mix(hash ^ key[KeyWord.Transport]);
}
