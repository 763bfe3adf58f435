/** Where a frame was seen. */
export const Point = {
  /** Given up: not to be shown. */
  Void: 0,
  /** As a port received it; of an uplink that tenants share, without the outer tag. */
  Ingress: 1,
  /** As it was handed to the device that it leaves by. */
  Egress: 2,
  /** As it was when it was dropped. */
  Drop: 3,
} as const;
export type Point = (typeof Point)[keyof typeof Point];

/**
 * A captured frame in the ring: words, little-endian, then the part of the frame that lay in a head and the part that lay in a body,
 * each from a multiple of four bytes plus what its position in the pool was beyond one, so that they are copied word by word.
 */
export const CaptureRecord = {
  Point: 0,
  /** Port that the frame came from, and port that it leaves by; -1: none, or not known. */
  Row: 4,
  To: 8,
  /** Why it was dropped. */
  Reason: 12,
  /** Bytes of the head and of the body that are here; bytes of the whole frame. */
  HeadBytes: 16,
  BodyBytes: 20,
  Length: 24,
  /** Bits 0-7 GSO type, 8 partial checksum, 16-31 bytes of each segment. */
  Offload: 28,
  /** Microseconds, double. */
  Time: 32,
  /** Position of both parts beyond a multiple of four: head in bits 0-1, body in bits 8-9. */
  Skips: 40,
  /** Records of the same port that have been lost so far, wrapped. */
  Lost: 44,
  Frame: 48,
} as const;

/** What is counted of each port, by row: doubles. */
export const CaptureCount = { Seen: 0, Lost: 1, WIDTH: 2 } as const;

/** Where the part in the body begins. @param skip of the head */
export function bodyAt(at: number, skip: number, headBytes: number): number {
  return at + CaptureRecord.Frame + ((skip + headBytes + 3) & ~3);
}
