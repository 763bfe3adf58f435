import { FIELDS, type Field, type FieldName, fieldNamed } from '../fields.ts';

/** How values of a field are written. */
export type Syntax = 'decimal' | 'hex' | 'mac' | 'ipv4' | 'ipv6' | 'port';

/** A field in text. */
export interface Named {
  readonly field: Field;
  readonly syntax: Syntax;
  /** As ovs-ofctl prints it in a match; those of transport and IP are shared by several fields. */
  readonly match: string;
  /** As ovs-ofctl prints it behind `set_field:…->`. */
  readonly set: string;
}

/** Field, syntax, name in a match, name in set_field where it is another one. */
const ROWS: readonly (readonly [FieldName, Syntax, string, string?])[] = [
  ['in_port', 'port', 'in_port'],
  ['in_phy_port', 'port', 'in_phy_port'],
  ['metadata', 'hex', 'metadata'],
  ['eth_dst', 'mac', 'dl_dst', 'eth_dst'],
  ['eth_src', 'mac', 'dl_src', 'eth_src'],
  ['eth_type', 'hex', 'dl_type', 'eth_type'],
  ['vlan_vid', 'decimal', 'vlan_vid'],
  ['vlan_pcp', 'decimal', 'dl_vlan_pcp', 'vlan_pcp'],
  ['ip_dscp', 'decimal', 'ip_dscp'],
  ['ip_ecn', 'decimal', 'nw_ecn'],
  ['ip_proto', 'decimal', 'nw_proto'],
  ['ipv4_src', 'ipv4', 'nw_src', 'ip_src'],
  ['ipv4_dst', 'ipv4', 'nw_dst', 'ip_dst'],
  ['tcp_src', 'decimal', 'tp_src', 'tcp_src'],
  ['tcp_dst', 'decimal', 'tp_dst', 'tcp_dst'],
  ['udp_src', 'decimal', 'tp_src', 'udp_src'],
  ['udp_dst', 'decimal', 'tp_dst', 'udp_dst'],
  ['sctp_src', 'decimal', 'tp_src', 'sctp_src'],
  ['sctp_dst', 'decimal', 'tp_dst', 'sctp_dst'],
  ['icmpv4_type', 'decimal', 'icmp_type'],
  ['icmpv4_code', 'decimal', 'icmp_code'],
  ['arp_op', 'decimal', 'arp_op'],
  ['arp_spa', 'ipv4', 'arp_spa'],
  ['arp_tpa', 'ipv4', 'arp_tpa'],
  ['arp_sha', 'mac', 'arp_sha'],
  ['arp_tha', 'mac', 'arp_tha'],
  ['ipv6_src', 'ipv6', 'ipv6_src'],
  ['ipv6_dst', 'ipv6', 'ipv6_dst'],
  ['ipv6_flabel', 'hex', 'ipv6_label'],
  ['icmpv6_type', 'decimal', 'icmp_type', 'icmpv6_type'],
  ['icmpv6_code', 'decimal', 'icmp_code', 'icmpv6_code'],
  ['ipv6_nd_target', 'ipv6', 'nd_target'],
  ['ipv6_nd_sll', 'mac', 'nd_sll'],
  ['ipv6_nd_tll', 'mac', 'nd_tll'],
  ['mpls_label', 'decimal', 'mpls_label'],
  ['mpls_tc', 'decimal', 'mpls_tc'],
  ['mpls_bos', 'decimal', 'mpls_bos'],
  ['pbb_isid', 'hex', 'pbb_isid'],
  ['tunnel_id', 'hex', 'tun_id'],
  ['ipv6_exthdr', 'hex', 'ipv6_exthdr'],
];

/** By the number of the field. */
export const NAMED: readonly Named[] = FIELDS.map((field) => {
  const row = ROWS.find(([name]) => name === field.name);
  if (row === undefined) throw new Error(`no text for field ${field.name}`);
  const [, syntax, match, set] = row;
  return { field, syntax, match, set: set ?? match };
});

/**
 * What a word of a match stands for: one field, or the first of several whose prerequisites the match fulfils; `special` words say
 * something about a field in their own way.
 */
export interface Meaning {
  readonly fields: readonly Field[];
  readonly special: 'dl_vlan' | 'vlan_tci' | 'nw_tos' | null;
}

