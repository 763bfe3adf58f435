import { type Batch, Fate, Kind, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { EtherType } from '../wire/ethernet.ts';
import { Protocol } from '../wire/ipv4.ts';
import { Walk, walk } from '../wire/ipv6-extension.ts';
import type { Stage } from './stage.ts';

const NO_TRANSPORT = -1;
/** Traits that are read from the frame. */
const OF_HEADERS = Trait.LaterFragment | Trait.Fragment | Trait.Opaque | Trait.Group;

/**
 * Finds the headers of each frame: Ethernet, the outer VLAN tag, IPv4, IPv6 or ARP, and the transport header. Only a frame
 * without a whole Ethernet header is dropped; what contradicts itself further in is not ours to judge while it is bridged, so
 * it is left with `ipLength` 0, and the router and the ACLs treat it as such.
 * Source: IEEE 802.3, 802.1Q; RFC 791, RFC 8200.
 */
export class Parse implements Stage {
  readonly name = 'parse';
  readonly #bytes: DataView;

  constructor(pool: Pool) {
    this.#bytes = pool.bytes;
  }

  run(batch: Batch): void {
    const { count, fate } = batch;
    for (let i = 0; i < count; i++) if (fate[i] === Fate.Live) this.one(batch, i);
  }

  /** Sets all columns of frame i; drops it when it has no whole Ethernet header. */
  one(batch: Batch, i: number): void {
    batch.reset(i);
    if (!this.headers(batch, i)) batch.drop(i, Drop.Malformed);
  }

  /**
   * Sets the columns of what is in the frame, and leaves what stages have found out: for a frame that was edited.
   * @returns whether it has a whole Ethernet header, and a whole tag where one is announced
   */
  headers(batch: Batch, i: number): boolean {
    const bytes = this.#bytes;
    const length = batch.headLength[i];
    const at = batch.start[i];
    const end = at + length;
    batch.traits[i] &= ~OF_HEADERS;
    batch.l4[i] = NO_TRANSPORT;
    batch.proto[i] = -1;
    batch.sport[i] = -1;
    batch.dport[i] = -1;
    batch.ipLength[i] = 0;
    batch.kind[i] = Kind.Other;
    batch.vlan[i] = 0;
    batch.tagged[i] = 0;
    batch.tpid[i] = EtherType.Vlan;
    batch.priority[i] = 0;
    if (length < 14) return false;
    if ((bytes.getUint8(at) & 1) === 1) batch.traits[i] |= Trait.Group;
    let type = bytes.getUint16(at + 12);
    let payload = at + 14;
    batch.etherType[i] = type;
    batch.l3[i] = payload;
    if (type === EtherType.Vlan || type === EtherType.ServiceVlan) {
      if (length < 18) return false;
      const tci = bytes.getUint16(at + 14);
      batch.tagged[i] = 1;
      batch.tpid[i] = type;
      batch.vlan[i] = tci & 0xfff;
      batch.priority[i] = tci & 0xf000;
      type = bytes.getUint16(at + 16);
      payload = at + 18;
      batch.etherType[i] = type;
      batch.l3[i] = payload;
    }
    if (type === EtherType.Ipv4) {
      batch.kind[i] = Kind.Ipv4;
      this.#ipv4(batch, i, payload, end, end - payload + batch.bodyLength[i]);
    } else if (type === EtherType.Ipv6) {
      batch.kind[i] = Kind.Ipv6;
      this.#ipv6(batch, i, payload, end, end - payload + batch.bodyLength[i]);
    } else if (type === EtherType.Arp) {
      batch.kind[i] = Kind.Arp;
    }
    return true;
  }

  /** @param there bytes of the frame from the IP header on, those in the body included */
  #ipv4(batch: Batch, i: number, at: number, end: number, there: number): void {
    const bytes = this.#bytes;
    if (end - at < 20) return;
    const first = bytes.getUint8(at);
    const headerLength = (first & 15) << 2;
    const total = bytes.getUint16(at + 2);
    if (first >> 4 !== 4 || headerLength < 20 || at + headerLength > end || total < headerLength || total > there)
      return;
    batch.ipLength[i] = total;
    const protocol = bytes.getUint8(at + 9);
    batch.proto[i] = protocol;
    const fragment = bytes.getUint16(at + 6) & 0x3fff;
    if (fragment !== 0) {
      batch.traits[i] |= Trait.Fragment;
      if ((fragment & 0x1fff) !== 0) {
        batch.traits[i] |= Trait.LaterFragment;
        return;
      }
    }
    this.#transport(batch, i, protocol, at + headerLength, end, total - headerLength);
  }

  #ipv6(batch: Batch, i: number, at: number, end: number, there: number): void {
    const bytes = this.#bytes;
    if (end - at < 40 || bytes.getUint8(at) >> 4 !== 6) return;
    const payload = bytes.getUint16(at + 4);
    const total = 40 + payload;
    if (total > there) return;
    batch.ipLength[i] = total;
    const next = bytes.getUint8(at + 6);
    if (next === Protocol.Tcp || next === Protocol.Udp || next === Protocol.Icmpv6) {
      batch.proto[i] = next;
      this.#transport(batch, i, next, at + 40, end, payload);
      return;
    }
    const bound = at + total < end ? at + total : end;
    const found = walk(bytes, at, bound);
    const protocol = found & 0xff;
    batch.proto[i] = protocol;
    if ((found & Walk.Fragment) !== 0) batch.traits[i] |= Trait.Fragment;
    if ((found & Walk.LaterFragment) !== 0) batch.traits[i] |= Trait.LaterFragment;
    if ((found & Walk.Incomplete) !== 0) batch.traits[i] |= Trait.Opaque;
    if ((found & (Walk.LaterFragment | Walk.Incomplete)) !== 0) return;
    const upper = at + ((found >> 8) & 0x7fff);
    this.#transport(batch, i, protocol, upper, end, at + total - upper);
  }

  /** @param length bytes that the IP header leaves for the transport packet */
  #transport(batch: Batch, i: number, protocol: number, at: number, end: number, length: number): void {
    const bytes = this.#bytes;
    switch (protocol) {
      case Protocol.Tcp:
        // A first fragment that ends before the flags hides them (RFC 1858, section 3.1).
        if (length < 20 || at + 20 > end) batch.traits[i] |= Trait.Opaque;
        if (length < 8 || at + 8 > end) return;
        batch.l4[i] = at;
        batch.sport[i] = bytes.getUint16(at);
        batch.dport[i] = bytes.getUint16(at + 2);
        return;
      case Protocol.Udp:
      case Protocol.Sctp:
        if (length < 8 || at + 8 > end) {
          batch.traits[i] |= Trait.Opaque;
          return;
        }
        batch.l4[i] = at;
        batch.sport[i] = bytes.getUint16(at);
        batch.dport[i] = bytes.getUint16(at + 2);
        return;
      case Protocol.Icmp:
      case Protocol.Icmpv6:
        if (length < 4 || at + 4 > end) {
          batch.traits[i] |= Trait.Opaque;
          return;
        }
        batch.l4[i] = at;
        batch.sport[i] = bytes.getUint8(at);
        batch.dport[i] = bytes.getUint8(at + 1);
        return;
      default:
        if (length < 0 || at > end) return;
        batch.l4[i] = at;
    }
  }
}
