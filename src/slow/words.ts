import { formatAddress, fourWords, maskWord } from '../wire/address.ts';

/**
 * Addresses of both families as four signed words, as records and the neighbour table have them: an IPv4 address is
 * 0, 0, 0xffff, address (RFC 4291, section 2.5.5.2).
 */
export type Words = readonly number[];

const MAPPED = 0xffff;

export function fromIpv4(address: number): Words {
  return fourWords([address]);
}

/** The IPv6 address at an offset. */
export function wordsAt(bytes: DataView, at: number): Words {
  return [bytes.getInt32(at), bytes.getInt32(at + 4), bytes.getInt32(at + 8), bytes.getInt32(at + 12)];
}

/** As `src/wire/address.ts` wants them: one word of IPv4 or four of IPv6. */
export function wireWords(words: Words): Words {
  return isIpv4(words) ? [words[3]] : words;
}

export function isIpv4(words: Words): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === MAPPED;
}

export function same(a: Words, b: Words): boolean {
  return a[3] === b[3] && a[2] === b[2] && a[1] === b[1] && a[0] === b[0];
}

/** @param length of 128 */
export function inPrefix(words: Words, prefix: Words, length: number): boolean {
  for (let i = 0; i < 4; i++) if (((words[i] ^ prefix[i]) & maskWord(length, i)) !== 0) return false;
  return true;
}

/** fe80::/10; IPv4's 169.254.0.0/16 is not meant. */
export function isLinkLocal6(words: Words): boolean {
  return words[0] >>> 22 === 0x3fa;
}

/** Whether a single station could have the address (RFC 1122, section 3.2.1.3; RFC 4291, section 2.4). */
export function isUnicast(words: Words): boolean {
  if (isIpv4(words)) {
    const first = words[3] >>> 24;
    return first !== 0 && first !== 127 && first < 224;
  }
  if (words[0] >>> 24 === 0xff) return false;
  return (words[0] | words[1] | words[2]) !== 0 || words[3] >>> 0 > 1;
}

export function formatWords(words: Words): string {
  return formatAddress(wireWords(words));
}
