/**
 * Copies bytes between two memories, four at a time. `set(subarray())` would do it faster for long frames, but makes an object a
 * call, and the path allocates nothing. Unaligned words cost no more than aligned ones on the machines that this runs on.
 */
export function copyBytes(from: DataView, fromAt: number, to: DataView, toAt: number, length: number): void {
  const words = length & ~3;
  let i = 0;
  for (; i < words; i += 4) to.setInt32(toAt + i, from.getInt32(fromAt + i, true), true);
  for (; i < length; i++) to.setUint8(toAt + i, from.getUint8(fromAt + i));
}
