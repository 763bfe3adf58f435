import * as ffi from './ffi.ts';

const MADV_HUGEPAGE = 14;
const PAGE = 4096n;

const M_MMAP_THRESHOLD = -3;
const LARGE = 1 << 20;

/**
 * From now on large memory of the process comes from the kernel, whose pages are zero when they are touched, and goes back to it. By itself glibc
 * keeps what was freed once and clears it in one go when it is asked for again: 16 MiB take milliseconds, in which a worker forwards nothing.
 * Source: mallopt(3), M_MMAP_THRESHOLD.
 */
export function mapLargeMemory(): void {
  ffi.mallopt(M_MMAP_THRESHOLD, LARGE);
}

/** Bytes of a line of the processor's caches. */
const LINE = 64;

/** @returns zeroed words that begin with a cache line, in huge pages where there are such */
export function alignedWords(words: number): Int32Array<SharedArrayBuffer> {
  const memory = new SharedArrayBuffer(words * 4 + LINE);
  preferHugePages(memory);
  const over = Number(ffi.address(new Uint8Array(memory)) % BigInt(LINE));
  return new Int32Array(memory, over === 0 ? 0 : LINE - over, words);
}

/**
 * Asks the kernel for pages of 2 MiB behind memory that is touched all over: the processor finds their addresses in fewer entries. A
 * wish: where there are none, nothing changes. Source: madvise(2), asm-generic/mman-common.h.
 */
export function preferHugePages(memory: SharedArrayBuffer): void {
  const from = ffi.address(new Uint8Array(memory));
  const first = (from + PAGE - 1n) & -PAGE;
  const length = from + BigInt(memory.byteLength) - first;
  if (length > 0n) ffi.madvise(first, length, MADV_HUGEPAGE);
}
