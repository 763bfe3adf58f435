import { type Batch, Kind, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { AclKey, Classifier } from '../table/classifier.ts';
import { EtherType } from '../wire/ethernet.ts';
import { Protocol } from '../wire/ipv4.ts';
import { AclAction, type AclImage, type RouterImage } from './image.ts';
import { ACL_EGRESS, PUNT_QUOTE, Punt } from './punt.ts';
import { PuntClass, type Punter } from './punter.ts';

const LOG_QUOTE = 128;
const ABSENT = -1;

/**
 * Decides frames by a tenant's access control lists: the first rule that matches counts and decides. IP packets that no rule
 * matches meet the list's default; ARP, neighbour discovery and other frames that no rule matches pass, since no host
 * could speak without them (as in the IPv6 ACLs of Cisco IOS, which permit nd-na and nd-ns implicitly); router
 * advertisements need a rule. A packet that hides its transport header is denied, and counted under the default.
 */
export class Acls {
  readonly #bytes: DataView;
  readonly #acls: readonly AclImage[];
  readonly #classifiers: readonly Classifier[];
  readonly #hits: readonly Float64Array[];
  readonly #punter: Punter;
  readonly #router: RouterImage | null;
  readonly #key = new Int32Array(AclKey.LENGTH);

  constructor(pool: Pool, acls: readonly AclImage[], punter: Punter, router: RouterImage | null, worker: number) {
    this.#router = router;
    this.#bytes = pool.bytes;
    this.#acls = acls;
    this.#classifiers = acls.map((acl) => new Classifier(acl.tables));
    this.#hits = acls.map((acl) => acl.hits[worker]);
    this.#punter = punter;
  }

  /**
   * @param acl index of the list
   * @param start absolute position of the Ethernet header, in the form in which the list sees the frame
   * @param egress whether the list stands on the way out
   * @returns whether the frame may go on; a frame that is rejected has been reported to the slow path, which answers the sender
   */
  permits(batch: Batch, i: number, acl: number, start: number, egress: boolean): boolean {
    const list = this.#acls[acl];
    if ((batch.traits[i] & Trait.Opaque) !== 0 && batch.kind[i] !== Kind.Other) {
      const hits = this.#hits[acl];
      hits[hits.length - 1]++;
      return false;
    }
    this.show(batch, i, start);
    const rule = this.match(acl, batch, i);
    let action: number = AclAction.Allow;
    if (rule >= 0) {
      this.#hits[acl][rule]++;
      const listed = rule < list.action.length;
      action = listed ? list.action[rule] : AclAction.Deny;
      if (listed && list.log[rule] === 1 && this.#punter.admit(PuntClass.Events, batch.nowUs)) {
        const iface = egress ? batch.outInterface[i] : batch.inInterface[i];
        const argument = (egress ? ACL_EGRESS : 0) | (acl << 16) | rule;
        this.#punter.frame(batch, i, Punt.AclLog, iface, argument, LOG_QUOTE);
      }
    }
    if (action === AclAction.Allow) return true;
    if (action === AclAction.Reject) this.#reject(batch, i);
    return false;
  }

  /** Lets the slow path tell the sender, by the interface of the VLAN where the frame was only bridged. */
  #reject(batch: Batch, i: number): void {
    if ((batch.traits[i] & Trait.Rejected) !== 0 || !this.#punter.admit(PuntClass.Errors, batch.nowUs)) return;
    batch.traits[i] |= Trait.Rejected;
    const came = batch.inInterface[i];
    const iface = came >= 0 || this.#router === null ? came : this.#router.vlanInterface[batch.vlan[i]];
    this.#punter.frame(batch, i, Punt.Reject, iface, 0, PUNT_QUOTE);
  }

  /**
   * Which rule of a list decides the frame that was shown last: the number of rules stands for the default where it denies, -1 for
   * one that nothing holds up. Counts nothing.
   */
  match(acl: number, batch: Batch, i: number): number {
    const rule = this.matchPacket(acl);
    return rule === this.#acls[acl].action.length && !isIp(batch, i) ? -1 : rule;
  }

  /** The same, if that is an IP packet and no neighbour discovery. */
  matchPacket(acl: number): number {
    const rule = this.#classifiers[acl].match(this.#key, 0);
    if (rule >= 0) return rule;
    const { fallback, action } = this.#acls[acl];
    return fallback === AclAction.Deny ? action.length : -1;
  }

  /** Shows the frame that was shown last with other MACs, and in another VLAN: as it is behind the router. */
  readdress(vlan: number, toHigh: number, toLow: number, fromHigh: number, fromLow: number): void {
    const key = this.#key;
    key[AclKey.VLAN] = vlan;
    key[AclKey.DMAC_HI] = toHigh;
    key[AclKey.DMAC_LO] = toLow;
    key[AclKey.SMAC_HI] = fromHigh;
    key[AclKey.SMAC_LO] = fromLow;
  }

  /** Shows frame i to the lists: what `match` is about. */
  show(batch: Batch, i: number, start: number): void {
    const bytes = this.#bytes;
    const key = this.#key;
    this.#showLink(start, batch.etherType[i], batch.vlan[i]);
    const l3 = batch.l3[i];
    // What lies behind a customer's tag is payload to a tunnel, although its headers were found.
    const isPacket = batch.ipLength[i] > 0 && batch.kind[i] !== Kind.Other;
    if (isPacket) this.#showAddresses(l3, batch.kind[i] === Kind.Ipv4);
    else key[AclKey.FAMILY] = ABSENT;
    const proto = isPacket ? batch.proto[i] : ABSENT;
    const icmp = (proto === Protocol.Icmp && batch.kind[i] === Kind.Ipv4) || proto === Protocol.Icmpv6;
    key[AclKey.PROTO] = proto;
    key[AclKey.SPORT] = icmp || !isPacket ? ABSENT : batch.sport[i];
    key[AclKey.DPORT] = icmp || !isPacket ? ABSENT : batch.dport[i];
    key[AclKey.ICMP_TYPE] = icmp ? batch.sport[i] : ABSENT;
    key[AclKey.ICMP_CODE] = icmp ? batch.dport[i] : ABSENT;
    const l4 = batch.l4[i];
    const flagsThere = proto === Protocol.Tcp && l4 >= 0 && l4 + 14 <= batch.start[i] + batch.headLength[i];
    key[AclKey.TCP_FLAGS] = flagsThere ? bytes.getUint8(l4 + 13) : ABSENT;
    key[AclKey.FRAGMENT] = !isPacket ? ABSENT : (batch.traits[i] & Trait.Fragment) !== 0 ? 1 : 0;
  }

  /**
   * Shows a packet of TCP, UDP or ICMP without options, extension headers or fragments to the lists.
   * @param start position of the Ethernet header @param l3 of the IP header, of IPv4 or else IPv6
   */
  showPlain(start: number, l3: number, four: boolean, vlan: number): void {
    const bytes = this.#bytes;
    const key = this.#key;
    this.#showLink(start, four ? EtherType.Ipv4 : EtherType.Ipv6, vlan);
    this.#showAddresses(l3, four);
    const proto = bytes.getUint8(l3 + (four ? 9 : 6));
    const l4 = l3 + (four ? 20 : 40);
    const icmp = proto === Protocol.Icmp || proto === Protocol.Icmpv6;
    key[AclKey.PROTO] = proto;
    key[AclKey.SPORT] = icmp ? ABSENT : bytes.getUint16(l4);
    key[AclKey.DPORT] = icmp ? ABSENT : bytes.getUint16(l4 + 2);
    key[AclKey.ICMP_TYPE] = icmp ? bytes.getUint8(l4) : ABSENT;
    key[AclKey.ICMP_CODE] = icmp ? bytes.getUint8(l4 + 1) : ABSENT;
    key[AclKey.TCP_FLAGS] = proto === Protocol.Tcp ? bytes.getUint8(l4 + 13) : ABSENT;
    key[AclKey.FRAGMENT] = 0;
  }

  #showLink(start: number, etherType: number, vlan: number): void {
    const bytes = this.#bytes;
    const key = this.#key;
    key[AclKey.ETHERTYPE] = etherType;
    key[AclKey.VLAN] = vlan;
    key[AclKey.DMAC_HI] = bytes.getUint16(start);
    key[AclKey.DMAC_LO] = bytes.getInt32(start + 2);
    key[AclKey.SMAC_HI] = bytes.getUint16(start + 6);
    key[AclKey.SMAC_LO] = bytes.getInt32(start + 8);
  }

  /** Family and addresses of an IP packet. */
  #showAddresses(l3: number, four: boolean): void {
    const bytes = this.#bytes;
    const key = this.#key;
    key[AclKey.FAMILY] = four ? 4 : 6;
    // Of IPv4 the first word of each; the others are not looked at.
    const source = l3 + (four ? 12 : 8);
    const destination = l3 + (four ? 16 : 24);
    key[AclKey.SRC0] = bytes.getInt32(source);
    key[AclKey.DST0] = bytes.getInt32(destination);
    if (!four) {
      for (let k = 1; k < 4; k++) {
        key[AclKey.SRC0 + k] = bytes.getInt32(source + k * 4);
        key[AclKey.DST0 + k] = bytes.getInt32(destination + k * 4);
      }
    }
  }
}

/** IPv4, or IPv6 but for neighbour discovery: what a list's default is about. */
function isIp(batch: Batch, i: number): boolean {
  if (batch.kind[i] === Kind.Ipv4) return true;
  if (batch.kind[i] !== Kind.Ipv6) return false;
  if (batch.proto[i] !== Protocol.Icmpv6) return true;
  const type = batch.sport[i];
  return type !== 133 && type !== 135 && type !== 136;
}

/** Adds what the list that this one has taken the place of has counted on a worker. Once, by the worker, which alone counts there. */
export function carryHits({ hits, before }: AclImage, worker: number): void {
  if (before === null) return;
  const now = hits[worker];
  const then = before.hits[worker];
  before.places.forEach((place, i) => {
    if (place >= 0) now[i] += then[place];
  });
}
