/**
 * The 10-byte header that a TAP with IFF_VNET_HDR puts before each frame: what is left to do to it (a checksum to complete, a
 * super-frame to segment). Source: linux/virtio_net.h, struct virtio_net_hdr; linux/if_tun.h. Fields are in the byte order of
 * the machine, which is little endian on every machine we run on. Positions in it count from the Ethernet header.
 */

export const Offset = {
  Flags: 0,
  GsoType: 1,
  HeaderLength: 2,
  GsoSize: 4,
  ChecksumStart: 6,
  ChecksumOffset: 8,
} as const;

export const HEADER_LENGTH = 10;

export const Flag = {
  /** The checksum at start + offset holds the pseudo-header sum; the sum from start to the end is still to be added. */
  NeedsChecksum: 1,
  /** Somebody has verified the checksum. Never sent by us. */
  DataValid: 2,
} as const;

export const Gso = {
  None: 0,
  Tcp4: 1,
  /** Fragments of one UDP datagram (UFO). */
  Udp: 3,
  Tcp6: 4,
  /** A train of UDP datagrams (USO). */
  UdpL4: 5,
} as const;
export type Gso = (typeof Gso)[keyof typeof Gso];

/** Bit of the GSO type: the TCP segments carry ECN. */
export const GSO_ECN = 0x80;

/** Whether a whole header with known flags and GSO type lies at `at`; whether it tells the truth is for the offload check. */
export function check(bytes: DataView, at: number, end: number): boolean {
  if (end - at < HEADER_LENGTH) return false;
  const type = bytes.getUint8(at + Offset.GsoType) & ~GSO_ECN;
  return type <= Gso.UdpL4 && type !== 2;
}

export function flags(bytes: DataView, at: number): number {
  return bytes.getUint8(at);
}

/** GSO type without the ECN bit. */
export function gsoType(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.GsoType) & ~GSO_ECN;
}

/** `GSO_ECN` or 0. */
export function gsoEcn(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.GsoType) & GSO_ECN;
}

/** Length of Ethernet, IP and transport headers: a hint, not to be trusted. */
export function headerLength(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.HeaderLength, true);
}

/** Payload bytes of each segment. */
export function gsoSize(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.GsoSize, true);
}

export function checksumStart(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.ChecksumStart, true);
}

/** From `checksumStart` to the checksum field. */
export function checksumOffset(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.ChecksumOffset, true);
}

/** Nothing is left to do: a plain frame follows. */
export function setNone(bytes: DataView, at: number): void {
  bytes.setInt32(at, 0);
  bytes.setInt32(at + 4, 0);
  bytes.setUint16(at + 8, 0);
}

/** @param gsoType with the ECN bit, if any @param start from the Ethernet header */
export function set(
  bytes: DataView,
  at: number,
  flags: number,
  gsoType: number,
  headerLength: number,
  gsoSize: number,
  start: number,
  offset: number,
): void {
  bytes.setUint8(at, flags);
  bytes.setUint8(at + Offset.GsoType, gsoType);
  bytes.setUint16(at + Offset.HeaderLength, headerLength, true);
  bytes.setUint16(at + Offset.GsoSize, gsoSize, true);
  bytes.setUint16(at + Offset.ChecksumStart, start, true);
  bytes.setUint16(at + Offset.ChecksumOffset, offset, true);
}
