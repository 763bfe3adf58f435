/** What has become of an edit. In all but the first case the frame is as it was. */
export const Edit = {
  Done: 0,
  /** The frame does not have the header or field: nothing happens, as in Open vSwitch. */
  Absent: 1,
  /** The head has no room for what is pushed. */
  NoRoom: 2,
  /** A TTL of 1 or 0 cannot be taken down: the caller gives the frame to the controller (OFPR_INVALID_TTL). */
  TtlExpired: 3,
} as const;
export type Edit = (typeof Edit)[keyof typeof Edit];
