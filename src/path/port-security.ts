import { type Batch, Fate, Kind, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { EtherType } from '../wire/ethernet.ts';
import { Protocol } from '../wire/ipv4.ts';
import type { BridgeImage, SecurityImage } from './image.ts';
import type { Stage } from './stage.ts';

const MAPPED = 0xffff;

/**
 * Port security: a port with it may send only from its own MACs and, if it has addresses, only from those, in IP, in ARP and in
 * neighbour discovery. As in OVN (ovn-architecture, port_security of Logical_Switch_Port) a host may still ask for an
 * address: DHCP from 0.0.0.0, ARP probes, and duplicate address detection and router solicitation from `::`; IPv6
 * addresses that a host makes from its own MAC, link-local or in the subnet of its addresses, are its own too.
 */
export class PortSecurity implements Stage {
  readonly name = 'port-security';
  readonly #bytes: DataView;
  readonly #bridge: BridgeImage;

  constructor(pool: Pool, bridge: BridgeImage) {
    this.#bytes = pool.bytes;
    this.#bridge = bridge;
  }

  run(batch: Batch): void {
    const { count, fate } = batch;
    for (let i = 0; i < count; i++) {
      if (fate[i] === Fate.Live && !this.permits(batch, i)) batch.drop(i, Drop.PortSecurity);
    }
  }

  /** Whether frame i comes from an address of its port's own. */
  permits(batch: Batch, i: number): boolean {
    const { security, securities } = this.#bridge;
    const place = security[batch.port[i]];
    if (place < 0) return true;
    const own = securities[place];
    const at = batch.start[i] + 6;
    if (!hasMac(own, this.#bytes.getUint16(at), this.#bytes.getInt32(at + 2))) return false;
    return own.prefixes.length === 0 || this.#addressFits(batch, i, own);
  }

  #addressFits(batch: Batch, i: number, own: SecurityImage): boolean {
    const bytes = this.#bytes;
    const at = batch.l3[i];
    const end = batch.start[i] + batch.headLength[i];
    switch (batch.kind[i]) {
      case Kind.Ipv4: {
        if (batch.ipLength[i] === 0) return false;
        const source = bytes.getInt32(at + 12);
        if (source === 0) return batch.proto[i] === Protocol.Udp && batch.sport[i] === 68 && batch.dport[i] === 67;
        return hasAddress(own, 0, 0, MAPPED, source);
      }
      case Kind.Arp: {
        if (at + 28 > end) return false;
        if (!hasMac(own, bytes.getUint16(at + 8), bytes.getInt32(at + 10))) return false;
        const sender = bytes.getInt32(at + 14);
        return sender === 0 || hasAddress(own, 0, 0, MAPPED, sender);
      }
      case Kind.Ipv6:
        return batch.ipLength[i] !== 0 && this.#ipv6Fits(batch, i, own, at);
      default:
        // A second tag would hide the addresses; other protocols carry none.
        return batch.etherType[i] !== EtherType.Vlan && batch.etherType[i] !== EtherType.ServiceVlan;
    }
  }

  #ipv6Fits(batch: Batch, i: number, own: SecurityImage, at: number): boolean {
    const bytes = this.#bytes;
    const w0 = bytes.getInt32(at + 8);
    const w1 = bytes.getInt32(at + 12);
    const w2 = bytes.getInt32(at + 16);
    const w3 = bytes.getInt32(at + 20);
    // What is hidden may be neighbour discovery.
    if ((batch.traits[i] & Trait.Opaque) !== 0) return false;
    const type = batch.proto[i] === Protocol.Icmpv6 ? batch.sport[i] : -1;
    const anonymous = (w0 | w1 | w2 | w3) === 0;
    if (anonymous) {
      if (type === 133 || type === 143) return true;
      if (type !== 135) return false;
    } else if (!hasAddress(own, w0, w1, w2, w3) && !isSelfMade(own, w0, w1, w2, w3)) return false;
    if (type === 133) return this.#linkLayerFits(batch, i, own, batch.l4[i] + 8);
    if (type !== 135 && type !== 136) return true;
    if (!this.#linkLayerFits(batch, i, own, batch.l4[i] + 24)) return false;
    if (type === 135 && !anonymous) return true;
    // An advertisement, and a test for duplicates, speak for their target.
    const target = batch.l4[i] + 8;
    if (target + 16 > batch.start[i] + batch.headLength[i]) return false;
    const t0 = bytes.getInt32(target);
    const t1 = bytes.getInt32(target + 4);
    const t2 = bytes.getInt32(target + 8);
    const t3 = bytes.getInt32(target + 12);
    return hasAddress(own, t0, t1, t2, t3) || isSelfMade(own, t0, t1, t2, t3);
  }

  /** Link-layer addresses in the options of neighbour discovery (RFC 4861, 4.6.1) must be the port's own. */
  #linkLayerFits(batch: Batch, i: number, own: SecurityImage, from: number): boolean {
    const bytes = this.#bytes;
    const end = Math.min(batch.start[i] + batch.headLength[i], batch.l3[i] + batch.ipLength[i]);
    let at = from;
    while (at + 8 <= end) {
      const type = bytes.getUint8(at);
      const length = bytes.getUint8(at + 1) << 3;
      if (length === 0) return false;
      if ((type === 1 || type === 2) && !hasMac(own, bytes.getUint16(at + 2), bytes.getInt32(at + 4))) return false;
      at += length;
    }
    return true;
  }
}

function hasMac(own: SecurityImage, high: number, low: number): boolean {
  const { macs } = own;
  for (let k = 0; k < macs.length; k += 2) if (macs[k] === high && macs[k + 1] === low) return true;
  return false;
}

/** Whether the address lies in one of the port's prefixes. */
function hasAddress(own: SecurityImage, w0: number, w1: number, w2: number, w3: number): boolean {
  const { prefixes } = own;
  for (let k = 0; k < prefixes.length; k += 5) {
    const length = prefixes[k + 4];
    if (
      ((prefixes[k] ^ w0) & mask(length)) === 0 &&
      ((prefixes[k + 1] ^ w1) & mask(length - 32)) === 0 &&
      ((prefixes[k + 2] ^ w2) & mask(length - 64)) === 0 &&
      ((prefixes[k + 3] ^ w3) & mask(length - 96)) === 0
    ) {
      return true;
    }
  }
  return false;
}

function mask(length: number): number {
  if (length <= 0) return 0;
  return length >= 32 ? -1 : -1 << (32 - length);
}

/**
 * An address that the host made itself, by the modified EUI-64 of one of the port's MACs: link-local, or in the /64 of one of the
 * port's addresses, as a router advertisement makes hosts do (RFC 4862, 5.5.3).
 */
function isSelfMade(own: SecurityImage, w0: number, w1: number, w2: number, w3: number): boolean {
  const linkLocal = w0 === 0xfe800000 >> 0 && w1 === 0;
  if (!linkLocal && !hasSubnet(own, w0, w1)) return false;
  const { macs } = own;
  for (let k = 0; k < macs.length; k += 2) {
    const high = macs[k];
    const low = macs[k + 1];
    const upper = ((high ^ 0x0200) << 16) | ((low >>> 16) & 0xff00) | 0xff;
    const lower = 0xfe000000 | (low & 0xffffff);
    if (w2 === (upper | 0) && w3 === (lower | 0)) return true;
  }
  return false;
}

function hasSubnet(own: SecurityImage, w0: number, w1: number): boolean {
  const { prefixes } = own;
  for (let k = 0; k < prefixes.length; k += 5) {
    if (prefixes[k + 4] >= 64 && prefixes[k] === w0 && prefixes[k + 1] === w1) return true;
  }
  return false;
}
