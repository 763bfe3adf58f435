/** Halves and words in the order in which they lie in memory: slots are read as little-endian words, frames are big-endian. */

export function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

export function swap32(value: number): number {
  return (swap16(value & 0xffff) << 16) | swap16(value >>> 16);
}
