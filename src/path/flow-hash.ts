import { type Batch, Kind, Trait } from '../frame/batch.ts';

/**
 * Hash of the flow that a packet belongs to: addresses, protocol and, where every packet of the flow shows them, ports.
 * Fragments are hashed without ports, so that all pieces of a packet go one way (RFC 6438 does the same for want of ports).
 * Mixing: the finaliser of MurmurHash3 (Austin Appleby, public domain).
 */
export function flowHash(batch: Batch, i: number, bytes: DataView): number {
  const at = batch.l3[i];
  let hash = batch.proto[i];
  if (batch.kind[i] === Kind.Ipv4) {
    hash = mix(hash, bytes.getInt32(at + 12));
    hash = mix(hash, bytes.getInt32(at + 16));
  } else {
    for (let k = 8; k < 40; k += 4) hash = mix(hash, bytes.getInt32(at + k));
  }
  if ((batch.traits[i] & Trait.Fragment) === 0 && batch.sport[i] >= 0) hash = mix(hash, (batch.sport[i] << 16) | batch.dport[i]);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mix(hash: number, word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  const rotated = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((rotated << 13) | (rotated >>> 19), 5) + 0xe6546b64) | 0;
}
