import type { Field, Prerequisite } from '../fields.ts';

/**
 * What is known of the frames that reach a point in a rule: by its match, then by the actions before. -1 is unknown. Decides which
 * fields may be matched and set. Source: 1.3.5, section 7.2.3.8.
 */
export interface Known {
  ethType: number;
  proto: number;
  icmpv6Type: number;
  /** Tags that are surely there. */
  tags: number;
  inPort: boolean;
}

export function meets(known: Known, prerequisite: Prerequisite | null): boolean {
  const { ethType, proto, icmpv6Type } = known;
  const ip = ethType === 0x0800 || ethType === 0x86dd;
  const icmpv6 = ethType === 0x86dd && proto === 58;
  switch (prerequisite) {
    case null:
      return true;
    case 'in_port':
      return known.inPort;
    case 'vlan':
      return known.tags > 0;
    case 'ip':
      return ip;
    case 'ipv4':
      return ethType === 0x0800;
    case 'ipv6':
      return ethType === 0x86dd;
    case 'tcp':
      return ip && proto === 6;
    case 'udp':
      return ip && proto === 17;
    case 'sctp':
      return ip && proto === 132;
    case 'icmpv4':
      return ethType === 0x0800 && proto === 1;
    case 'icmpv6':
      return icmpv6;
    case 'arp':
      return ethType === 0x0806;
    case 'nd':
      return icmpv6 && (icmpv6Type === 135 || icmpv6Type === 136);
    case 'nd-solicit':
      return icmpv6 && icmpv6Type === 135;
    case 'nd-advert':
      return icmpv6 && icmpv6Type === 136;
    case 'mpls':
      return ethType === 0x8847 || ethType === 0x8848;
    case 'pbb':
      return ethType === 0x88e7;
  }
}

/** What to add to a match, by prerequisite. */
export const NEEDS: Record<Prerequisite, string> = {
  in_port: 'in_port=N',
  vlan: 'dl_vlan=N, or vlan_vid=0x1000/0x1000 for any tag,',
  ip: 'ip or ipv6',
  ipv4: 'ip',
  ipv6: 'ipv6',
  tcp: 'tcp or tcp6',
  udp: 'udp or udp6',
  sctp: 'sctp or sctp6',
  icmpv4: 'icmp',
  icmpv6: 'icmp6',
  arp: 'arp',
  nd: 'icmp6,icmp_type=135 or icmp6,icmp_type=136',
  'nd-solicit': 'icmp6,icmp_type=135',
  'nd-advert': 'icmp6,icmp_type=136',
  mpls: 'mpls or mplsm',
  pbb: 'dl_type=0x88e7',
};

/** The first of the fields whose prerequisite is met, or null. */
export function firstMet(known: Known, fields: readonly Field[]): Field | null {
  for (const field of fields) if (meets(known, field.prerequisite)) return field;
  return null;
}

/** What to add for one of the fields; each kind once. */
export function needed(fields: readonly Field[]): string {
  const needs = new Set(fields.flatMap(({ prerequisite }) => (prerequisite === null ? [] : [NEEDS[prerequisite]])));
  return [...needs].join(', or ');
}
