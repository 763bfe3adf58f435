import type { Mac } from '../wire/ethernet.ts';

/** A view of the bytes of a frame. */
export function viewOf(frame: Uint8Array): DataView {
  return new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
}

export function sameMac(a: Mac, b: Mac): boolean {
  return a.high === b.high && a.low === b.low;
}

/** Whether a single station may have the MAC address: neither a group address nor zero. */
export function isStationMac({ high, low }: Mac): boolean {
  return (high & 0x0100) === 0 && (high | low) !== 0;
}
