/**
 * Instructions and actions of a rule, a group's bucket or a packet-out as words, as the control side compiles them and workers run
 * them. Each begins with a word `code | length << 8`, its length in words included; numbers above 32 bits take two words, high first.
 * Source: OpenFlow Switch Specification 1.3.5, sections 5.9 to 5.12.
 */
export const Op = {
  // Actions.
  /** OpenFlow port number (reserved ones too), most bytes for a controller. */
  Output: 1,
  /** `SetField` code, then the words of the value (1; 2 for MACs, metadata and tunnel id; 4 for IPv6 addresses). */
  SetField: 2,
  /** EtherType of the tag or label to push, or that is left behind. */
  PushVlan: 3,
  PopVlan: 4,
  PushMpls: 5,
  PopMpls: 6,
  PushPbb: 7,
  PopPbb: 8,
  SetMplsTtl: 9,
  DecMplsTtl: 10,
  SetNwTtl: 11,
  DecNwTtl: 12,
  CopyTtlOut: 13,
  CopyTtlIn: 14,
  /** Index of the group (not its id). */
  Group: 15,
  SetQueue: 16,
  // Instructions, in the order in which they are carried out (5.9): Meter, actions to apply, ClearActions, WriteActions,
  // WriteMetadata, GotoTable.
  /** Index of the meter (not its id). */
  Meter: 32,
  ClearActions: 33,
  /** The actions to merge into the action set follow in the same record. */
  WriteActions: 34,
  /** Value (high, low), mask (high, low). */
  WriteMetadata: 35,
  GotoTable: 36,
} as const;
export type Op = (typeof Op)[keyof typeof Op];

/** Fields that set-field can write, and how wide their values are. Values are right-aligned in their words. */
export const SetField = {
  EthDst: 1,
  EthSrc: 2,
  EthType: 3,
  /** 12 bits of VID (13 with the present bit, which is ignored). */
  VlanVid: 4,
  VlanPcp: 5,
  IpDscp: 6,
  IpEcn: 7,
  IpProto: 8,
  Ipv4Src: 9,
  Ipv4Dst: 10,
  TcpSrc: 11,
  TcpDst: 12,
  UdpSrc: 13,
  UdpDst: 14,
  SctpSrc: 15,
  SctpDst: 16,
  Icmpv4Type: 17,
  Icmpv4Code: 18,
  ArpOp: 19,
  ArpSpa: 20,
  ArpTpa: 21,
  ArpSha: 22,
  ArpTha: 23,
  Ipv6Src: 24,
  Ipv6Dst: 25,
  Ipv6Label: 26,
  Icmpv6Type: 27,
  Icmpv6Code: 28,
  NdTarget: 29,
  NdSll: 30,
  NdTll: 31,
  MplsLabel: 32,
  MplsTc: 33,
  MplsBos: 34,
  PbbIsid: 35,
  TunnelId: 36,
  Metadata: 37,
} as const;
export type SetField = (typeof SetField)[keyof typeof SetField];

/** Reserved port numbers. Source: 1.3.5, section 7.2.1, `ofp_port_no`; as signed words. */
export const ReservedPort = {
  InPort: -8,
  Table: -7,
  Normal: -6,
  Flood: -5,
  All: -4,
  Controller: -3,
  Local: -2,
  Any: -1,
} as const;

/** OFPCML_NO_BUFFER: the whole frame goes to the controller. */
export const WHOLE_FRAME = 0xffff;

/** First word of an op. */
export const opWord = (code: Op, words: number): number => code | (words << 8);
export const opCode = (word: number): number => word & 0xff;
export const opLength = (word: number): number => word >>> 8;
