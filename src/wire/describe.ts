/** A frame as one line for people: who to whom, and what. Not for the hot path. */
import { formatAddress } from './address.ts';
import * as arp from './arp.ts';
import * as ethernet from './ethernet.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import * as extension from './ipv6-extension.ts';
import * as tcp from './tcp.ts';
import * as vlan from './vlan.ts';

const { Icmp, Icmpv6, Sctp, Tcp, Udp } = ipv4.Protocol;
const PROTOCOLS: Readonly<Record<number, string>> = {
  [Icmp]: 'icmp',
  [Icmpv6]: 'icmp6',
  [Sctp]: 'sctp',
  [Tcp]: 'tcp',
  [Udp]: 'udp',
};
const FLAGS = [
  [tcp.Flag.Syn, 'S'],
  [tcp.Flag.Fin, 'F'],
  [tcp.Flag.Reset, 'R'],
  [tcp.Flag.Push, 'P'],
  [tcp.Flag.Acknowledge, '.'],
] as const;

/** @param frame from the Ethernet header on; what is cut off is not told */
export function describe(frame: Uint8Array): string {
  const bytes = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const end = frame.length;
  if (end < ethernet.HEADER_LENGTH) return 'no whole Ethernet header';
  const mac = (at: number) => ethernet.formatMac(bytes.getUint16(at), bytes.getInt32(at + 2));
  const said = [`${mac(ethernet.Offset.Source)} > ${mac(ethernet.Offset.Destination)}`];
  let at = ethernet.Offset.Type as number;
  while (end >= at + 6 && vlan.isTpid(bytes.getUint16(at))) {
    said.push(`vlan ${bytes.getUint16(at + 2) & 0xfff}`);
    at += vlan.TAG_LENGTH;
  }
  const type = bytes.getUint16(at);
  at += 2;
  if (type === ethernet.EtherType.Arp && arp.check(bytes, at, end)) said.push(describeArp(bytes, at));
  else if (type === ethernet.EtherType.Ipv4 && end - at >= ipv4.HEADER_LENGTH) said.push(describe4(bytes, at, end));
  else if (type === ethernet.EtherType.Ipv6 && end - at >= ipv6.HEADER_LENGTH) said.push(describe6(bytes, at, end));
  else said.push(`0x${type.toString(16).padStart(4, '0')}`);
  return said.join(', ');
}

function describeArp(bytes: DataView, at: number): string {
  const [sender, target] = [arp.senderAddress(bytes, at), arp.targetAddress(bytes, at)].map((word) =>
    formatAddress([word]),
  );
  if (arp.operation(bytes, at) === arp.Operation.Request) return `arp who-has ${target} tell ${sender}`;
  return `arp ${sender} is-at ${ethernet.formatMac(arp.senderMacHigh(bytes, at), arp.senderMacLow(bytes, at))}`;
}

function describe4(bytes: DataView, at: number, end: number): string {
  const addresses = [ipv4.source(bytes, at), ipv4.destination(bytes, at)].map((word) => formatAddress([word]));
  const l4 = ipv4.isLaterFragment(bytes, at) ? -1 : at + ipv4.headerLength(bytes, at);
  const fragment = ipv4.isFragment(bytes, at) ? ` fragment at ${ipv4.fragmentOffset(bytes, at)}` : '';
  return transport(bytes, l4, end, ipv4.protocol(bytes, at), addresses) + fragment;
}

function describe6(bytes: DataView, at: number, end: number): string {
  const words = (read: typeof ipv6.source) => formatAddress([0, 1, 2, 3].map((word) => read(bytes, at, word)));
  const found = extension.walk(bytes, at, end);
  const hidden = (found & (extension.Walk.LaterFragment | extension.Walk.Incomplete)) !== 0;
  const l4 = hidden ? -1 : at + extension.offset(found);
  const fragment = (found & extension.Walk.Fragment) === 0 ? '' : ' fragment';
  const protocol = extension.protocol(found);
  return transport(bytes, l4, end, protocol, [words(ipv6.source), words(ipv6.destination)]) + fragment;
}

function transport(bytes: DataView, l4: number, end: number, protocol: number, [from, to]: readonly string[]): string {
  const name = PROTOCOLS[protocol] ?? `protocol ${protocol}`;
  if (l4 < 0 || l4 + 4 > end) return `${from} > ${to}, ${name}`;
  if (protocol === Icmp || protocol === Icmpv6)
    return `${from} > ${to}, ${name} type ${bytes.getUint8(l4)} code ${bytes.getUint8(l4 + 1)}`;
  if (PROTOCOLS[protocol] === undefined) return `${from} > ${to}, ${name}`;
  const [source, destination] = [bytes.getUint16(l4), bytes.getUint16(l4 + 2)];
  const flags = protocol === Tcp && tcp.check(bytes, l4, end) ? ` [${flagsOf(tcp.flags(bytes, l4))}]` : '';
  return `${from}:${source} > ${to}:${destination}, ${name}${flags}`;
}

function flagsOf(flags: number): string {
  return FLAGS.filter(([bit]) => (flags & bit) !== 0)
    .map(([, letter]) => letter)
    .join('');
}
