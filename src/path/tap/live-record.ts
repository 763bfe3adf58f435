import { COLUMNS } from '../../observe/ledger.ts';

/** Ports that a record has room for: a flood may leave by more. */
export const MOST_LEFT = 256;

/** A frame that was traced while it was forwarded: words, little-endian, and doubles. */
export const LiveRecord = {
  /** Port that it came in by, and its bytes. */
  Row: 0,
  Length: 4,
  /** Its virtio-net header. */
  Vnet: 8,
  /** Frames that were handed to devices, the pieces of a super-frame one by one. */
  Left: 20,
  /** Microseconds. */
  Time: 24,
  /** What the books of its port have more than before, by column. */
  Books: 32,
  /** Ports of the frames that left. */
  Ports: 32 + COLUMNS * 8,
  Frame: 32 + COLUMNS * 8 + MOST_LEFT * 4,
} as const;
