import type { Address } from '../control/config/model.ts';

const MAPPED = 0xffff;

/** The address as the path keeps it: four signed words; IPv4 is 0, 0, 0xffff, address. */
export function fourWords({ family, words }: Pick<Address, 'family' | 'words'>): [number, number, number, number] {
  if (family === 4) return [0, 0, MAPPED, words[0] | 0];
  return [words[0] | 0, words[1] | 0, words[2] | 0, words[3] | 0];
}

/** Length of a prefix counted in the 128 bits of `fourWords`. */
export function lengthOf128(family: 4 | 6, length: number): number {
  return family === 4 ? length + 96 : length;
}

/** An Int32Array over shared memory, so that sending it to a worker copies nothing. */
export function sharedWords(length: number, fill = 0): Int32Array<SharedArrayBuffer> {
  const words = new Int32Array(new SharedArrayBuffer(length * 4));
  return fill === 0 ? words : words.fill(fill);
}

export function sharedOctets(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}

export function sharedDoubles(length: number): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(length * 8));
}
