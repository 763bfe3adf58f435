/** TCP header. Source: RFC 9293, section 3.1. Sequence numbers are signed 32-bit words. */

export const Offset = {
  Source: 0,
  Destination: 2,
  Sequence: 4,
  Acknowledgment: 8,
  LengthFlags: 12,
  Window: 14,
  Checksum: 16,
  Urgent: 18,
  Options: 20,
} as const;

/** Header without options. */
export const HEADER_LENGTH = 20;

/** Low 9 bits of the word at 12 (AE: RFC 9768). */
export const Flag = {
  Fin: 0x001,
  Syn: 0x002,
  Reset: 0x004,
  Push: 0x008,
  Acknowledge: 0x010,
  Urgent: 0x020,
  EcnEcho: 0x040,
  WindowReduced: 0x080,
  AccurateEcn: 0x100,
} as const;
export type Flag = (typeof Flag)[keyof typeof Flag];

/** Whether a whole header, options included, lies at `at`. */
export function check(bytes: DataView, at: number, end: number): boolean {
  if (end - at < HEADER_LENGTH) return false;
  const length = headerLength(bytes, at);
  return length >= HEADER_LENGTH && end - at >= length;
}

export function sourcePort(bytes: DataView, at: number): number {
  return bytes.getUint16(at);
}

export function destinationPort(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Destination);
}

export function sequence(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.Sequence);
}

export function acknowledgment(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.Acknowledgment);
}

/** Bytes of the header, options included. */
export function headerLength(bytes: DataView, at: number): number {
  return (bytes.getUint8(at + Offset.LengthFlags) >>> 4) << 2;
}

/** See `Flag`. */
export function flags(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.LengthFlags) & 0x1ff;
}

export function window(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Window);
}

export function checksum(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Checksum);
}

export function setSourcePort(bytes: DataView, at: number, port: number): void {
  bytes.setUint16(at, port);
}

export function setDestinationPort(bytes: DataView, at: number, port: number): void {
  bytes.setUint16(at + Offset.Destination, port);
}

export function setSequence(bytes: DataView, at: number, sequence: number): void {
  bytes.setInt32(at + Offset.Sequence, sequence);
}

/** Sets the flags and leaves the length. */
export function setFlags(bytes: DataView, at: number, flags: number): void {
  bytes.setUint16(at + Offset.LengthFlags, (bytes.getUint16(at + Offset.LengthFlags) & 0xfe00) | flags);
}

export function setChecksum(bytes: DataView, at: number, checksum: number): void {
  bytes.setUint16(at + Offset.Checksum, checksum);
}

/** Writes a header without options and with a checksum of 0. @returns offset behind it */
export function build(
  bytes: DataView,
  at: number,
  source: number,
  destination: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
  window: number,
): number {
  bytes.setUint16(at, source);
  bytes.setUint16(at + Offset.Destination, destination);
  bytes.setInt32(at + Offset.Sequence, sequence);
  bytes.setInt32(at + Offset.Acknowledgment, acknowledgment);
  bytes.setUint16(at + Offset.LengthFlags, 0x5000 | flags);
  bytes.setUint16(at + Offset.Window, window);
  bytes.setInt32(at + Offset.Checksum, 0);
  return at + HEADER_LENGTH;
}
