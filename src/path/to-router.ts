import { type Batch, Fate, Kind, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import { Protocol } from '../wire/ipv4.ts';
import type { Fib } from './fib.ts';
import type { RouterImage } from './image.ts';
import { Punt } from './punt.ts';
import { PuntClass, type Punter } from './punter.ts';
import type { Stage } from './stage.ts';

const ARP_LENGTH = 28;
const DISCOVERY_MOST = 1514;

/**
 * Finds what concerns the tenant's router among the frames of a VLAN that it has an interface on. IP packets to the interface's
 * MAC are marked to be routed. ARP and neighbour discovery go to the slow path: as themselves when they are addressed to the
 * router, as a copy when they are flooded and ask for, or tell of, an address that concerns it; the flood goes on.
 * Source: RFC 826; RFC 4861.
 */
export class ToRouter implements Stage {
  readonly name = 'to-router';
  readonly #bytes: DataView;
  readonly #router: RouterImage;
  readonly #fib: Fib;
  readonly #ledger: Ledger;
  readonly #punter: Punter;

  constructor(pool: Pool, router: RouterImage, fib: Fib, ledger: Ledger, punter: Punter) {
    this.#bytes = pool.bytes;
    this.#router = router;
    this.#fib = fib;
    this.#ledger = ledger;
    this.#punter = punter;
  }

  run(batch: Batch): void {
    const { count, fate, start, vlan, kind, traits, inInterface } = batch;
    const { vlanInterface, macHigh, macLow } = this.#router;
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live) continue;
      const iface = vlanInterface[vlan[i]];
      if (iface < 0) continue;
      const at = start[i];
      const group = (traits[i] & Trait.Group) !== 0;
      const mine = !group && bytes.getUint16(at) === macHigh[iface] && bytes.getInt32(at + 2) === macLow[iface];
      if (!mine && !group) continue;
      inInterface[i] = iface;
      if (kind[i] === Kind.Arp) {
        if (mine || this.#concernsArp(batch, i)) this.#toSlowPath(batch, i, Punt.Arp, iface, mine);
      } else if (kind[i] === Kind.Ipv6 && this.#isDiscovery(batch, i)) {
        if (mine || this.#concernsDiscovery(batch, i)) this.#toSlowPath(batch, i, Punt.Neighbor, iface, mine);
      } else if (mine && kind[i] === Kind.Other) {
        batch.drop(i, Drop.NotForUs);
      }
      // What only passes by is bridged: it did not come in by the interface.
      if (!mine) inInterface[i] = -1;
    }
  }

  #toSlowPath(batch: Batch, i: number, kind: number, iface: number, mine: boolean): void {
    const row = batch.port[i];
    if (!this.#punter.admit(PuntClass.Control, batch.nowUs)) {
      if (mine) batch.drop(i, Drop.PuntRate);
      return;
    }
    if (!this.#punter.frame(batch, i, kind, iface, 0, DISCOVERY_MOST)) {
      if (mine) batch.drop(i, Drop.PuntFull);
      return;
    }
    this.#ledger.add(row, Column.Consumed, 1);
    if (mine) batch.fate[i] = Fate.Punted;
    else this.#ledger.add(row, Column.Cloned, 1);
  }

  /** A request for one of the router's addresses, or an announcement (sender and target alike). */
  #concernsArp(batch: Batch, i: number): boolean {
    const at = batch.l3[i];
    if (at + ARP_LENGTH > batch.start[i] + batch.headLength[i]) return false;
    const target = this.#bytes.getInt32(at + 24);
    return target === this.#bytes.getInt32(at + 14) || this.#fib.isLocal4(target);
  }

  /** ICMPv6 types 133 (router solicitation) to 136 (neighbour advertisement). */
  #isDiscovery(batch: Batch, i: number): boolean {
    return batch.proto[i] === Protocol.Icmpv6 && batch.l4[i] >= 0 && batch.sport[i] >= 133 && batch.sport[i] <= 136;
  }

  #concernsDiscovery(batch: Batch, i: number): boolean {
    const type = batch.sport[i];
    if (type !== 135) return type !== 134;
    const target = batch.l4[i] + 8;
    if (target + 16 > batch.start[i] + batch.headLength[i]) return false;
    const bytes = this.#bytes;
    return this.#fib.isLocal6(
      bytes.getInt32(target),
      bytes.getInt32(target + 4),
      bytes.getInt32(target + 8),
      bytes.getInt32(target + 12),
    );
  }
}
