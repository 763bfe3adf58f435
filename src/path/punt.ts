/**
 * Records that a worker sends to the slow path through its tenant's ring: a header of little-endian 32-bit words, then the frame
 * without VLAN tag (destination MAC, source MAC, EtherType, payload), cut to what the kind needs.
 */
export const Punt = {
  /** Somebody must answer ARP or neighbour discovery for `interface` and `address`; no frame. */
  Resolve: 0,
  /** An ARP packet on a VLAN that the router has an interface on. */
  Arp: 1,
  /** An ICMPv6 neighbour or router solicitation or advertisement on such a VLAN. */
  Neighbor: 2,
  /** An IP packet to one of the router's own addresses. */
  Local: 3,
  /** The packet cannot go on: the slow path answers with an ICMP error (see the kind), the frame itself was dropped. */
  TtlExceeded: 4,
  NoRoute: 5,
  /** A reject route or a rejecting ACL rule: administratively prohibited. */
  Reject: 6,
  /** `argument`: MTU of the next link. */
  TooBig: 7,
  /** The next hop does not answer. */
  HostUnreachable: 8,
  /** A MAC moves too often: MACs of the frame; `argument`: port it is on now. */
  MacFlap: 9,
  /** An ACL rule asks for a log line; `argument`: ACL index << 16 | rule index, and `ACL_EGRESS`. */
  AclLog: 10,
  /** A MAC has moved: as `MacFlap`. */
  MacMove: 11,
} as const;
export type Punt = (typeof Punt)[keyof typeof Punt];

/** In the argument of an `AclLog`: the list stands on the way out. */
export const ACL_EGRESS = 1 << 31;

/** Byte offsets in a punt record. */
export const PuntRecord = {
  Kind: 0,
  /** Index of the tenant's port, or the number of ports for the router. */
  Port: 4,
  Vlan: 8,
  /** Router interface, -1 for none. */
  Interface: 12,
  Argument: 16,
  /** Four words; an IPv4 address is 0, 0, 0xffff, address. */
  Address: 20,
  /** Length of the whole frame on the wire, of which the record holds the beginning. */
  FrameLength: 36,
  Frame: 40,
} as const;

/** Longest piece of a frame that goes to the slow path: a jumbo frame. ICMP errors quote at most 1,280 bytes. */
export const PUNT_MOST = 9216 + 18;
export const PUNT_QUOTE = 1280 + 14;

/** Where a frame of the slow path enters the path. */
export const Inject = {
  /** At the bridge: a whole Ethernet frame from the router into a VLAN; looked up by its destination MAC, or flooded. */
  Bridge: 0,
  /** At the router: an IP packet of the router's own (behind a 14-byte Ethernet header whose MACs are ignored), to be routed. */
  Route: 1,
} as const;
export type Inject = (typeof Inject)[keyof typeof Inject];

/** Byte offsets in an inject record. */
export const InjectRecord = {
  Kind: 0,
  Vlan: 4,
  Frame: 8,
} as const;
