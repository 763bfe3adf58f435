/** ICMPv6. Source: RFC 4443; neighbour discovery is in ndp.ts. The checksum covers the IPv6 pseudo-header. */

export const Offset = { Type: 0, Code: 1, Checksum: 2, Rest: 4, Identifier: 4, Sequence: 6, Payload: 8 } as const;

export const HEADER_LENGTH = 8;

export const Type = {
  Unreachable: 1,
  PacketTooBig: 2,
  TimeExceeded: 3,
  ParameterProblem: 4,
  EchoRequest: 128,
  EchoReply: 129,
  MulticastListenerQuery: 130,
  MulticastListenerReport: 131,
  MulticastListenerDone: 132,
  RouterSolicitation: 133,
  RouterAdvertisement: 134,
  NeighborSolicitation: 135,
  NeighborAdvertisement: 136,
  Redirect: 137,
  MulticastListenerReport2: 143,
} as const;
export type Type = (typeof Type)[keyof typeof Type];

/** Codes of `Type.Unreachable`. Source: RFC 4443, section 3.1. */
export const Unreachable = {
  NoRoute: 0,
  Prohibited: 1,
  BeyondScope: 2,
  Address: 3,
  Port: 4,
  SourcePolicy: 5,
  RejectRoute: 6,
} as const;
export type Unreachable = (typeof Unreachable)[keyof typeof Unreachable];

/** Codes of `Type.TimeExceeded`. */
export const TimeExceeded = { HopLimit: 0, Reassembly: 1 } as const;

/** Codes of `Type.ParameterProblem`. */
export const ParameterProblem = { Header: 0, NextHeader: 1, Option: 2 } as const;

/** Whether a whole header lies at `at`. */
export function check(_bytes: DataView, at: number, end: number): boolean {
  return end - at >= HEADER_LENGTH;
}

export function type(bytes: DataView, at: number): number {
  return bytes.getUint8(at);
}

export function code(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.Code);
}

export function checksum(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Checksum);
}

/** Of echo requests and replies. */
export function identifier(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Identifier);
}

export function sequence(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Sequence);
}

/** Of `Type.PacketTooBig`; signed 32 bits. */
export function mtu(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.Rest);
}

/** Whether messages of that type report an error or redirect, which no error message may answer (RFC 4443, section 2.4, e). */
export function isError(type: number): boolean {
  return type < 128 || type === Type.Redirect;
}

/** Router and neighbour solicitations and advertisements, redirects: valid with a hop limit of 255 alone (RFC 4861). */
export function isNeighborDiscovery(type: number): boolean {
  return type >= Type.RouterSolicitation && type <= Type.Redirect;
}

export function setType(bytes: DataView, at: number, type: number): void {
  bytes.setUint8(at, type);
}

export function setChecksum(bytes: DataView, at: number, checksum: number): void {
  bytes.setUint16(at + Offset.Checksum, checksum);
}

/** Writes a header with a checksum of 0. @param rest the word behind the checksum @returns offset behind it */
export function build(bytes: DataView, at: number, type: number, code: number, rest: number): number {
  bytes.setUint8(at, type);
  bytes.setUint8(at + Offset.Code, code);
  bytes.setUint16(at + Offset.Checksum, 0);
  bytes.setInt32(at + Offset.Rest, rest);
  return at + HEADER_LENGTH;
}
