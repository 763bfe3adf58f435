/**
 * VLAN tags: a C-tag (IEEE 802.1Q-2018, 9.3) or, before it, an S-tag (802.1ad), each 4 bytes behind the source MAC: TPID, then
 * TCI of PCP (3 bits), DEI (1) and VID (12). Offsets are from the beginning of the Ethernet header, for the outermost tag.
 */

export const Offset = { Tpid: 12, Tci: 14, Type: 16 } as const;

export const TAG_LENGTH = 4;
/** Ethernet header with one tag. */
export const HEADER_LENGTH = 18;

export const Tpid = { Customer: 0x8100, Service: 0x88a8 } as const;
export type Tpid = (typeof Tpid)[keyof typeof Tpid];

/** VID 0: the frame carries a priority and no VLAN; VID 4095 is reserved (IEEE 802.1Q-2018, table 9-2). */
export const PRIORITY_VID = 0;
export const RESERVED_VID = 0xfff;

/** Whether an Ethernet header with a whole tag lies at `at`. */
export function check(bytes: DataView, at: number, end: number): boolean {
  return end - at >= HEADER_LENGTH && isTpid(bytes.getUint16(at + Offset.Tpid));
}

export function isTpid(type: number): boolean {
  return type === Tpid.Customer || type === Tpid.Service;
}

export function tpid(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Tpid);
}

export function tci(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Tci);
}

/** EtherType behind the tag. */
export function etherType(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Type);
}

export function vid(tci: number): number {
  return tci & 0xfff;
}

export function dei(tci: number): number {
  return (tci >>> 12) & 1;
}

export function pcp(tci: number): number {
  return (tci >>> 13) & 7;
}

export function makeTci(pcp: number, dei: number, vid: number): number {
  return (pcp << 13) | (dei << 12) | vid;
}

export function setTpid(bytes: DataView, at: number, tpid: number): void {
  bytes.setUint16(at + Offset.Tpid, tpid);
}

export function setTci(bytes: DataView, at: number, tci: number): void {
  bytes.setUint16(at + Offset.Tci, tci);
}

/** Sets the VLAN and leaves the priority. */
export function setVid(bytes: DataView, at: number, vid: number): void {
  bytes.setUint16(at + Offset.Tci, (bytes.getUint16(at + Offset.Tci) & 0xf000) | vid);
}

/**
 * Pushes a tag: the two MACs move four bytes back, into the head-room; the rest of the frame stays.
 * @returns offset of the Ethernet header now
 */
export function pushTag(bytes: DataView, at: number, tpid: number, tci: number): number {
  const first = bytes.getInt32(at);
  const second = bytes.getInt32(at + 4);
  const third = bytes.getInt32(at + 8);
  bytes.setInt32(at - 4, first);
  bytes.setInt32(at, second);
  bytes.setInt32(at + 4, third);
  bytes.setUint16(at + 8, tpid);
  bytes.setUint16(at + 10, tci);
  return at - TAG_LENGTH;
}

/** Pops the outermost tag; the two MACs move four bytes forward. @returns offset of the Ethernet header now */
export function popTag(bytes: DataView, at: number): number {
  const first = bytes.getInt32(at);
  const second = bytes.getInt32(at + 4);
  const third = bytes.getInt32(at + 8);
  bytes.setInt32(at + 4, first);
  bytes.setInt32(at + 8, second);
  bytes.setInt32(at + 12, third);
  return at + TAG_LENGTH;
}
