import { EtherType } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';

const TAG = 4;
const TYPE = 12;

/**
 * Frames split between queues as the kernel splits them between those of a TAP: by a hash of addresses, protocol and ports, so that a flow
 * stays on its queue, in order. What is neither IPv4 nor IPv6 goes by its MACs; fragments go without ports. Source:
 * Documentation/networking/scaling.rst.
 */
export function splitByFlow(frames: readonly Uint8Array[], queues: number): Uint8Array[][] {
  const split = Array.from({ length: queues }, (): Uint8Array[] => []);
  for (const frame of frames) split[flowHash(frame) % queues].push(frame);
  return split;
}

/** @returns an unsigned word that frames of one flow have in common */
export function flowHash(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let at = TYPE;
  while (at + 2 + TAG <= frame.length && isTag(view.getUint16(at))) at += TAG;
  const type = at + 2 <= frame.length ? view.getUint16(at) : 0;
  const l3 = at + 2;
  if (type === EtherType.Ipv4 && ipv4.check(view, l3, frame.length)) {
    const fragment = (view.getUint16(l3 + ipv4.Offset.Fragment) & (ipv4.Fragment.More | ipv4.Fragment.Offset)) !== 0;
    const protocol = view.getUint8(l3 + ipv4.Offset.Protocol);
    const ports = fragment ? -1 : l3 + ipv4.headerLength(view, l3);
    return hashOf(view, l3 + ipv4.Offset.Source, 8, protocol, ports);
  }
  if (type === EtherType.Ipv6 && ipv6.check(view, l3, frame.length))
    return hashOf(view, l3 + ipv6.Offset.Source, 32, ipv6.nextHeader(view, l3), l3 + ipv6.HEADER_LENGTH);
  return hashOf(view, 0, Math.min(TYPE, frame.length), 0, -1);
}

function isTag(type: number): boolean {
  return type === EtherType.Vlan || type === EtherType.ServiceVlan;
}

/** FNV-1a of so many bytes and the protocol; and of the four bytes of ports, if the protocol has any. */
function hashOf(view: DataView, from: number, length: number, protocol: number, ports: number): number {
  let hash = Math.imul(0x811c9dc5 ^ protocol, 0x01000193);
  const add = (at: number) => {
    hash = Math.imul(hash ^ view.getUint8(at), 0x01000193);
  };
  for (let k = 0; k < length; k++) add(from + k);
  const has = protocol === ipv4.Protocol.Udp || protocol === ipv4.Protocol.Tcp || protocol === ipv4.Protocol.Sctp;
  if (has && ports >= 0 && ports + 4 <= view.byteLength) for (let k = 0; k < 4; k++) add(ports + k);
  // The lowest bit of this hash is but the parity of the bytes.
  return (hash ^ (hash >>> 15)) >>> 0;
}
