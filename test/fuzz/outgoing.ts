import { cleanMark, FREE_MARK, GAP_MARK } from './config.ts';

/** What may leave by a port. */
export interface Way {
  readonly name: string;
  /** Sum of `Offload` bits of the device. */
  readonly offloads: number;
  readonly mtu: number;
  /** Access and tunnel ports; a trunk's VLANs, and its native one, 0 for none. */
  readonly trunk: readonly number[] | null;
  readonly native: number;
  readonly tunnel: boolean;
  /** Indices of the tenants whose bytes may be seen. */
  readonly tenants: readonly number[];
}

const RUN = 6;

/** Holds what leaves by one port, or one tenant's part of an uplink, against what the path promises. Speaks no code of src/. */
export class Outgoing {
  readonly way: Way;
  /** Frames that were found to be clean, and so had their checksums verified. */
  verified = 0;
  readonly #foreign = new Uint8Array(256);
  readonly #clean = new Uint8Array(256);

  constructor(way: Way) {
    this.way = way;
    for (let tenant = 1; tenant < 14; tenant++) {
      if (way.tenants.includes(tenant)) this.#clean[cleanMark(tenant)] = 1;
      else this.#foreign.fill(1, 0xa0 | tenant, (0xa0 | tenant) + 1).fill(1, 0xb0 | tenant, (0xb0 | tenant) + 1);
    }
    this.#foreign[FREE_MARK] = 1;
    this.#foreign[GAP_MARK] = 1;
  }

  /**
   * @param at of the virtio-net header @param start of the Ethernet header, behind an uplink's tag @param end of the frame
   * @param outer bytes of an uplink's tag
   * @returns what is wrong, or null
   */
  check(bytes: DataView, octets: Uint8Array, at: number, start: number, end: number, outer: number): string | null {
    if (end - start < 14) return `${end - start} bytes are no frame`;
    if ((octets[start + 6] & 1) === 1) return 'the source MAC is a group address';
    let l3 = start + 14;
    let type = bytes.getUint16(start + 12);
    // Of a cut tag nobody reads more than its type, but on a trunk.
    const tagged = isTag(type) && end - start >= 18;
    if (isTag(type) && !tagged && this.way.trunk !== null) return 'the tag is cut short';
    const inner = tagged && isTag(bytes.getUint16(start + 16));
    const membership = this.#membership(tagged ? bytes.getUint16(start + 14) & 0xfff : 0, inner);
    if (membership !== null) return membership;
    const payload = start + (tagged ? 18 : 14);
    while (isTag(type) && l3 + 4 <= end) {
      type = bytes.getUint16(l3 + 2);
      l3 += 4;
    }
    const offload = this.#offload(bytes, at, payload, end, outer);
    if (offload !== null) return offload;
    const stranger = this.#stranger(octets, start, end);
    if (stranger >= 0)
      return `a run of 0x${octets[stranger].toString(16)} at byte ${stranger - start} belongs to somebody else`;
    if (type === 0x0800) return this.#ipv4(bytes, octets, at, l3, end);
    if (type === 0x86dd) return this.#ipv6(bytes, octets, at, l3, end);
    return null;
  }

