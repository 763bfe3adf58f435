/**
 * Keyed hashing of a few 32-bit words. Senders choose MACs and ports, so a hash whose collisions do not depend on its seed
 * (multiply-and-rotate chains, MurmurHash: Aumasson and Bernstein, "SipHash", INDOCRYPT 2012, section 7) would let them fill one
 * bucket. Here each word's halves, with secret keys added, are multiplied and summed: NH of UMAC (Black et al., CRYPTO 1999; RFC
 * 4418, section 5.2) on 16-bit units, whose product a JavaScript integer multiplication holds whole. Two inputs collide in one
 * sum with a probability of at most 2^-16 over the keys; the second sum takes the same keys shifted by a pair (Toeplitz, same
 * paper), 2^-32 for both. The last mixing spreads what came out over all bits, for tables indexed by some of them.
 *
 * Cost: 4 independent multiplications a pair of words, then two; about 4 ns for a MAC and VLAN. Not for cryptography.
 */

/** Words of key material: two for each of at most five words, two for the shift, and some to grow. */
export const HASH_KEYS = 24;

/** Keys from the system's random source. */
export function randomKeys(): Int32Array {
  return crypto.getRandomValues(new Int32Array(HASH_KEYS));
}

/** Keys from a seed, for repeatable tests: the first outputs of splitmix32. */
export function seededKeys(seed: number): Int32Array {
  const keys = new Int32Array(HASH_KEYS);
  for (let i = 0, x = seed | 0; i < HASH_KEYS; i++) {
    x = (x + 0x9e3779b9) | 0;
    keys[i] = finish(x, 0);
  }
  return keys;
}

function product(word: number, keys: Int32Array, at: number): number {
  return Math.imul((word + keys[at]) & 0xffff, ((word >>> 16) + keys[at + 1]) & 0xffff);
}

/** The finaliser "lowbias32" of C. Wellons (hash-prospector), a bijection whose output bits each depend on all input bits. */
function finish(a: number, b: number): number {
  let x = (a + ((b << 16) | (b >>> 16))) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

/** One word spread over all bits, without keys: not for tables whose keys a sender chooses. */
export function mix(word: number): number {
  return finish(word, 0);
}

export function hash1(keys: Int32Array, a: number): number {
  return finish(product(a, keys, 0), product(a, keys, 2));
}

export function hash2(keys: Int32Array, a: number, b: number): number {
  return finish(product(a, keys, 0) + product(b, keys, 2), product(a, keys, 2) + product(b, keys, 4));
}

export function hash3(keys: Int32Array, a: number, b: number, c: number): number {
  return finish(
    product(a, keys, 0) + product(b, keys, 2) + product(c, keys, 4),
    product(a, keys, 2) + product(b, keys, 4) + product(c, keys, 6),
  );
}

export function hash4(keys: Int32Array, a: number, b: number, c: number, d: number): number {
  return finish(
    product(a, keys, 0) + product(b, keys, 2) + product(c, keys, 4) + product(d, keys, 6),
    product(a, keys, 2) + product(b, keys, 4) + product(c, keys, 6) + product(d, keys, 8),
  );
}

export function hash5(keys: Int32Array, a: number, b: number, c: number, d: number, e: number): number {
  return finish(
    product(a, keys, 0) + product(b, keys, 2) + product(c, keys, 4) + product(d, keys, 6) + product(e, keys, 8),
    product(a, keys, 2) + product(b, keys, 4) + product(c, keys, 6) + product(d, keys, 8) + product(e, keys, 10),
  );
}

/** 5-tuple, IPv6 addresses hashed to a word each. @param ports source port << 16 | destination port; 0 where the packet shows none (later fragments) */
export function flowHash4(keys: Int32Array, source: number, destination: number, ports: number, proto: number): number {
  return hash4(keys, source, destination, ports, proto);
}

/** Maps a hash evenly to 0..count-1 without a division, count up to 65,535: hash-threshold of RFC 2992, section 2. */
export function pick(hash: number, count: number): number {
  return Math.imul(hash >>> 16, count) >>> 16;
}
