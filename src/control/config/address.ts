import type { Address, InterfaceAddress, Prefix } from './model.ts';

/**
 * Addresses and prefixes as text and as words. Parsing is strict: dotted quads without leading zeros (which other programs read
 * as octal), IPv6 as RFC 4291 section 2.2 has it, no zone. Text out is canonical (RFC 5952). Functions return null for what is
 * not an address; they never throw.
 */
export function parseAddress(text: string): Address | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Address | null {
  const word = ipv4Word(text);
  return word < 0 ? null : addressOf(4, [word]);
}

function ipv4Word(text: string): number {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!parts) return -1;
  let word = 0;
  for (let i = 1; i <= 4; i++) {
    const part = parts[i]!;
    if ((part.length > 1 && part[0] === '0') || Number(part) > 255) return -1;
    word = word * 256 + Number(part);
  }
  return word;
}

function parseIpv6(text: string): Address | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (!head || !tail) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const words = [0, 2, 4, 6].map((i) => groups[i]! * 65536 + groups[i + 1]!);
  return addressOf(6, words);
}

/** The 16-bit groups of one side of `::`; a dotted quad may end the address. */
function groupsOf(text: string, last: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && part.includes('.')) {
      const word = ipv4Word(part);
      if (word < 0) return null;
      groups.push(word >>> 16, word & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** `address/length`, host bits as they come; null when either part is wrong. */
export function parseInterfaceAddress(text: string): InterfaceAddress | null {
  const slash = text.indexOf('/');
  if (slash < 0) return null;
  const address = parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (!address || !/^(0|[1-9]\d{0,2})$/.test(digits)) return null;
  const length = Number(digits);
  if (length > bitsOf(address)) return null;
  return Object.freeze({ address, subnet: prefixOf(address, length), text: `${address.text}/${length}` });
}

export function addressOf(family: 4 | 6, words: readonly number[]): Address {
  return Object.freeze({ family, words: Object.freeze([...words]), text: format(family, words) });
}

/** The prefix of that length that the address lies in. */
export function prefixOf(address: Address, length: number): Prefix {
  const words = address.words.map((word, index) => (word & wordMask(length - 32 * index)) >>> 0);
  const text = `${format(address.family, words)}/${length}`;
  return Object.freeze({ family: address.family, words: Object.freeze(words), length, text });
}

export function bitsOf(address: Address): number {
  return address.family === 4 ? 32 : 128;
}

/** Mask of the first `bits` bits of a word, `bits` clamped to 0..32. */
function wordMask(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}

/** Whether the address, or the whole of the prefix, lies in `outer`. */
export function contains(outer: Prefix, inner: Address | Prefix): boolean {
  if (outer.family !== inner.family) return false;
  if ('length' in inner && inner.length < outer.length) return false;
  return outer.words.every((word, index) => ((word ^ inner.words[index]!) & wordMask(outer.length - 32 * index)) === 0);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a, b) || contains(b, a);
}

export function isMulticast(address: Address): boolean {
  return address.family === 4 ? address.words[0]! >>> 28 === 0xe : address.words[0]! >>> 24 === 0xff;
}

export function isUnspecified(address: Address): boolean {
  return address.words.every((word) => word === 0);
}

export function isLoopback(address: Address): boolean {
  const [a, b, c, d] = address.words;
  return address.family === 4 ? a! >>> 24 === 127 : a === 0 && b === 0 && c === 0 && d === 1;
}

/** fe80::/10 (RFC 4291, section 2.5.6). IPv4 link-local addresses are not told apart: they may be routed to a link by hand. */
export function isLinkLocal(address: Address): boolean {
  return address.family === 6 && address.words[0]! >>> 22 === 0xfe80 >>> 6;
}

function format(family: 4 | 6, words: readonly number[]): string {
  if (family === 4) return [24, 16, 8, 0].map((shift) => (words[0]! >>> shift) & 255).join('.');
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let start = -1;
  let most = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > most) [start, most] = [i, run];
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + most))}`;
}
