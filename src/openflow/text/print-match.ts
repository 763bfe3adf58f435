import { type FieldName, fieldNamed } from '../fields.ts';
import type { FieldMatch, Match } from '../model.ts';
import { NAMED, PROTOCOLS } from './names.ts';
import type { PortNames } from './ports.ts';
import { formatMask, formatValue, hex, numberOf, padded } from './print-value.ts';
import { isEmpty, isFull } from './value.ts';

/** In ovs-ofctl's order; fields that it does not know come last. */
const ORDER = (
  [
    ...['tunnel_id', 'metadata', 'in_port', 'in_phy_port', 'vlan_vid', 'eth_src', 'eth_dst', 'eth_type'],
    ...['ipv6_src', 'ipv6_dst', 'ipv6_flabel', 'arp_spa', 'arp_tpa', 'ipv4_src', 'ipv4_dst', 'ip_proto', 'arp_op'],
    ...['arp_sha', 'arp_tha', 'ip_dscp', 'ip_ecn', 'mpls_label', 'mpls_tc', 'mpls_bos'],
    ...['icmpv4_type', 'icmpv4_code', 'icmpv6_type', 'icmpv6_code', 'ipv6_nd_target', 'ipv6_nd_sll', 'ipv6_nd_tll'],
    ...['tcp_src', 'tcp_dst', 'udp_src', 'udp_dst', 'sctp_src', 'sctp_dst', 'pbb_isid', 'ipv6_exthdr'],
  ] as FieldName[]
).map((name) => fieldNamed(name).number);

const ETH_TYPE = fieldNamed('eth_type').number;
const IP_PROTO = fieldNamed('ip_proto').number;
const VLAN_VID = fieldNamed('vlan_vid').number;
const VLAN_PCP = fieldNamed('vlan_pcp').number;
const IP_DSCP = fieldNamed('ip_dscp').number;
const FLOW_LABEL = fieldNamed('ipv6_flabel').number;
const ETH_TYPE_WORD = NAMED[ETH_TYPE].match;

/** A match as ovs-ofctl prints it, without priority: `tcp,in_port=1,nw_src=10.0.0.0/24,tp_dst=80`; '' matches everything. */
export function formatMatch(match: Match, names?: PortNames): string {
  const slots: (FieldMatch | undefined)[] = [];
  for (const one of match) {
    // What came over the channel may have masks that say nothing, or all.
    const { field, value, mask } = one;
    if (mask === null) slots[field.number] = one;
    else if (!isEmpty(mask)) slots[field.number] = isFull(mask, field.bits) ? { field, value, mask: null } : one;
  }
  const shorthand = shorthandOf(slots[ETH_TYPE], slots[IP_PROTO]);
  let text = shorthand === null ? '' : `,${shorthand.word}`;
  for (const number of ORDER) {
    if (number === VLAN_VID) text += formatTag(slots[VLAN_VID], slots[VLAN_PCP]);
    const slot = slots[number];
    if (slot === undefined || number === VLAN_VID) continue;
    if (shorthand !== null && (number === ETH_TYPE || (number === IP_PROTO && shorthand.proto >= 0))) continue;
    text += `,${formatField(slot, names)}`;
  }
  return text.slice(1);
}

function shorthandOf(ethType: FieldMatch | undefined, proto: FieldMatch | undefined) {
  if (ethType === undefined) return null;
  const type = numberOf(ethType.value);
  const of = (wanted: number) => PROTOCOLS.find((one) => one.ethType === type && one.proto === wanted);
  return (proto === undefined ? undefined : of(proto.value[0])) ?? of(-1) ?? null;
}

function formatField({ field, value, mask }: FieldMatch, names: PortNames | undefined): string {
  const { number } = field;
  const word = NAMED[number].match;
  if (number === IP_DSCP) return `nw_tos=${value[0] << 2}`;
  if (number === ETH_TYPE) return `${ETH_TYPE_WORD}=${padded(numberOf(value), 4)}`;
  if (number === FLOW_LABEL) {
    return `${word}=${padded(numberOf(value), 5)}${mask === null ? '' : `/${padded(numberOf(mask), 5)}`}`;
  }
  if (mask === null) return `${word}=${formatValue(field, value, names)}`;
  if (NAMED[number].syntax === 'decimal') return `${word}=${padded(numberOf(value), 1)}/${padded(numberOf(mask), 1)}`;
  const text = `${word}=${formatValue(field, value, names)}`;
  return `${text}/${formatMask(field, mask)}`;
}

/** VLAN id and priority: two words where they are whole, else the bits of the tag. */
function formatTag(vid: FieldMatch | undefined, pcp: FieldMatch | undefined): string {
  if (vid === undefined) return pcp === undefined ? '' : `,dl_vlan_pcp=${pcp.value[0]}`;
  const mask = vid.mask === null ? 0x1fff : numberOf(vid.mask);
  const value = numberOf(vid.value);
  const priority = pcp === undefined ? '' : `,dl_vlan_pcp=${pcp.value[0]}`;
  if ((value & mask & 0x1000) !== 0) {
    if (mask === 0x1fff) return `,dl_vlan=${value & 0xfff}${priority}`;
    if (mask === 0x1000 && pcp !== undefined) return priority;
  }
  const bits = pcp === undefined ? value : value | (pcp.value[0] << 13);
  const care = pcp === undefined ? mask : mask | 0xe000;
  return care === 0xffff ? `,vlan_tci=${padded(bits, 4)}` : `,vlan_tci=${padded(bits, 4)}/${padded(care, 4)}`;
}

/** `metadata` and its mask, as in write_metadata. */
export function formatMetadata(metadata: bigint, mask: bigint): string {
  return mask === 0xffff_ffff_ffff_ffffn ? hex(metadata) : `${hex(metadata)}/${hex(mask)}`;
}
