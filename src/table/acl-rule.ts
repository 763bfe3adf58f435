/**
 * What an access control list matches, and the form in which packets are shown to it.
 *
 * A key is `AclKey.LENGTH` signed words, one a field; -1 means that the packet does not have the field, and a rule that names such
 * a field does not match. An address is there when FAMILY is 4 or 6: IPv4 in the first word of SRC and DST (the others
 * are not looked at), IPv6 in all four. A MAC is there when its upper part is not -1.
 */
export const AclKey = {
  ETHERTYPE: 0,
  VLAN: 1,
  /** Upper 16 bits, lower 32 bits. */
  SMAC_HI: 2,
  SMAC_LO: 3,
  DMAC_HI: 4,
  DMAC_LO: 5,
  /** 4, 6, or -1 where there is no IP packet. */
  FAMILY: 6,
  SRC0: 7,
  SRC1: 8,
  SRC2: 9,
  SRC3: 10,
  DST0: 11,
  DST1: 12,
  DST2: 13,
  DST3: 14,
  PROTO: 15,
  SPORT: 16,
  DPORT: 17,
  /** 12 bits at most. */
  TCP_FLAGS: 18,
  ICMP_TYPE: 19,
  ICMP_CODE: 20,
  /** 1 for a fragment, 0 for a whole packet. */
  FRAGMENT: 21,
  LENGTH: 22,
} as const;

/** A rule of a compiled list. null, and an empty list, match anything, the field's absence too; of a list any entry will do. */
export interface AclRule {
  readonly sourceMac: MaskedMac | null;
  readonly destinationMac: MaskedMac | null;
  readonly etherType: number | null;
  readonly vlan: number | null;
  readonly family: 4 | 6 | null;
  /** Prefixes of both families may stand together. */
  readonly source: readonly AclPrefix[];
  readonly destination: readonly AclPrefix[];
  readonly proto: number | null;
  readonly sourcePorts: readonly AclRange[];
  readonly destinationPorts: readonly AclRange[];
  /** (flags & mask) === value. */
  readonly tcpFlags: { readonly mask: number; readonly value: number } | null;
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
  readonly fragment: boolean | null;
}

/** (address & mask) === value; `high` 16 bits, `low` 32 bits, signed or not. */
export interface MaskedMac {
  readonly high: number;
  readonly low: number;
  readonly maskHigh: number;
  readonly maskLow: number;
}

/** `words`: one of IPv4, four of IPv6, signed or not. Bits behind the length are not looked at. */
export interface AclPrefix {
  readonly family: 4 | 6;
  readonly words: readonly number[];
  readonly length: number;
}

/** Both ends included. */
export interface AclRange {
  readonly low: number;
  readonly high: number;
}

/** The rule that matches every frame: to be spread under what a rule does name. */
export const ANY: AclRule = {
  sourceMac: null,
  destinationMac: null,
  etherType: null,
  vlan: null,
  family: null,
  source: [],
  destination: [],
  proto: null,
  sourcePorts: [],
  destinationPorts: [],
  tcpFlags: null,
  icmpType: null,
  icmpCode: null,
  fragment: null,
};
