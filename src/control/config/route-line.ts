import { parseAddress } from './address.ts';

/** What is wrong with a line of a routes file, and at which byte of it. */
export interface LineFault {
  readonly at: number;
  readonly width: number;
  readonly message: string;
  readonly cure: string;
}

/**
 * Reads lines "prefix next-hop" out of bytes, without making a string of the prefix: a full Internet table has a million of
 * them. The fields say what the last line held; `read` overwrites them.
 */
export class RouteLine {
  family: 4 | 6 = 4;
  /** One word for IPv4, four for IPv6. */
  readonly words = new Uint32Array(4);
  length = 0;
  /** The second field as it stands in the line. */
  nextHop = '';
  nextHopAt = 0;

  /**
   * @returns true for a route, false for an empty line or comment, else what is wrong. Never throws.
   */
  read(bytes: Uint8Array, start: number, stop: number): boolean | LineFault {
    let end = start;
    while (end < stop && bytes[end] !== 0x23) end++;
    const from = skip(bytes, start, end);
    if (from === end) return false;
    const to = word(bytes, from, end);
    const hopFrom = skip(bytes, to, end);
    const hopTo = word(bytes, hopFrom, end);
    const rest = skip(bytes, hopTo, end);
    const fault = (at: number, past: number, message: string, cure: string): LineFault => ({
      at: at - start,
      width: Math.max(1, past - at),
      message,
      cure,
    });
    const shown = (at: number, past: number): string =>
      Buffer.from(bytes.subarray(at, Math.min(past, at + 60))).toString();
    if (!this.#prefix(bytes, from, to)) {
      return fault(from, to, `'${shown(from, to)}' is no prefix`, 'write "prefix next-hop": 192.0.2.0/24 10.0.20.254');
    }
    const bits = this.#hostBits();
    if (bits) return fault(from, to, `'${shown(from, to)}' has bits set beyond its length`, 'set the host bits to 0');
    if (hopFrom === hopTo)
      return fault(from, to, 'the next hop is missing', 'write "prefix next-hop": 192.0.2.0/24 10.0.20.254');
    if (rest < end) {
      const via = shown(hopFrom, hopTo) === 'via';
      return fault(
        rest,
        end,
        'more than a prefix and a next hop',
        via ? "leave out 'via'" : 'remove the rest of the line',
      );
    }
    this.nextHop = Buffer.from(bytes.buffer, bytes.byteOffset + hopFrom, hopTo - hopFrom).toString('latin1');
    this.nextHopAt = hopFrom - start;
    return true;
  }

  #prefix(bytes: Uint8Array, from: number, to: number): boolean {
    let slash = from;
    let colon = false;
    for (; slash < to && bytes[slash] !== 0x2f; slash++) if (bytes[slash] === 0x3a) colon = true;
    this.family = colon ? 6 : 4;
    const most = colon ? 128 : 32;
    this.length = most;
    if (slash < to) {
      this.length = decimal(bytes, slash + 1, to, 3);
      if (this.length < 0 || this.length > most) return false;
    }
    return colon ? this.#ipv6(bytes, from, slash) : this.#ipv4(bytes, from, slash);
  }

  #ipv4(bytes: Uint8Array, from: number, to: number): boolean {
    let value = 0;
    let at = from;
    for (let part = 0; part < 4; part++) {
      let dot = at;
      while (dot < to && bytes[dot] !== 0x2e) dot++;
      const octet = decimal(bytes, at, dot, 3);
      if (octet < 0 || octet > 255 || part < 3 !== dot < to) return false;
      value = value * 256 + octet;
      at = dot + 1;
    }
    this.words[0] = value;
    return true;
  }

  /** Groups go to the front until `::`, those behind it to the back. */
  #ipv6(bytes: Uint8Array, from: number, to: number): boolean {
    const groups = this.#groups.fill(0);
    let count = 0;
    let gap = -1;
    let at = from;
    while (at < to) {
      if (bytes[at] === 0x3a) {
        if (at + 1 >= to || bytes[at + 1] !== 0x3a || gap >= 0) return false;
        gap = count;
        at += 2;
        continue;
      }
      let value = 0;
      const begin = at;
      for (; at < to && bytes[at] !== 0x3a; at++) {
        const digit = hex(bytes[at]!);
        if (digit < 0) return this.#ipv6Text(bytes, from, to);
        value = value * 16 + digit;
      }
      if (at - begin > 4 || count === 8) return false;
      groups[count++] = value;
      // A single colon leads to another group.
      if (at < to && bytes[at + 1] !== 0x3a && ++at === to) return false;
    }
    if (gap < 0 ? count !== 8 : count > 7) return false;
    if (gap >= 0) {
      groups.copyWithin(8 - (count - gap), gap, count);
      groups.fill(0, gap, 8 - (count - gap));
    }
    for (let i = 0; i < 4; i++) this.words[i] = groups[2 * i]! * 65536 + groups[2 * i + 1]!;
    return true;
  }

  readonly #groups = new Uint16Array(8);

  /** The rare form that ends in a dotted quad. */
  #ipv6Text(bytes: Uint8Array, from: number, to: number): boolean {
    const address = parseAddress(Buffer.from(bytes.subarray(from, to)).toString('latin1'));
    if (address?.family !== 6) return false;
    this.words.set(address.words);
    return true;
  }

  #hostBits(): boolean {
    const count = this.family === 4 ? 1 : 4;
    for (let i = 0; i < count; i++) {
      const bits = this.length - 32 * i;
      const mask = bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : 0xffffffff << (32 - bits);
      if (this.words[i]! & ~mask) return true;
    }
    return false;
  }
}

function skip(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && isBlank(bytes[at]!)) at++;
  return at;
}

function word(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && !isBlank(bytes[at]!)) at++;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}

/** -1 for what is no number without leading zeros. */
function decimal(bytes: Uint8Array, from: number, to: number, digits: number): number {
  if (to === from || to - from > digits || (to - from > 1 && bytes[from] === 0x30)) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function hex(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
