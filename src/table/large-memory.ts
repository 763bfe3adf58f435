/**
 * Memory of tables that are read all over: a process may have a wish for it, such as larger pages. Tables themselves know no system.
 */
let prepare: (memory: SharedArrayBuffer) => void = () => {};

/** From now on `wish` sees all such memory of this thread before it is touched. */
export function onLargeMemory(wish: (memory: SharedArrayBuffer) => void): void {
  prepare = wish;
}

/** @returns zeroed words */
export function largeWords(words: number): Int32Array<SharedArrayBuffer> {
  const memory = new SharedArrayBuffer(words * 4);
  prepare(memory);
  return new Int32Array(memory);
}
