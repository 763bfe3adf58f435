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
