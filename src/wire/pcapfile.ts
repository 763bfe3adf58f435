/**
 * Capture files: a header of 24 bytes, then records of a header of 16 bytes and the frame. Source:
 * draft-ietf-opsawg-pcap, sections 4 and 5. The magic number tells the byte order of the writer, and whether the second word of
 * a time stamp counts microseconds or nanoseconds.
 */

export const Offset = { Magic: 0, Major: 4, Minor: 6, Snap: 16, LinkType: 20 } as const;
export const RecordOffset = { Seconds: 0, Fraction: 4, Captured: 8, Length: 12, Frame: 16 } as const;

export const HEADER_LENGTH = 24;
export const RECORD_LENGTH = 16;

export const Magic = { Microseconds: 0xa1b2_c3d4, Nanoseconds: 0xa1b2_3c4d } as const;
export type Magic = (typeof Magic)[keyof typeof Magic];

export const LINK_TYPE_ETHERNET = 1;
/** Longest record that libpcap writes; one that claims more is broken. */
export const LONGEST_RECORD = 262144;

/** Whether a whole header of a version 2.x file with either magic number and byte order lies at `at`. */
export function check(bytes: DataView, at: number, end: number): boolean {
  if (end - at < HEADER_LENGTH) return false;
  const little = isLittleEndian(bytes, at);
  const magic = bytes.getUint32(at, little);
  return (
    (magic === Magic.Microseconds || magic === Magic.Nanoseconds) && bytes.getUint16(at + Offset.Major, little) === 2
  );
}

export function isLittleEndian(bytes: DataView, at: number): boolean {
  return bytes.getUint8(at) !== 0xa1;
}

/** Whether time stamps count nanoseconds. */
export function isNanoseconds(bytes: DataView, at: number): boolean {
  return bytes.getUint32(at, isLittleEndian(bytes, at)) === Magic.Nanoseconds;
}

/** Bits 28 to 31 tell of an FCS and are cut off. */
export function linkType(bytes: DataView, at: number): number {
  return bytes.getUint32(at + Offset.LinkType, isLittleEndian(bytes, at)) & 0xffff;
}

/** Most bytes that the file keeps of a frame. */
export function snapLength(bytes: DataView, at: number): number {
  return bytes.getUint32(at + Offset.Snap, isLittleEndian(bytes, at));
}

/**
 * Writes a header for Ethernet frames.
 * @param nanoseconds whether the second words of time stamps are to count nanoseconds
 * @returns offset behind it
 */
export function build(bytes: DataView, at: number, nanoseconds: boolean, snapLength: number, little: boolean): number {
  bytes.setUint32(at, nanoseconds ? Magic.Nanoseconds : Magic.Microseconds, little);
  bytes.setUint16(at + Offset.Major, 2, little);
  bytes.setUint16(at + Offset.Minor, 4, little);
  bytes.setInt32(at + 8, 0);
  bytes.setInt32(at + 12, 0);
  bytes.setUint32(at + Offset.Snap, snapLength, little);
  bytes.setUint32(at + Offset.LinkType, LINK_TYPE_ETHERNET, little);
  return at + HEADER_LENGTH;
}

/** Whether a whole record header lies at `at` whose length is credible; the frame may run over `end`: read on then. */
export function checkRecord(bytes: DataView, at: number, end: number, little: boolean): boolean {
  if (end - at < RECORD_LENGTH) return false;
  return bytes.getUint32(at + RecordOffset.Captured, little) <= LONGEST_RECORD;
}

export function seconds(bytes: DataView, at: number, little: boolean): number {
  return bytes.getUint32(at, little);
}

/** Microseconds or nanoseconds behind the second. */
export function fraction(bytes: DataView, at: number, little: boolean): number {
  return bytes.getUint32(at + RecordOffset.Fraction, little);
}

/** Time stamp in microseconds since 1970, as a double; nanoseconds are its fraction, as far as 53 bits carry them. */
export function microseconds(bytes: DataView, at: number, little: boolean, nanoseconds: boolean): number {
  const rest = fraction(bytes, at, little);
  return seconds(bytes, at, little) * 1e6 + (nanoseconds ? rest / 1000 : rest);
}

/** Bytes of the frame that follow. */
export function capturedLength(bytes: DataView, at: number, little: boolean): number {
  return bytes.getUint32(at + RecordOffset.Captured, little);
}

/** Bytes that the frame had on the wire. */
export function frameLength(bytes: DataView, at: number, little: boolean): number {
  return bytes.getUint32(at + RecordOffset.Length, little);
}

/** Writes a record header. @param fraction microseconds or nanoseconds, as the file's header says @returns offset behind it */
export function buildRecord(
  bytes: DataView,
  at: number,
  seconds: number,
  fraction: number,
  captured: number,
  length: number,
  little: boolean,
): number {
  bytes.setUint32(at, seconds, little);
  bytes.setUint32(at + RecordOffset.Fraction, fraction, little);
  bytes.setUint32(at + RecordOffset.Captured, captured, little);
  bytes.setUint32(at + RecordOffset.Length, length, little);
  return at + RECORD_LENGTH;
}
