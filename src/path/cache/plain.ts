import type { Batch } from '../../frame/batch.ts';
import { Protocol } from '../../wire/ipv4.ts';

/** What the generated code asks about headers that few frames have. Positions are in words. */

/**
 * Whether a partial checksum lies where TCP or UDP has it, right behind a plain IP header.
 * @param type EtherType, byte-swapped @param o where the network header begins @param room bytes from there on
 */
export function isPlainPartial(
  words: Int32Array,
  batch: Batch,
  i: number,
  type: number,
  o: number,
  room: number,
): boolean {
  let protocol = 0;
  let l4 = 0;
  if (type === 0x0008 && room >= 20 && (words[o] & 0xff) === 0x45 && (words[o + 1] & 0xff3f0000) === 0) {
    protocol = (words[o + 2] >>> 8) & 0xff;
    l4 = (o + 5) << 2;
  } else if (type === 0xdd86 && room >= 40 && (words[o] & 0xf0) === 0x60) {
    protocol = (words[o + 1] >>> 16) & 0xff;
    l4 = (o + 10) << 2;
  }
  const offset = protocol === Protocol.Tcp ? 16 : protocol === Protocol.Udp ? 6 : -1;
  const end = batch.start[i] + batch.headLength[i];
  return batch.csumStart[i] === l4 && batch.csumOffset[i] === offset && l4 + offset + 2 <= end;
}

/** Whether a router may pass on what comes from this IPv6 source (RFC 4291, 2.5 and 2.7). @param o where the header begins */
export function isRoutable6(words: Int32Array, o: number): boolean {
  const first = words[o + 2];
  const top = first & 0xff;
  return top !== 0xff && !(top === 0xfe && (first & 0xc000) === 0x8000) && first !== 0;
}
