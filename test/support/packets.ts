/** Packets byte by byte, the obvious way: what tests compare the fast path with. Nothing here uses `src/wire`. */

export interface Packet {
  readonly version?: 4 | 6;
  readonly protocol?: 'tcp' | 'udp';
  /** VLAN tags, outermost first. */
  readonly tags?: readonly { readonly tpid?: number; readonly tci: number }[];
  /** IPv4 options, a multiple of 4 bytes; for IPv6 whole extension headers of destination options (60), a multiple of 8 bytes. */
  readonly options?: Uint8Array;
  /** A multiple of 4 bytes. */
  readonly tcpOptions?: Uint8Array;
  readonly tcpFlags?: number;
  readonly sequence?: number;
  readonly identification?: number;
  /** IPv4 flags and fragment offset. */
  readonly fragment?: number;
  readonly sport?: number;
  readonly dport?: number;
  readonly payload?: Uint8Array;
  /** The transport checksum is left at the pseudo-header sum, as under NEEDS_CSUM. */
  readonly partial?: boolean;
}

export interface Built {
  readonly bytes: Uint8Array;
  readonly l3: number;
  readonly l4: number;
  /** Where the payload begins. */
  readonly data: number;
  /** From `l4` to the transport checksum. */
  readonly csumOffset: number;
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes that tell where they come from: every position of every packet differs from its neighbours. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 17 + seed * 101) & 0xff);
}

const word = (value: number) => [(value >> 8) & 0xff, value & 0xff];
const long = (value: number) => [...word(value >>> 16), ...word(value)];

/** One's complement sum of 16-bit words, folded (RFC 1071). */
export function slowSum(bytes: Uint8Array, from = 0): number {
  let sum = from;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i] << 8) + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** Sum of the pseudo-header of the IP packet at `l3`. */
export function slowPseudo(bytes: Uint8Array, l3: number, protocol: number, length: number): number {
  const isV4 = bytes[l3] >> 4 === 4;
  const addresses = isV4 ? bytes.subarray(l3 + 12, l3 + 20) : bytes.subarray(l3 + 8, l3 + 40);
  return slowSum(concat(addresses, long(length), [0, protocol]));
}

/** Writes the checksum of the IPv4 header at `l3`. */
export function slowIpv4Checksum(bytes: Uint8Array, l3: number): void {
  const header = bytes.subarray(l3, l3 + (bytes[l3] & 15) * 4);
  header[10] = 0;
  header[11] = 0;
  view(bytes).setUint16(l3 + 10, ~slowSum(header));
}

/** Writes the whole checksum of the TCP or UDP packet that fills `bytes` from `l4` on. */
export function slowTransportChecksum(bytes: Uint8Array, l3: number, l4: number, protocol: number): void {
  const at = l4 + (protocol === 6 ? 16 : 6);
  view(bytes).setUint16(at, 0);
  const sum = slowSum(bytes.subarray(l4), slowPseudo(bytes, l3, protocol, bytes.length - l4));
  view(bytes).setUint16(at, sum === 0xffff ? 0xffff : ~sum);
}

export const MAC_A = [2, 0, 0, 0, 0, 0x0a];
export const MAC_B = [2, 0, 0, 0, 0, 0x0b];

/** Builds an Ethernet frame with a TCP or UDP packet from 10.0.0.1 (fd00::1) to 10.0.0.2 (fd00::2). */
export function packet(spec: Packet = {}): Built {
  const { version = 4, protocol = 'udp', options = new Uint8Array(0), tcpOptions = new Uint8Array(0) } = spec;
  const payload = spec.payload ?? pattern(32);
  const number = protocol === 'tcp' ? 6 : 17;
  const ports = [...word(spec.sport ?? 1000), ...word(spec.dport ?? 2000)];
  const transport =
    protocol === 'tcp'
      ? concat(
          ports,
          long(spec.sequence ?? 0x01020304),
          long(0x0a0b0c0d),
          word(((5 + tcpOptions.length / 4) << 12) | (spec.tcpFlags ?? 0x10)),
          word(0x2000),
          [0, 0, 0, 0],
          tcpOptions,
        )
      : concat(ports, word(8 + payload.length), [0, 0]);
  const inner = options.length + transport.length + payload.length;
  const ip =
    version === 4
      ? concat(
          [0x45 + options.length / 4, 0],
          word(20 + inner),
          word(spec.identification ?? 0x1234),
          word(spec.fragment ?? 0),
          [64, number, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
          options,
        )
      : concat(
          [0x60, 0, 0, 0],
          word(inner),
          [options.length === 0 ? number : 60, 64],
          [0xfd, ...new Array(14).fill(0), 1, 0xfd, ...new Array(14).fill(0), 2],
          options,
        );
  const tags = (spec.tags ?? []).flatMap((tag) => [...word(tag.tpid ?? 0x8100), ...word(tag.tci)]);
  const ethernet = concat(MAC_B, MAC_A, tags, version === 4 ? [0x08, 0x00] : [0x86, 0xdd]);
  const bytes = concat(ethernet, ip, transport, payload);
  const l3 = ethernet.length;
  const l4 = l3 + ip.length;
  const csumOffset = protocol === 'tcp' ? 16 : 6;
  if (version === 4) slowIpv4Checksum(bytes, l3);
  if (spec.partial === true) {
    view(bytes).setUint16(l4 + csumOffset, slowPseudo(bytes, l3, number, bytes.length - l4));
  } else if (((spec.fragment ?? 0) & 0x1fff) === 0) {
    slowTransportChecksum(bytes, l3, l4, number);
  }
  return { bytes, l3, l4, data: l4 + transport.length, csumOffset };
}

/** A destination-options extension header of `length` bytes (a multiple of 8), all padding, before `next`. */
export function destinationOptions(length: number, next: number): Uint8Array {
  const header = new Uint8Array(length);
  header.set([next, length / 8 - 1, 1, length - 4]);
  return header;
}
