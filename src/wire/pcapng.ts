/**
 * Capture files of the next generation: blocks, each with its type, its length at both ends, and options. Only writing; little-endian;
 * time stamps in nanoseconds. Source: draft-ietf-opsawg-pcapng, sections 3, 4.1, 4.2, 4.3 and 4.6.
 */
export const BlockType = { Section: 0x0a0d0d0a, Interface: 1, Statistics: 5, Packet: 6 } as const;
const MAGIC = 0x1a2b3c4d;
const LINK_TYPE_ETHERNET = 1;

export const Option = {
  End: 0,
  Comment: 1,
  SectionOs: 3,
  SectionApplication: 4,
  InterfaceName: 2,
  InterfaceDescription: 3,
  /** Exponent of ten of the time stamps' unit. */
  InterfaceResolution: 9,
  /** Bits 0-1: 1 inbound, 2 outbound. */
  PacketFlags: 2,
  /** Packets lost between the one before, of the same interface, and this one. */
  PacketDropCount: 4,
  PacketQueue: 6,
  StatisticsStart: 2,
  StatisticsEnd: 3,
  /** Packets that the interface has received, and lost for want of room; those that were delivered. */
  StatisticsReceived: 4,
  StatisticsDropped: 5,
  StatisticsDelivered: 8,
} as const;

export const Direction = { Inbound: 1, Outbound: 2 } as const;

/** Bytes of a packet block before the packet. */
export const PACKET_START = 28;

/** A block that is being written: `end` is behind what is there. */
export interface Block {
  readonly bytes: DataView;
  readonly octets: Uint8Array;
  begin: number;
  end: number;
}

const encoder = new TextEncoder();

export function beginBlock(block: Block, type: number): void {
  block.begin = block.end;
  block.bytes.setUint32(block.begin, type, true);
  block.end += 8;
}

/** Ends the options and the block. */
export function endBlock(block: Block): void {
  const { bytes, begin } = block;
  bytes.setUint32(block.end, 0, true);
  const length = block.end + 8 - begin;
  bytes.setUint32(block.end + 4, length, true);
  bytes.setUint32(begin + 4, length, true);
  block.end += 8;
}

/** @param value text, bytes, or a word of 32 bits */
export function option(block: Block, code: number, value: string | Uint8Array | number): void {
  const { bytes, octets } = block;
  const at = block.end;
  let length = 4;
  if (typeof value === 'number') bytes.setUint32(at + 4, value, true);
  else {
    const text = typeof value === 'string' ? encoder.encode(value) : value;
    octets.set(text, at + 4);
    length = text.length;
  }
  bytes.setUint16(at, code, true);
  bytes.setUint16(at + 2, length, true);
  block.end = pad(block, at + 4 + length);
}

/** An option of 64 bits; of a time stamp the upper half comes first. */
export function wideOption(block: Block, code: number, value: bigint, isTime = false): void {
  const { bytes } = block;
  const at = block.end;
  bytes.setUint16(at, code, true);
  bytes.setUint16(at + 2, 8, true);
  if (isTime) {
    bytes.setUint32(at + 4, Number(value >> 32n), true);
    bytes.setUint32(at + 8, Number(value & 0xffffffffn), true);
  } else bytes.setBigUint64(at + 4, value, true);
  block.end = at + 12;
}

export function section(block: Block, application: string): void {
  beginBlock(block, BlockType.Section);
  const { bytes } = block;
  bytes.setUint32(block.end, MAGIC, true);
  bytes.setUint16(block.end + 4, 1, true);
  bytes.setUint16(block.end + 6, 0, true);
  // The length of the section is not known.
  bytes.setBigInt64(block.end + 8, -1n, true);
  block.end += 16;
  option(block, Option.SectionOs, 'Linux');
  option(block, Option.SectionApplication, application);
  endBlock(block);
}

/** @param snap most bytes of a packet that are kept; 0: all */
export function interfaceOf(block: Block, name: string, description: string, snap: number): void {
  beginBlock(block, BlockType.Interface);
  const { bytes } = block;
  bytes.setUint32(block.end, LINK_TYPE_ETHERNET, true);
  bytes.setUint32(block.end + 4, snap, true);
  block.end += 8;
  option(block, Option.InterfaceName, name);
  option(block, Option.InterfaceDescription, description);
  option(block, Option.InterfaceResolution, Uint8Array.of(9));
  endBlock(block);
}

/** Begins a packet, of which `captured` bytes are written next, then `packetEnd`, options, `endBlock`. */
export function packet(
  block: Block,
  index: number,
  timeHigh: number,
  timeLow: number,
  captured: number,
  length: number,
): void {
  beginBlock(block, BlockType.Packet);
  const { bytes, begin } = block;
  bytes.setUint32(begin + 8, index, true);
  bytes.setUint32(begin + 12, timeHigh, true);
  bytes.setUint32(begin + 16, timeLow, true);
  bytes.setUint32(begin + 20, captured, true);
  bytes.setUint32(begin + 24, length, true);
  block.end = begin + PACKET_START;
}

/** @param end behind the packet */
export function packetEnd(block: Block, end: number): void {
  block.end = pad(block, end);
}

/** @param ns of the end, since 1970 */
export function statistics(
  block: Block,
  index: number,
  startNs: bigint,
  ns: bigint,
  counts: { readonly received: number; readonly dropped: number; readonly delivered: number },
): void {
  beginBlock(block, BlockType.Statistics);
  const { bytes } = block;
  bytes.setUint32(block.end, index, true);
  bytes.setUint32(block.end + 4, Number(ns >> 32n), true);
  bytes.setUint32(block.end + 8, Number(ns & 0xffffffffn), true);
  block.end += 12;
  wideOption(block, Option.StatisticsStart, startNs, true);
  wideOption(block, Option.StatisticsEnd, ns, true);
  wideOption(block, Option.StatisticsReceived, BigInt(counts.received));
  wideOption(block, Option.StatisticsDropped, BigInt(counts.dropped));
  wideOption(block, Option.StatisticsDelivered, BigInt(counts.delivered));
  endBlock(block);
}

/** Fills up to a multiple of four, counted from the beginning of the block. */
function pad({ bytes, begin }: Block, at: number): number {
  let end = at;
  for (; ((end - begin) & 3) !== 0; end++) bytes.setUint8(end, 0);
  return end;
}