const one = (...names: FieldName[]): Meaning => ({ fields: names.map(fieldNamed), special: null });
const special = (name: FieldName, word: Meaning['special']): Meaning => ({ fields: [fieldNamed(name)], special: word });

/** Words of matches and of set_field: names of OpenFlow, of Open vSwitch, and the older ones. Source: ovs-fields(7). */
export const WORDS: ReadonlyMap<string, Meaning> = new Map([
  ...FIELDS.map((field): [string, Meaning] => [field.name, { fields: [field], special: null }]),
  ['dl_dst', one('eth_dst')],
  ['dl_src', one('eth_src')],
  ['dl_type', one('eth_type')],
  ['dl_vlan', special('vlan_vid', 'dl_vlan')],
  ['vlan_tci', special('vlan_vid', 'vlan_tci')],
  ['dl_vlan_pcp', one('vlan_pcp')],
  ['nw_tos', special('ip_dscp', 'nw_tos')],
  ['nw_ecn', one('ip_ecn')],
  ['nw_proto', one('ip_proto', 'arp_op')],
  ['nw_src', one('ipv4_src', 'arp_spa')],
  ['nw_dst', one('ipv4_dst', 'arp_tpa')],
  ['ip_src', one('ipv4_src', 'arp_spa')],
  ['ip_dst', one('ipv4_dst', 'arp_tpa')],
  ['tp_src', one('tcp_src', 'udp_src', 'sctp_src', 'icmpv4_type', 'icmpv6_type')],
  ['tp_dst', one('tcp_dst', 'udp_dst', 'sctp_dst', 'icmpv4_code', 'icmpv6_code')],
  ['icmp_type', one('icmpv4_type', 'icmpv6_type')],
  ['icmp_code', one('icmpv4_code', 'icmpv6_code')],
  ['ipv6_label', one('ipv6_flabel')],
  ['nd_target', one('ipv6_nd_target')],
  ['nd_sll', one('ipv6_nd_sll')],
  ['nd_tll', one('ipv6_nd_tll')],
  ['tun_id', one('tunnel_id')],
]);

/** EtherType and IP protocol (or -1) of a shorthand; `eth` is any frame. */
export interface Protocol {
  readonly word: string;
  readonly ethType: number;
  readonly proto: number;
}

/** Source: ovs-fields(7), «Shorthands». */
export const PROTOCOLS: readonly Protocol[] = [
  { word: 'eth', ethType: -1, proto: -1 },
  { word: 'ip', ethType: 0x0800, proto: -1 },
  { word: 'ipv4', ethType: 0x0800, proto: -1 },
  { word: 'ipv6', ethType: 0x86dd, proto: -1 },
  { word: 'icmp', ethType: 0x0800, proto: 1 },
  { word: 'icmp6', ethType: 0x86dd, proto: 58 },
  { word: 'tcp', ethType: 0x0800, proto: 6 },
  { word: 'tcp6', ethType: 0x86dd, proto: 6 },
  { word: 'udp', ethType: 0x0800, proto: 17 },
  { word: 'udp6', ethType: 0x86dd, proto: 17 },
  { word: 'sctp', ethType: 0x0800, proto: 132 },
  { word: 'sctp6', ethType: 0x86dd, proto: 132 },
  { word: 'arp', ethType: 0x0806, proto: -1 },
  { word: 'rarp', ethType: 0x8035, proto: -1 },
  { word: 'mpls', ethType: 0x8847, proto: -1 },
  { word: 'mplsm', ethType: 0x8848, proto: -1 },
];

/** Words of Open vSwitch that OpenFlow 1.3 cannot say, and what to write instead. */
export function foreignField(word: string): string | null {
  if (
    /^(x{0,2}reg\d+|ct_\w+|tun_\w+|tunnel_\w+|pkt_mark|conj_id|recirc_id|dp_hash|skb_priority|nsh_\w+|packet_type|actset_output|gtpu_\w+)$/.test(
      word,
    )
  ) {
    return 'leave it out; metadata carries values from table to table';
  }
  if (word === 'nw_ttl' || word === 'mpls_ttl')
    return 'leave it out; dec_ttl in the actions drops what has lived too long';
  if (word === 'nw_frag' || word === 'ip_frag' || word === 'tcp_flags') return 'leave it out';
  return word === 'nd_options_type' || word === 'nd_reserved' || word === 'importance' ? 'leave it out' : null;
}