  #membership(vid: number, inner: boolean): string | null {
    const { trunk, native } = this.way;
    if (trunk === null) return null;
    if (vid === 0) return native === 0 ? 'untagged on a trunk without native VLAN' : null;
    return trunk.includes(vid) && (vid !== native || inner) ? null : `VLAN ${vid} on this trunk`;
  }

  #offload(bytes: DataView, at: number, payload: number, end: number, outer: number): string | null {
    const { offloads, mtu } = this.way;
    const flags = bytes.getUint8(at);
    const gso = bytes.getUint8(at + 1);
    if (flags === 0 && gso === 0) {
      return end - payload > mtu ? `${end - payload} bytes where the MTU is ${mtu}` : null;
    }
    if (flags !== 1 || (offloads & 1) === 0) return `virtio-net flags ${flags} on a port with offloads ${offloads}`;
    const frameStart = at + 10;
    const start = frameStart + bytes.getUint16(at + 6, true);
    if (start + bytes.getUint16(at + 8, true) + 2 > end) return 'the checksum lies outside the frame';
    if (start < payload) return 'the checksum begins in the Ethernet header';
    if (gso === 0) return end - payload > mtu ? `${end - payload} bytes where the MTU is ${mtu}` : null;
    const type = gso & 0x7f;
    const needed = (type === 1 ? 2 : type === 4 ? 4 : type === 5 ? 8 : 64) | (gso > 0x7f ? 16 : 0);
    if ((offloads & needed) !== needed) return `GSO type ${gso} on a port with offloads ${offloads}`;
    const size = bytes.getUint16(at + 4, true);
    const header = frameStart + bytes.getUint16(at + 2, true);
    if (size === 0 || header > end || header < start + 8)
      return `GSO size ${size}, headers of ${header - frameStart - outer}`;
    return header - payload + size > mtu
      ? `segments of ${header - payload + size} bytes where the MTU is ${mtu}`
      : null;
  }

  /** @returns position of RUN equal bytes that mark another tenant, or memory that is no frame's; -1 */
  #stranger(octets: Uint8Array, start: number, end: number): number {
    const foreign = this.#foreign;
    const last = end - RUN;
    for (let i = start; i <= last; i += RUN >> 1) {
      const byte = octets[i];
      if (foreign[byte] === 0) continue;
      let k = 1;
      while (k < RUN && octets[i + k] === byte) k++;
      if (k === RUN) return i;
    }
    return -1;
  }

  #isClean(octets: Uint8Array, end: number): boolean {
    const mark = octets[end - 1];
    if (this.#clean[mark] === 0) return false;
    for (let i = end - 8; i < end; i++) if (octets[i] !== mark) return false;
    return true;
  }

  #ipv4(bytes: DataView, octets: Uint8Array, at: number, l3: number, frameEnd: number): string | null {
    if (l3 + 20 > frameEnd) return null;
    const end = l3 + bytes.getUint16(l3 + 2);
    if (end > frameEnd) return this.#isClean(octets, frameEnd) ? 'an IPv4 packet longer than its frame' : null;
    if (end < l3 + 28 || !this.#isClean(octets, end)) return null;
    this.verified++;
    const l4 = l3 + (octets[l3] & 15) * 4;
    if (octets[l3] >> 4 !== 4 || l4 > end) return 'bad IPv4 header';
    if (fold(sum(bytes, l3, l4)) !== 0xffff) return 'bad IPv4 header checksum';
    if (octets[l3 + 8] === 0) return 'a TTL of 0';
    if ((bytes.getUint16(l3 + 6) & 0x3fff) !== 0) return null;
    return this.#transport(bytes, at, octets[l3 + 9], sum(bytes, l3 + 12, l3 + 20), l4, end);
  }

  #ipv6(bytes: DataView, octets: Uint8Array, at: number, l3: number, frameEnd: number): string | null {
    if (l3 + 40 > frameEnd) return null;
    const end = l3 + 40 + bytes.getUint16(l3 + 4);
    if (end > frameEnd) return this.#isClean(octets, frameEnd) ? 'an IPv6 packet longer than its frame' : null;
    if (end < l3 + 48 || !this.#isClean(octets, end)) return null;
    this.verified++;
    if (octets[l3] >> 4 !== 6) return 'bad IPv6 header';
    if (octets[l3 + 7] === 0) return 'a hop limit of 0';
    let next = octets[l3 + 6];
    let l4 = l3 + 40;
    while (next === 0 || next === 60) {
      next = octets[l4];
      l4 += (octets[l4 + 1] + 1) * 8;
    }
    return this.#transport(bytes, at, next, sum(bytes, l3 + 8, l3 + 40), l4, end);
  }

  /** @param pseudo sum of both addresses */
  #transport(bytes: DataView, at: number, protocol: number, pseudo: number, l4: number, end: number): string | null {
    const offset = protocol === 6 ? 16 : protocol === 17 ? 6 : protocol === 1 || protocol === 58 ? 2 : -1;
    if (offset < 0 || l4 + offset + 2 > end) return null;
    if (protocol === 17 && bytes.getUint16(l4 + 4) !== end - l4) return 'bad UDP length';
    const total = protocol === 1 ? 0 : pseudo + protocol + (end - l4);
    if (bytes.getUint8(at) === 1) {
      if (l4 !== at + 10 + bytes.getUint16(at + 6, true)) return 'a partial checksum in the wrong place';
      return fold(total) === bytes.getUint16(l4 + offset) ? null : 'bad sum of the pseudo-header';
    }
    return fold(total + sum(bytes, l4, end)) === 0xffff ? null : `bad checksum of protocol ${protocol}`;
  }
}

function isTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8;
}

/** Sum of 16-bit words, not folded: exact, as a double holds 2^53. */
function sum(bytes: DataView, from: number, to: number): number {
  let total = 0;
  let i = from;
  for (; i + 1 < to; i += 2) total += bytes.getUint16(i);
  return i < to ? total + (bytes.getUint8(i) << 8) : total;
}

function fold(total: number): number {
  let rest = total;
  while (rest > 0xffff) rest = (rest % 0x10000) + Math.floor(rest / 0x10000);
  return rest;
}
