/** ICMP for IPv4. Source: RFC 792; what a router sends, RFC 1812, section 4.3. */

export const Offset = {
  Type: 0,
  Code: 1,
  Checksum: 2,
  Rest: 4,
  Identifier: 4,
  Sequence: 6,
  NextHopMtu: 6,
  Payload: 8,
} as const;

export const HEADER_LENGTH = 8;

export const Type = {
  EchoReply: 0,
  Unreachable: 3,
  SourceQuench: 4,
  Redirect: 5,
  EchoRequest: 8,
  RouterAdvertisement: 9,
  RouterSolicitation: 10,
  TimeExceeded: 11,
  ParameterProblem: 12,
  TimestampRequest: 13,
  TimestampReply: 14,
} as const;
export type Type = (typeof Type)[keyof typeof Type];

/** Codes of `Type.Unreachable`. Source: RFC 792; RFC 1191 (4); RFC 1812, section 5.2.7.1. */
export const Unreachable = {
  Network: 0,
  Host: 1,
  Protocol: 2,
  Port: 3,
  /** Too big and DF is set; carries the MTU of the next hop. */
  FragmentationNeeded: 4,
  SourceRouteFailed: 5,
  NetworkProhibited: 9,
  HostProhibited: 10,
  Prohibited: 13,
} as const;
export type Unreachable = (typeof Unreachable)[keyof typeof Unreachable];

/** Codes of `Type.TimeExceeded`. */
export const TimeExceeded = { InTransit: 0, Reassembly: 1 } as const;

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

/** Of `Unreachable.FragmentationNeeded` (RFC 1191, section 4). */
export function nextHopMtu(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.NextHopMtu);
}

/** Whether messages of that type report an error, which no error message may answer (RFC 1122, section 3.2.2). */
export function isError(type: number): boolean {
  return (
    type === Type.Unreachable ||
    type === Type.SourceQuench ||
    type === Type.Redirect ||
    type === Type.TimeExceeded ||
    type === Type.ParameterProblem
  );
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
