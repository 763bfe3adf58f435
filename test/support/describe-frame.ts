import { formatAddress } from '../../src/wire/address.ts';
import * as arp from '../../src/wire/arp.ts';
import { add, checksum, pseudo6, sum } from '../../src/wire/checksum.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import * as icmpv6 from '../../src/wire/icmpv6.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as extension from '../../src/wire/ipv6-extension.ts';
import * as ndp from '../../src/wire/ndp.ts';

/**
 * Says what a frame of the router's own means, in one line.
 * @throws Error when a checksum or a length is wrong
 */
export function describe(frame: Uint8Array): string {
  const bytes = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const mac = (at: number) => formatMac(bytes, at);
  const to = mac(0) === 'ff:ff:ff:ff:ff:ff' ? 'all' : mac(0);
  switch (ethernet.etherType(bytes, 0)) {
    case ethernet.EtherType.Arp:
      return describeArp(bytes, to);
    case ethernet.EtherType.Ipv4:
      return describe4(bytes);
    case ethernet.EtherType.Ipv6:
      return describe6(bytes, to);
    default:
      throw new Error('the slow path sent a frame of an unknown type');
  }
}

function formatMac(bytes: DataView, at: number): string {
  return ethernet.formatMac(bytes.getUint16(at), bytes.getInt32(at + 2));
}

function describeArp(bytes: DataView, to: string): string {
  if (!arp.check(bytes, 14, bytes.byteLength) || bytes.byteLength !== 42) throw new Error('bad ARP');
  const sender = formatAddress([arp.senderAddress(bytes, 14)]);
  const target = formatAddress([arp.targetAddress(bytes, 14)]);
  if (arp.operation(bytes, 14) === arp.Operation.Reply)
    return `${sender} is at ${formatMac(bytes, 22)}, to ${target} ${to}`;
  return sender === target ? `announce ${sender}, to ${to}` : `who has ${target}? tell ${sender}, to ${to}`;
}

function describe4(bytes: DataView): string {
  const end = 14 + ipv4.totalLength(bytes, 14);
  if (!ipv4.check(bytes, 14, bytes.byteLength) || !ipv4.isChecksumRight(bytes, 14) || end !== bytes.byteLength) {
    throw new Error('bad IPv4 header');
  }
  if (ipv4.protocol(bytes, 14) !== 1 || checksum(bytes, 34, end) !== 0) throw new Error('bad ICMP');
  const ends = `${formatAddress([ipv4.source(bytes, 14)])} to ${formatAddress([ipv4.destination(bytes, 14)])}`;
  const [type, code, rest] = [bytes.getUint8(34), bytes.getUint8(35), bytes.getInt32(38)];
  const length = end - 42;
  if (type === 0) return `echo reply ${ends}, ${length} bytes`;
  return `icmp ${type}/${code} ${ends}, ${rest === 0 ? '' : `value ${rest}, `}quotes ${length}`;
}

function describe6(bytes: DataView, to: string): string {
  const end = 14 + ipv6.totalLength(bytes, 14);
  if (!ipv6.check(bytes, 14, bytes.byteLength) || end !== bytes.byteLength) throw new Error('bad IPv6 header');
  const wordsAt = (at: number) => [0, 4, 8, 12].map((i) => bytes.getUint32(at + i));
  const [source, destination] = [formatAddress(wordsAt(22)), formatAddress(wordsAt(38))];
  const chain = extension.walk(bytes, 14, end);
  if ((chain & extension.Walk.Fragment) !== 0) {
    const header = extension.find(bytes, 14, end, 44);
    return `fragment ${extension.fragmentOffset(bytes, header)} of ${source} to ${destination}`;
  }
  const at = 14 + extension.offset(chain);
  if (extension.protocol(chain) !== 58 || add(pseudo6(bytes, 14, 58, end - at), sum(bytes, at, end)) !== 0xffff) {
    throw new Error('bad ICMPv6');
  }
  const ends = `${source} to ${destination}`;
  const type = icmpv6.type(bytes, at);
  if (type === icmpv6.Type.EchoReply) return `echo reply ${ends}, ${end - at - 8} bytes`;
  if (type < 128) {
    const value = bytes.getUint32(at + 4);
    return `icmp ${type}/${icmpv6.code(bytes, at)} ${ends}, ${value === 0 ? '' : `value ${value}, `}quotes ${end - at - 8}`;
  }
  if (!ndp.check(bytes, at, end) || ipv6.hopLimit(bytes, 14) !== 255) throw new Error('bad neighbour discovery');
  const target = type === 134 ? '' : formatAddress(wordsAt(at + 8));
  const option = ndp.findOption(bytes, at, end, type === 136 ? 2 : 1);
  const station = option < 0 ? 'nobody' : formatMac(bytes, option + 2);
  if (type === 135) return `who has ${target}? tell ${source} ${station}, to ${destination} ${to}`;
  if (type === 136)
    return `${target} is at ${station} ${flagsOf(ndp.neighborFlags(bytes, at))}, to ${destination} ${to}`;
  return describeAdvertisement(bytes, at, end, source, destination, station);
}

function flagsOf(flags: number): string {
  return `${flags & 0x80 ? 'R' : '-'}${flags & 0x40 ? 'S' : '-'}${flags & 0x20 ? 'O' : '-'}`;
}

function describeAdvertisement(
  bytes: DataView,
  at: number,
  end: number,
  source: string,
  destination: string,
  station: string,
): string {
  const parts = [`router ${source} ${station} for ${ndp.routerLifetime(bytes, at)} s, to ${destination}`];
  const flags = ndp.routerFlags(bytes, at);
  if (flags !== 0) parts.push(`${flags & 0x80 ? 'M' : '-'}${flags & 0x40 ? 'O' : '-'}`);
  for (let option = at + 16; option < end; option += bytes.getUint8(option + 1) * 8) {
    if (bytes.getUint8(option) === ndp.Option.Mtu) parts.push(`mtu ${ndp.mtu(bytes, option)}`);
    if (bytes.getUint8(option) !== ndp.Option.Prefix) continue;
    const prefix = [0, 1, 2, 3].map((i) => ndp.prefix(bytes, option, i));
    const [lifetime, bits] = [bytes.getUint32(option + 4), bytes.getUint8(option + 3)];
    parts.push(
      `${formatAddress(prefix)}/${ndp.prefixLength(bytes, option)} ${bits & 0x80 ? 'L' : '-'}${bits & 0x40 ? 'A' : '-'} ${lifetime} s`,
    );
  }
  return parts.join(', ');
}
