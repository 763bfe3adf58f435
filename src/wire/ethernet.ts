/**
 * Ethernet II header: destination, source, EtherType. Source: IEEE 802.3-2022, clause 3.
 *
 * A MAC address is two integers here: `high`, its first 16 bits, and `low`, its last 32 bits as a signed word, as
 * `getInt32` gives it: small integers for V8, and equal to what an Int32Array holds.
 */

export const Offset = { Destination: 0, Source: 6, Type: 12, Payload: 14 } as const;

export const HEADER_LENGTH = 14;
/** Shortest frame on a wire, FCS excluded; shorter ones are padded by the sender. */
export const SHORTEST_FRAME = 60;

/** Source: IANA, IEEE 802 numbers. */
export const EtherType = {
  Ipv4: 0x0800,
  Arp: 0x0806,
  Vlan: 0x8100,
  Ipv6: 0x86dd,
  SlowProtocols: 0x8809,
  Mpls: 0x8847,
  MplsMulticast: 0x8848,
  ServiceVlan: 0x88a8,
  BackboneService: 0x88e7,
  Lldp: 0x88cc,
} as const;
export type EtherType = (typeof EtherType)[keyof typeof EtherType];

/** Smaller values of the type field are lengths of an 802.3 frame (802.2 LLC follows). */
export const SMALLEST_TYPE = 0x0600;

/** Whether a whole header lies at `at`. */
export function check(_bytes: DataView, at: number, end: number): boolean {
  return end - at >= HEADER_LENGTH;
}

export function destinationHigh(bytes: DataView, at: number): number {
  return bytes.getUint16(at);
}

export function destinationLow(bytes: DataView, at: number): number {
  return bytes.getInt32(at + 2);
}

export function sourceHigh(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Source);
}

export function sourceLow(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.Source + 2);
}

export function etherType(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Type);
}

/** Whether the destination is a group address: multicast or broadcast (I/G bit, IEEE 802-2014, 8.2.2). */
export function isGroup(bytes: DataView, at: number): boolean {
  return (bytes.getUint8(at) & 1) !== 0;
}

export function isBroadcast(bytes: DataView, at: number): boolean {
  return bytes.getInt32(at + 2) === -1 && bytes.getUint16(at) === 0xffff;
}

/** Whether the source could be a station's: neither a group address nor zero. */
export function isSourceValid(bytes: DataView, at: number): boolean {
  const high = bytes.getUint16(at + Offset.Source);
  return (high & 0x0100) === 0 && (high | bytes.getInt32(at + Offset.Source + 2)) !== 0;
}

/** Whether the destination is 01:80:C2:00:00:00 to 0F, which bridges do not forward (IEEE 802.1D-2004, table 7-10). */
export function isReserved(bytes: DataView, at: number): boolean {
  return bytes.getUint16(at) === 0x0180 && (bytes.getInt32(at + 2) & ~0xf) === (0xc200_0000 | 0);
}

/** The group bit of an address given by its high part. */
export function isGroupHigh(high: number): boolean {
  return (high & 0x0100) !== 0;
}

export function setDestination(bytes: DataView, at: number, high: number, low: number): void {
  bytes.setUint16(at, high);
  bytes.setInt32(at + 2, low);
}

export function setSource(bytes: DataView, at: number, high: number, low: number): void {
  bytes.setUint16(at + Offset.Source, high);
  bytes.setInt32(at + Offset.Source + 2, low);
}

export function setEtherType(bytes: DataView, at: number, type: number): void {
  bytes.setUint16(at + Offset.Type, type);
}

/** Writes a whole header. @returns offset behind it */
export function build(bytes: DataView, at: number, destination: Mac, source: Mac, type: number): number {
  setDestination(bytes, at, destination.high, destination.low);
  setSource(bytes, at, source.high, source.low);
  setEtherType(bytes, at, type);
  return at + HEADER_LENGTH;
}

/** A MAC address on the control side: 16 and 32 bits, the latter signed. */
export interface Mac {
  readonly high: number;
  readonly low: number;
}

export const BROADCAST: Mac = { high: 0xffff, low: -1 };

/**
 * @param text six bytes of two hexadecimal digits, all separated by colons or all by hyphens
 * @throws Error with a full sentence
 */
export function parseMac(text: string): Mac {
  const byColon = text.split(':');
  const parts = byColon.length === 6 ? byColon : text.split('-');
  if (parts.length !== 6 || !parts.every((part) => /^[0-9a-fA-F]{2}$/.test(part))) {
    throw new Error(
      `'${text}' is not a MAC address: six bytes of two hexadecimal digits are needed, as in 02:00:00:00:0a:01.`,
    );
  }
  const [a, b, c, d, e, f] = parts.map((part) => Number.parseInt(part, 16));
  return { high: (a << 8) | b, low: (c << 24) | (d << 16) | (e << 8) | f };
}

/** @param low signed or unsigned @returns six lower-case hexadecimal bytes with colons */
export function formatMac(high: number, low: number): string {
  const digits = (high & 0xffff).toString(16).padStart(4, '0') + (low >>> 0).toString(16).padStart(8, '0');
  return digits.replace(/..(?!$)/g, '$&:');
}
