import { KeyWord } from '../path/rules/layout.ts';
import { SetField } from '../path/rules/program.ts';

/** What a match must say besides, before a field may be matched or set. Source: 1.3.5, section 7.2.3.7, table 12. */
export type Prerequisite =
  | 'in_port'
  | 'vlan'
  | 'ip'
  | 'ipv4'
  | 'ipv6'
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmpv4'
  | 'icmpv6'
  | 'arp'
  | 'nd'
  | 'nd-solicit'
  | 'nd-advert'
  | 'mpls'
  | 'pbb';

/**
 * name as in the specification, number (OFPXMT_OFB_*), bits, whether a mask is allowed, first word and shift in the flow key,
 * prerequisite, code of set-field. Ports of TCP, UDP and SCTP take masks, more than the specification asks for, as in Open vSwitch: ranges
 * are made of them.
 */
const ROWS = [
  ['in_port', 0, 32, false, KeyWord.InPort, 0, null, null],
  ['in_phy_port', 1, 32, false, KeyWord.InPhyPort, 0, 'in_port', null],
  ['metadata', 2, 64, true, KeyWord.MetadataHigh, 0, null, SetField.Metadata],
  ['eth_dst', 3, 48, true, KeyWord.EthDstHigh, 0, null, SetField.EthDst],
  ['eth_src', 4, 48, true, KeyWord.EthSrcHigh, 0, null, SetField.EthSrc],
  ['eth_type', 5, 16, false, KeyWord.EthType, 0, null, SetField.EthType],
  ['vlan_vid', 6, 13, true, KeyWord.Vlan, 0, null, SetField.VlanVid],
  ['vlan_pcp', 7, 3, false, KeyWord.Vlan, 16, 'vlan', SetField.VlanPcp],
  ['ip_dscp', 8, 6, false, KeyWord.Ip, 10, 'ip', SetField.IpDscp],
  ['ip_ecn', 9, 2, false, KeyWord.Ip, 8, 'ip', SetField.IpEcn],
  ['ip_proto', 10, 8, false, KeyWord.Ip, 0, 'ip', SetField.IpProto],
  ['ipv4_src', 11, 32, true, KeyWord.Ipv4Src, 0, 'ipv4', SetField.Ipv4Src],
  ['ipv4_dst', 12, 32, true, KeyWord.Ipv4Dst, 0, 'ipv4', SetField.Ipv4Dst],
  ['tcp_src', 13, 16, true, KeyWord.Transport, 16, 'tcp', SetField.TcpSrc],
  ['tcp_dst', 14, 16, true, KeyWord.Transport, 0, 'tcp', SetField.TcpDst],
  ['udp_src', 15, 16, true, KeyWord.Transport, 16, 'udp', SetField.UdpSrc],
  ['udp_dst', 16, 16, true, KeyWord.Transport, 0, 'udp', SetField.UdpDst],
  ['sctp_src', 17, 16, true, KeyWord.Transport, 16, 'sctp', SetField.SctpSrc],
  ['sctp_dst', 18, 16, true, KeyWord.Transport, 0, 'sctp', SetField.SctpDst],
  ['icmpv4_type', 19, 8, false, KeyWord.Transport, 16, 'icmpv4', SetField.Icmpv4Type],
  ['icmpv4_code', 20, 8, false, KeyWord.Transport, 0, 'icmpv4', SetField.Icmpv4Code],
  ['arp_op', 21, 16, false, KeyWord.Transport, 16, 'arp', SetField.ArpOp],
  ['arp_spa', 22, 32, true, KeyWord.Ipv4Src, 0, 'arp', SetField.ArpSpa],
  ['arp_tpa', 23, 32, true, KeyWord.Ipv4Dst, 0, 'arp', SetField.ArpTpa],
  ['arp_sha', 24, 48, true, KeyWord.ArpShaHigh, 0, 'arp', SetField.ArpSha],
  ['arp_tha', 25, 48, true, KeyWord.ArpThaHigh, 0, 'arp', SetField.ArpTha],
  ['ipv6_src', 26, 128, true, KeyWord.Ipv6Src, 0, 'ipv6', SetField.Ipv6Src],
  ['ipv6_dst', 27, 128, true, KeyWord.Ipv6Dst, 0, 'ipv6', SetField.Ipv6Dst],
  ['ipv6_flabel', 28, 20, true, KeyWord.Ipv6Label, 0, 'ipv6', SetField.Ipv6Label],
  ['icmpv6_type', 29, 8, false, KeyWord.Transport, 16, 'icmpv6', SetField.Icmpv6Type],
  ['icmpv6_code', 30, 8, false, KeyWord.Transport, 0, 'icmpv6', SetField.Icmpv6Code],
  ['ipv6_nd_target', 31, 128, false, KeyWord.NdTarget, 0, 'nd', SetField.NdTarget],
  ['ipv6_nd_sll', 32, 48, false, KeyWord.ArpShaHigh, 0, 'nd-solicit', SetField.NdSll],
  ['ipv6_nd_tll', 33, 48, false, KeyWord.ArpThaHigh, 0, 'nd-advert', SetField.NdTll],
  ['mpls_label', 34, 20, false, KeyWord.Mpls, 12, 'mpls', SetField.MplsLabel],
  ['mpls_tc', 35, 3, false, KeyWord.Mpls, 9, 'mpls', SetField.MplsTc],
  ['mpls_bos', 36, 1, false, KeyWord.Mpls, 8, 'mpls', SetField.MplsBos],
  ['pbb_isid', 37, 24, true, KeyWord.PbbIsid, 0, 'pbb', SetField.PbbIsid],
  ['tunnel_id', 38, 64, true, KeyWord.TunnelHigh, 0, null, SetField.TunnelId],
  ['ipv6_exthdr', 39, 9, true, KeyWord.Ipv6Label, 20, 'ipv6', null],
] as const;

export type FieldName = (typeof ROWS)[number][0];

/** A match field of OpenFlow 1.3 (class OFPXMC_OPENFLOW_BASIC). */
export interface Field {
  readonly name: FieldName;
  /** OFPXMT_OFB_*. */
  readonly number: number;
  readonly bits: number;
  /** Bytes of a value on the wire. */
  readonly bytes: number;
  readonly maskable: boolean;
  /** First word in the flow key; values over 32 bits take further words, most significant first (48 bits: 16, then 32). */
  readonly word: number;
  /** Position of the value's lowest bit in its word. */
  readonly shift: number;
  readonly prerequisite: Prerequisite | null;
  /** Code of set-field, null where the field cannot be set. */
  readonly set: SetField | null;
}

/** All fields, by their number. */
export const FIELDS: readonly Field[] = ROWS.map(
  ([name, number, bits, maskable, word, shift, prerequisite, set]): Field => ({
    name,
    number,
    bits,
    // Labels of 20 bits lie in words of 32 (1.3.5, section 7.2.3.7, table 12).
    bytes: bits === 20 ? 4 : (bits + 7) >> 3,
    maskable,
    word,
    shift,
    prerequisite,
    set,
  }),
);

const BY_NAME = new Map(FIELDS.map((field) => [field.name, field]));

/** The field of a name that the compiler knows. */
export function fieldNamed(name: FieldName): Field {
  const field = BY_NAME.get(name);
  if (field === undefined) throw new Error(`no field ${name}`);
  return field;
}
