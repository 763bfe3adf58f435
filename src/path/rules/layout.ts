/**
 * The flow key: all match fields of a frame as OpenFlow 1.3 has them, in 35 words. Fields that exclude each other by their
 * prerequisites share words (ARP's addresses lie where IPv4's do). Words of fields that a frame does not have are 0; a rule
 * that looks at a field also matches its prerequisites, so a 0 is never taken for a value.
 * Source: OpenFlow Switch Specification 1.3.5, section 7.2.3.7, table 12.
 */
export const KeyWord = {
  /** Number of the OpenFlow port that the frame came in by; and of the physical port under it (the same here). */
  InPort: 0,
  InPhyPort: 1,
  MetadataHigh: 2,
  MetadataLow: 3,
  TunnelHigh: 4,
  TunnelLow: 5,
  /** MACs: 16 bits, then 32 bits. */
  EthDstHigh: 6,
  EthDstLow: 7,
  EthSrcHigh: 8,
  EthSrcLow: 9,
  /** EtherType behind the VLAN tags. */
  EthType: 10,
  /** Outermost tag: bits 0-11 VID, bit 12 present, bits 16-18 PCP; 0 without a tag. */
  Vlan: 11,
  /** Bits 0-7 protocol, 8-9 ECN, 10-15 DSCP. */
  Ip: 12,
  /** IPv4 addresses; ARP's SPA and TPA. */
  Ipv4Src: 13,
  Ipv4Dst: 14,
  /** Bits 16-31 source port, 0-15 destination port; ICMP type and code; ARP opcode in bits 16-31. */
  Transport: 15,
  Ipv6Src: 16,
  Ipv6Dst: 20,
  /** Bits 0-19 flow label, 20-28 the extension header pseudo-field. */
  Ipv6Label: 24,
  /** ARP's SHA, or the source link-layer address option of neighbour discovery: 16 bits, then 32. */
  ArpShaHigh: 25,
  ArpShaLow: 26,
  /** ARP's THA, or the target link-layer address option. */
  ArpThaHigh: 27,
  ArpThaLow: 28,
  NdTarget: 29,
  /** Outermost MPLS entry: bits 12-31 label, 9-11 TC, 8 bottom of stack; TTL left out. */
  Mpls: 33,
  PbbIsid: 34,
} as const;

/** Words of a flow key. */
export const KEY_WORDS = 35;

/** OFPVID_PRESENT: the frame has a VLAN tag. */
export const VID_PRESENT = 0x1000;
