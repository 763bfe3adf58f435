import { type Batch, Fate, Kind, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { NeighborState, type NeighborTable } from '../table/neighbor-table.ts';
import { Tpid } from '../wire/vlan.ts';
import type { Hold } from './hold.ts';
import { HopKind, type RouterImage } from './image.ts';
import type { Stage } from './stage.ts';

const MAPPED = 0xffff;

/**
 * Gives routed packets the MACs of their next link: the interface's own as source, the next hop's as destination. A packet whose
 * next hop is not known waits; one that comes later waits behind it.
 * Source: RFC 826; RFC 4861, section 7.2.
 */
export class Adjacency implements Stage {
  readonly name = 'adjacency';
  readonly #bytes: DataView;
  readonly #router: RouterImage;
  readonly #neighbors: NeighborTable;
  readonly #hold: Hold;

  constructor(pool: Pool, router: RouterImage, neighbors: NeighborTable, hold: Hold) {
    this.#bytes = pool.bytes;
    this.#router = router;
    this.#neighbors = neighbors;
    this.#hold = hold;
  }

  run(batch: Batch): void {
    const { count, fate, outInterface, nextHop, l3, kind } = batch;
    const { hopKind, hopAddress } = this.#router;
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live || outInterface[i] < 0) continue;
      const hop = nextHop[i];
      if (hopKind[hop] === HopKind.Via) {
        const at = hop << 2;
        this.#resolve(batch, i, hopAddress[at], hopAddress[at + 1], hopAddress[at + 2], hopAddress[at + 3]);
      } else if (kind[i] === Kind.Ipv4) {
        this.#resolve(batch, i, 0, 0, MAPPED, bytes.getInt32(l3[i] + 16));
      } else {
        const at = l3[i] + 24;
        this.#resolve(
          batch,
          i,
          bytes.getInt32(at),
          bytes.getInt32(at + 4),
          bytes.getInt32(at + 8),
          bytes.getInt32(at + 12),
        );
      }
    }
  }

  #resolve(batch: Batch, i: number, w0: number, w1: number, w2: number, w3: number): void {
    const neighbors = this.#neighbors;
    const iface = batch.outInterface[i];
    const entry = neighbors.find(iface, w0, w1, w2, w3);
    if (entry >= 0 && neighbors.state(entry) === NeighborState.Failed) {
      this.#hold.refuse(batch, i);
      return;
    }
    if (entry < 0 || !neighbors.usable(entry) || this.#hold.isBehind(iface, w0, w1, w2, w3)) {
      this.#hold.add(batch, i, iface, w0, w1, w2, w3);
      return;
    }
    // Whatever its state: a branch that is taken for the first time after minutes would throw the optimised code away then.
    neighbors.markUsed(entry);
    rewrite(batch, i, this.#bytes, this.#router, neighbors.macHi(entry), neighbors.macLo(entry));
  }
}

/** Writes the MACs of the next link and moves the frame into the egress interface's VLAN, its tag, if it has one, included. */
export function rewrite(
  batch: Batch,
  i: number,
  bytes: DataView,
  router: RouterImage,
  high: number,
  low: number,
): void {
  const iface = batch.outInterface[i];
  const at = batch.start[i];
  const vlan = router.vlan[iface];
  bytes.setUint16(at, high);
  bytes.setInt32(at + 2, low);
  bytes.setUint16(at + 6, router.macHigh[iface]);
  bytes.setInt32(at + 8, router.macLow[iface]);
  batch.vlan[i] = vlan;
  batch.tpid[i] = Tpid.Customer;
  if (batch.tagged[i] === 1) {
    bytes.setUint16(at + 12, Tpid.Customer);
    bytes.setUint16(at + 14, batch.priority[i] | vlan);
  }
  batch.traits[i] = (batch.traits[i] | Trait.Routed) & ~Trait.Tunnelled;
}
