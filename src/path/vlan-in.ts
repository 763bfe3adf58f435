import { type Batch, Fate, Kind, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { EtherType } from '../wire/ethernet.ts';
import { isTpid, PRIORITY_VID } from '../wire/vlan.ts';
import { type BridgeImage, PortMode } from './image.ts';
import type { Stage } from './stage.ts';

/**
 * Gives each frame its VLAN by the mode of the port it came from. Access: untagged and priority-tagged (VID 0) frames belong to
 * the port's VLAN, tagged ones are dropped. Trunk: the outer tag, 802.1Q or 802.1ad, names the VLAN, what is behind it passes
 * untouched (QinQ); without VID the native VLAN. Tunnel: everything is payload of the service VLAN.
 *
 * A priority tag behind another tag is refused: hosts take it off and read the packet behind it, which no list has seen.
 *
 * Afterwards a frame is `tagged` only if a tag with its own VLAN lies in it, which is what the stages behind rely on.
 * Source: IEEE 802.1Q-2018, 6.9.1; ovs-vswitchd.conf.db(5), vlan_mode.
 */
export class VlanIn implements Stage {
  readonly name = 'vlan-in';
  readonly #bytes: DataView;
  readonly #bridge: BridgeImage;

  constructor(pool: Pool, bridge: BridgeImage) {
    this.#bytes = pool.bytes;
    this.#bridge = bridge;
  }

  run(batch: Batch): void {
    const { count, fate, port, start, vlan, tagged, tpid, priority, etherType, kind, traits, l3, headLength } = batch;
    const { mode, pvid, allowed } = this.#bridge;
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live) continue;
      const from = port[i];
      if (mode[from] === PortMode.Tunnel) {
        if (tagged[i] === 1) {
          etherType[i] = tpid[i];
          kind[i] = Kind.Other;
          tagged[i] = 0;
        }
        vlan[i] = pvid[from];
        tpid[i] = EtherType.ServiceVlan;
        priority[i] = 0;
        traits[i] |= Trait.Tunnelled;
        continue;
      }
      if (tagged[i] === 1 && isTpid(etherType[i])) {
        const isThere = l3[i] + 2 <= start[i] + headLength[i];
        if (!isThere || (bytes.getUint16(l3[i]) & 0xfff) === PRIORITY_VID) {
          batch.drop(i, Drop.VlanNotAllowed);
          continue;
        }
      }
      let vid = vlan[i];
      if (vid === 0) {
        vid = pvid[from];
        vlan[i] = vid;
        if (tagged[i] === 1) bytes.setUint16(start[i] + 14, priority[i] | vid);
      } else if (mode[from] === PortMode.Access) {
        batch.drop(i, Drop.VlanNotAllowed);
        continue;
      }
      if (((allowed[(from << 7) + (vid >> 5)] >>> (vid & 31)) & 1) === 0 || vid === 0)
        batch.drop(i, Drop.VlanNotAllowed);
    }
  }
}
