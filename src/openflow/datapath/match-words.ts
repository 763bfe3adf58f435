import { KEY_WORDS } from '../../path/rules/layout.ts';
import type { Match } from '../model.ts';

const values = new Int32Array(KEY_WORDS);
const masks = new Int32Array(KEY_WORDS);

const found = new Int32Array(3 * KEY_WORDS);

/**
 * A match as the look-up sees it: for each word of the flow key that it looks at, three words: place in the key, value, mask; in the
 * order of the places. Two matches that mean the same are equal word by word.
 * @returns a view, good until the next call
 */
export function matchWords(match: Match): Int32Array {
  values.fill(0);
  masks.fill(0);
  for (const { field, value, mask } of match) {
    let { word } = field;
    if (field.bits <= 32) {
      const whole = (field.bits === 32 ? -1 : (1 << field.bits) - 1) << field.shift;
      const wanted = mask === null ? whole : (number(mask, 0, mask.length) << field.shift) & whole;
      masks[word] |= wanted;
      values[word] |= (number(value, 0, value.length) << field.shift) & wanted;
      continue;
    }
    // 48 bits lie as 16 and 32; 64 and 128 as words of 32.
    for (let at = 0; at < value.length; word++) {
      const size = at === 0 && field.bits === 48 ? 2 : 4;
      const wanted = mask === null ? (size === 2 ? 0xffff : -1) : number(mask, at, at + size);
      masks[word] |= wanted;
      values[word] |= number(value, at, at + size) & wanted;
      at += size;
    }
  }
  let at = 0;
  for (let word = 0; word < KEY_WORDS; word++) {
    if (masks[word] === 0) continue;
    found[at++] = word;
    found[at++] = values[word];
    found[at++] = masks[word];
  }
  return found.subarray(0, at);
}

/** Whether everything that `wide` asks for is asked for by `narrow` too, with the same values. */
export function covers(wide: Int32Array, narrow: Int32Array): boolean {
  let k = 0;
  for (let i = 0; i < wide.length; i += 3) {
    while (k < narrow.length && narrow[k] < wide[i]) k += 3;
    if (k >= narrow.length || narrow[k] !== wide[i]) return false;
    if ((wide[i + 2] & ~narrow[k + 2]) !== 0 || ((wide[i + 1] ^ narrow[k + 1]) & wide[i + 2]) !== 0) return false;
  }
  return true;
}

/** Whether some frame matches both. */
export function overlaps(one: Int32Array, other: Int32Array): boolean {
  let k = 0;
  for (let i = 0; i < one.length; i += 3) {
    while (k < other.length && other[k] < one[i]) k += 3;
    if (k >= other.length) return true;
    if (other[k] === one[i] && ((one[i + 1] ^ other[k + 1]) & one[i + 2] & other[k + 2]) !== 0) return false;
  }
  return true;
}

/** Up to four bytes, big-endian, as a signed word. */
export function number(bytes: Uint8Array, from: number, to: number): number {
  let word = 0;
  for (let at = from; at < to; at++) word = (word << 8) | bytes[at];
  return word;
}
