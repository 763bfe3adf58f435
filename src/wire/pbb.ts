/**
 * Provider backbone bridging: the customer's whole frame behind an I-TAG. The tag's control word, behind the EtherType 0x88e7, is
 * priority (3 bits), drop eligible (1), use-customer-addresses (1), reserved (3), service instance I-SID (24); the customer's MACs and
 * EtherType follow. Source: IEEE 802.1Q-2018, 9.7. Offsets count from the control word.
 */

export const Offset = { Control: 0, Isid: 1, Destination: 4, Source: 10, Type: 16 } as const;

/** The control word alone. */
export const CONTROL_LENGTH = 4;
/** What is pushed before the customer's MACs: backbone MACs, EtherType, control word. */
export const HEADER_LENGTH = 18;
/** What must follow the EtherType: control word, the customer's MACs and EtherType. */
export const TAG_LENGTH = 18;

/** Whether a whole control word lies at `at`. */
export function check(_bytes: DataView, at: number, end: number): boolean {
  return end - at >= CONTROL_LENGTH;
}

/** Service instance. */
export function isid(bytes: DataView, at: number): number {
  return bytes.getInt32(at) & 0xff_ffff;
}

export function setIsid(bytes: DataView, at: number, isid: number): void {
  bytes.setInt32(at, (bytes.getInt32(at) & (0xff << 24)) | isid);
}

/** Writes a whole control word; not drop eligible, UCA 0. */
export function setControl(bytes: DataView, at: number, priority: number, isid: number): void {
  bytes.setInt32(at, (priority << 29) | isid);
}
