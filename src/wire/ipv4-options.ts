/**
 * Options of an IPv4 header: type, length, data; or a type alone (end of list, no operation). Source: RFC 791, section 3.1.
 * The header has passed `check` of ipv4.ts.
 */
import { HEADER_LENGTH, headerLength, LONGEST_HEADER } from './ipv4.ts';

export const Option = {
  End: 0,
  NoOperation: 1,
  RecordRoute: 7,
  Timestamp: 68,
  LooseSourceRoute: 131,
  StrictSourceRoute: 137,
  RouterAlert: 148,
} as const;
export type Option = (typeof Option)[keyof typeof Option];

/** Bit of the type: the option goes into every fragment. */
export const COPIED = 0x80;

/** Whether every option's length stays in the header. */
export function check(bytes: DataView, at: number): boolean {
  const end = at + headerLength(bytes, at);
  let position = at + HEADER_LENGTH;
  while (position < end) {
    const length = lengthAt(bytes, position, end);
    if (length < 0) return false;
    if (length === 0) return true;
    position += length;
  }
  return true;
}

/** @returns offset of the first option of that type, or -1 */
export function find(bytes: DataView, at: number, type: number): number {
  const end = at + headerLength(bytes, at);
  let position = at + HEADER_LENGTH;
  while (position < end) {
    if (bytes.getUint8(position) === type) return position;
    const length = lengthAt(bytes, position, end);
    if (length <= 0) return -1;
    position += length;
  }
  return -1;
}

/**
 * Writes those options that later fragments carry (the copied flag is set), padded to 4 bytes, at `to + 20`.
 * @param to offset of the fragment's header, at least 60 bytes of which are free; its first 20 bytes are left to the caller
 * @returns length of the fragment's header; options behind a broken one are left out
 */
export function copyForFragment(bytes: DataView, at: number, to: number): number {
  const end = at + headerLength(bytes, at);
  let position = at + HEADER_LENGTH;
  let write = to + HEADER_LENGTH;
  while (position < end) {
    const length = lengthAt(bytes, position, end);
    if (length <= 0) break;
    if ((bytes.getUint8(position) & COPIED) !== 0) {
      for (let i = 0; i < length; i++) bytes.setUint8(write++, bytes.getUint8(position + i));
    }
    position += length;
  }
  while (((write - to) & 3) !== 0 && write < to + LONGEST_HEADER) bytes.setUint8(write++, Option.End);
  return write - to;
}

/** @returns length of the option at `position`, 0 for the end of the list, -1 where it is broken */
function lengthAt(bytes: DataView, position: number, end: number): number {
  const type = bytes.getUint8(position);
  if (type === Option.End) return 0;
  if (type === Option.NoOperation) return 1;
  if (end - position < 2) return -1;
  const length = bytes.getUint8(position + 1);
  return length >= 2 && length <= end - position ? length : -1;
}
