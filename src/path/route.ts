import { type Batch, Fate, Kind, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import { isChecksumRight } from '../wire/ipv4.ts';
import { packetBytes } from './charge.ts';
import type { Fib } from './fib.ts';
import { flowHash } from './flow-hash.ts';
import { HopKind, type RouterImage } from './image.ts';
import { isMartian4, isMartian6, isMulticast4 } from './martian.ts';
import { PUNT_MOST, PUNT_QUOTE, Punt } from './punt.ts';
import { PuntClass, type Punter } from './punter.ts';
import type { Stage } from './stage.ts';

/**
 * Routes: looks the destination up, chooses among equal next hops by the flow's hash, and decides whether the packet goes on, to
 * the router itself, to another tenant's router, or nowhere (then the slow path tells the sender by ICMP). The packet keeps its
 * MACs and TTL: the stages behind change them. Frames that were not addressed to the router pass untouched.
 * Source: RFC 1812, section 5; RFC 8200; RFC 4443.
 */
export class Route implements Stage {
  readonly name = 'route';
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
    const { count, fate, inInterface, traits, kind } = batch;
    const bytes = this.#bytes;
    const fib = this.#fib;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live) continue;
      const own = (traits[i] & (Trait.Generated | Trait.Leaked)) !== 0;
      if (inInterface[i] < 0 && !own) continue;
      if (batch.ipLength[i] === 0) {
        batch.drop(i, Drop.IpHeader);
        continue;
      }
      if ((traits[i] & Trait.Leaked) !== 0 && !this.#isFromThere(batch, i)) {
        batch.drop(i, Drop.Martian);
        continue;
      }
      const at = batch.l3[i];
      let set = -1;
      if (kind[i] === Kind.Ipv4) {
        if (!isChecksumRight(bytes, at)) {
          batch.drop(i, Drop.IpHeader);
          continue;
        }
        const destination = bytes.getInt32(at + 16);
        if (!own && isMartian4(bytes.getInt32(at + 12), destination)) {
          batch.drop(i, Drop.Martian);
          continue;
        }
        if (isMulticast4(destination)) {
          batch.drop(i, Drop.MulticastRoute);
          continue;
        }
        set = fib.lookup4(destination);
      } else {
        const w0 = bytes.getInt32(at + 24);
        if (w0 >>> 24 === 0xff) {
          batch.drop(i, Drop.MulticastRoute);
          continue;
        }
        const w1 = bytes.getInt32(at + 28);
        const w2 = bytes.getInt32(at + 32);
        const w3 = bytes.getInt32(at + 36);
        set = fib.lookup6(w0, w1, w2, w3);
        if (!own && isMartian6(bytes, at) && !(set >= 0 && fib.isLocal6(w0, w1, w2, w3))) {
          batch.drop(i, Drop.Martian);
          continue;
        }
      }
      if (set < 0) {
        this.#refuse(batch, i, Punt.NoRoute, 0, Drop.NoRoute);
        continue;
      }
      this.#choose(batch, i, fib.hop(set, fib.isMultipath(set) ? flowHash(batch, i, bytes, this.#router.hashKeys) : 0));
    }
  }

  /** Whether the way back leads to the tenant that the packet came from: its router vouches for nobody else's addresses. */
  #isFromThere(batch: Batch, i: number): boolean {
    const bytes = this.#bytes;
    const fib = this.#fib;
    const { hopKind, hopTenant } = this.#router;
    const at = batch.l3[i] + (batch.kind[i] === Kind.Ipv4 ? 12 : 8);
    const set =
      batch.kind[i] === Kind.Ipv4
        ? fib.lookup4(bytes.getInt32(at))
        : fib.lookup6(bytes.getInt32(at), bytes.getInt32(at + 4), bytes.getInt32(at + 8), bytes.getInt32(at + 12));
    if (set < 0) return false;
    const hop = fib.hop(set, 0);
    return hopKind[hop] === HopKind.Leak && hopTenant[hop] === batch.leakedFrom[i];
  }

  #choose(batch: Batch, i: number, hop: number): void {
    const { hopKind, hopInterface, hopTenant, mtu } = this.#router;
    switch (hopKind[hop]) {
      case HopKind.Local:
        this.#toSelf(batch, i);
        return;
      case HopKind.Blackhole:
        batch.drop(i, Drop.Blackhole);
        return;
      case HopKind.Reject:
        this.#refuse(batch, i, Punt.Reject, 0, Drop.Reject);
        return;
      default:
    }
    // RFC 1812, 5.3.1: a router must not forward what would leave with a TTL of 0; its own packets keep theirs.
    if ((batch.traits[i] & (Trait.Generated | Trait.Leaked)) === 0) {
      const ttl = this.#bytes.getUint8(batch.l3[i] + (batch.kind[i] === Kind.Ipv4 ? 8 : 7));
      if (ttl <= 1) {
        this.#refuse(batch, i, Punt.TtlExceeded, 0, Drop.Ttl);
        return;
      }
    }
    if (hopKind[hop] === HopKind.Leak) {
      // Twice through the same door would be a loop between two tenants.
      if ((batch.traits[i] & Trait.Leaked) !== 0) batch.drop(i, Drop.NoRoute);
      else {
        batch.leakTo[i] = hopTenant[hop];
        batch.fate[i] = Fate.Leaked;
      }
      return;
    }
    const out = hopInterface[hop];
    batch.outInterface[i] = out;
    batch.nextHop[i] = hop;
    const most = mtu[out];
    if (packetBytes(batch, i, this.#bytes) > most) this.#tooBig(batch, i, most);
  }

  /** RFC 1191, RFC 8201: the sender hears of it, unless the packet is IPv4 and may be fragmented. */
  #tooBig(batch: Batch, i: number, most: number): void {
    const mayFragment = batch.kind[i] === Kind.Ipv4 && (this.#bytes.getUint8(batch.l3[i] + 6) & 0x40) === 0;
    if (mayFragment) batch.limit[i] = most;
    else this.#refuse(batch, i, Punt.TooBig, most, Drop.TooBig);
  }

  #toSelf(batch: Batch, i: number): void {
    const row = batch.port[i];
    if ((batch.traits[i] & Trait.Generated) !== 0) batch.drop(i, Drop.NotForUs);
    else if (!this.#punter.admit(PuntClass.Local, batch.nowUs)) batch.drop(i, Drop.PuntRate);
    else if (!this.#punter.frame(batch, i, Punt.Local, batch.inInterface[i], 0, PUNT_MOST))
      batch.drop(i, Drop.PuntFull);
    else {
      this.#ledger.add(row, Column.Consumed, 1);
      batch.fate[i] = Fate.Punted;
    }
  }

  /** Drops the frame and lets the slow path tell the sender. */
  #refuse(batch: Batch, i: number, kind: number, argument: number, reason: number): void {
    if ((batch.traits[i] & Trait.Generated) === 0 && this.#punter.admit(PuntClass.Errors, batch.nowUs)) {
      this.#punter.frame(batch, i, kind, batch.inInterface[i], argument, PUNT_QUOTE);
    }
    batch.drop(i, reason);
  }
}
