/**
 * IP addresses as text and as 32-bit words, on the control side. Words here are unsigned, most significant first, one for
 * IPv4 and four for IPv6; tables and headers hold the same bits signed (`word | 0`). Text of IPv6 is canonical: RFC 5952.
 * Parsing throws an Error whose message is a full sentence.
 */
import type { Mac } from './ethernet.ts';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly words: readonly number[];
  /** Canonical. */
  readonly text: string;
}

/** As an address, host bits zero; `text` is `address/length`. */
export interface Prefix extends Address {
  readonly length: number;
}

/** @param text IPv4 (four decimal bytes, no leading zeros) or IPv6 (RFC 4291, section 2.2; no zone) */
export function parseAddress(text: string): Address {
  return text.includes(':') ? addressOf(parseIpv6(text)) : addressOf([parseIpv4(text)]);
}

/** @param words one (IPv4) or four (IPv6), signed or unsigned */
export function addressOf(words: readonly number[]): Address {
  if (words.length !== 1 && words.length !== 4) {
    throw new Error(`An address has one 32-bit word (IPv4) or four (IPv6), not ${words.length}.`);
  }
  const unsigned = words.map((word) => word >>> 0);
  return { family: words.length === 1 ? 4 : 6, words: unsigned, text: formatAddress(unsigned) };
}

/**
 * @param text `address/length`; a bare address is a prefix of full length
 * @throws Error also if bits behind the length are set
 */
export function parsePrefix(text: string): Prefix {
  const { address, length } = parseInterface(text);
  const prefix = prefixOf(address.words, length);
  if (prefix.words.some((word, i) => word !== address.words[i])) {
    throw new Error(`'${text}' has bits behind its prefix length: did you mean ${prefix.text}?`);
  }
  return prefix;
}

/** @param text `address/length` with any host bits, as in 10.0.10.1/24; a bare address has full length */
export function parseInterface(text: string): { readonly address: Address; readonly length: number } {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const most = address.words.length * 32;
  if (slash < 0) return { address, length: most };
  const digits = text.slice(slash + 1);
  const length = Number(digits);
  if (!/^(0|[1-9]\d*)$/.test(digits) || length > most) {
    throw new Error(`'${text}' has no right prefix length: a number from 0 to ${most} is needed behind the slash.`);
  }
  return { address, length };
}

/** The prefix of that length that holds the address. */
export function prefixOf(words: readonly number[], length: number): Prefix {
  const { family, words: masked, text } = addressOf(words.map((word, i) => word & maskWord(length, i)));
  return { family, words: masked, length, text: `${text}/${length}` };
}

/** Word `index` of the netmask of a prefix length; signed. */
export function maskWord(length: number, index: number): number {
  const bits = Math.min(32, Math.max(0, length - index * 32));
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/** Whether the address lies in the prefix; of one family. */
export function contains(prefix: Prefix, words: readonly number[]): boolean {
  return (
    words.length === prefix.words.length &&
    prefix.words.every((word, i) => (((word ^ words[i]) & maskWord(prefix.length, i)) | 0) === 0)
  );
}

/** @param words one (IPv4) or four (IPv6), signed or unsigned */
export function formatAddress(words: readonly number[]): string {
  return words.length === 1 ? formatIpv4(words[0]) : formatIpv6(words);
}

export function parseIpv4(text: string): number {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const parts = match?.slice(1) ?? [];
  if (parts.length !== 4 || parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith('0')))) {
    throw new Error(
      `'${text}' is not an IP address: four numbers from 0 to 255 without leading zeros are needed, or IPv6.`,
    );
  }
  return parts.reduce((word, part) => ((word << 8) | Number(part)) >>> 0, 0);
}

export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

export function parseIpv6(text: string): number[] {
  const wrong = (why: string) => new Error(`'${text}' is not an IPv6 address: ${why}.`);
  const halves = text.split('::');
  if (halves.length > 2) throw wrong("'::' may stand once");
  const groupsOf = (half: string, last: boolean): number[] => {
    if (half === '') return [];
    const parts = half.split(':');
    return parts.flatMap((part, i) => {
      if (last && i === parts.length - 1 && part.includes('.')) {
        const word = parseIpv4(part);
        return [word >>> 16, word & 0xffff];
      }
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) throw wrong(`'${part}' is not one to four hexadecimal digits`);
      return [Number.parseInt(part, 16)];
    });
  };
  const head = groupsOf(halves[0], halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1], true) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) throw wrong('it must have eight groups of 16 bits');
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return [0, 2, 4, 6].map((i) => ((groups[i] << 16) | groups[i + 1]) >>> 0);
}

/** Source: RFC 5952, sections 4 and 5: lower case, the longest and first run of two or more zero groups shortened; ::ffff:0:0/96 dotted. */
export function formatIpv6(words: readonly number[]): string {
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return `::ffff:${formatIpv4(words[3])}`;
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let best = 0;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) {
      best = i;
      length = run;
    }
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + length))}`;
}

/** Link-local address with the modified EUI-64 of the MAC (RFC 4291, appendix A): fe80::/64, ff:fe in the middle, U/L bit turned. */
export function linkLocalOf(mac: Mac): Address {
  const { high, low } = mac;
  const third = (((high ^ 0x0200) << 16) | ((low >>> 16) & 0xff00) | 0xff) >>> 0;
  return addressOf([0xfe80_0000, 0, third, (0xfe00_0000 | (low & 0xff_ffff)) >>> 0]);
}

/** Solicited-node multicast address (RFC 4291, section 2.7.1): ff02::1:ff00:0/104 and the last 24 bits. */
export function solicitedNodeOf(words: readonly number[]): Address {
  return addressOf([0xff02_0000, 0, 1, (0xff00_0000 | (words[3] & 0xff_ffff)) >>> 0]);
}

/** MAC address of a multicast group: 01:00:5e and 23 bits (RFC 1112, section 6.4) or 33:33 and 32 bits (RFC 2464, section 7). */
export function multicastMacOf(words: readonly number[]): Mac {
  return words.length === 1
    ? { high: 0x0100, low: 0x5e00_0000 | (words[0] & 0x7f_ffff) }
    : { high: 0x3333, low: words[3] | 0 };
}

export function isMulticast(words: readonly number[]): boolean {
  return words.length === 1 ? words[0] >>> 28 === 0xe : words[0] >>> 24 === 0xff;
}

/** fe80::/10, or 169.254.0.0/16. */
export function isLinkLocal(words: readonly number[]): boolean {
  return words.length === 1 ? words[0] >>> 16 === 0xa9fe : words[0] >>> 22 === 0x3fa;
}

export function isUnspecified(words: readonly number[]): boolean {
  return words.every((word) => word === 0);
}

const MAPPED = 0xffff;

/**
 * An address of either family as four signed words, as tables and records keep it: an IPv4 address is 0, 0, 0xffff, address
 * (RFC 4291, section 2.5.5.2).
 * @param words one (IPv4) or four (IPv6), signed or unsigned
 */
export function fourWords(words: readonly number[]): [number, number, number, number] {
  if (words.length === 1) return [0, 0, MAPPED, words[0] | 0];
  return [words[0] | 0, words[1] | 0, words[2] | 0, words[3] | 0];
}

/** Length of a prefix counted in the 128 bits of `fourWords`. */
export function lengthOf128(family: Family, length: number): number {
  return family === 4 ? length + 96 : length;
}
