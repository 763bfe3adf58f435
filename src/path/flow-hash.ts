import { type Batch, Kind, Trait } from '../frame/batch.ts';
import { flowHash4, hash4 } from '../table/hash.ts';
import { Protocol } from '../wire/ipv4.ts';

/**
 * Hash of the flow that a packet belongs to: addresses, protocol and, where every packet of the flow shows them, ports. It is keyed,
 * so that a sender cannot choose its way. Fragments are hashed without ports, so that all pieces of a packet go one way.
 */
export function flowHash(batch: Batch, i: number, bytes: DataView, keys: Int32Array): number {
  const at = batch.l3[i];
  const seesPorts = (batch.traits[i] & Trait.Fragment) === 0 && batch.sport[i] >= 0;
  const ports = seesPorts ? (batch.sport[i] << 16) | batch.dport[i] : 0;
  if (batch.kind[i] === Kind.Ipv4) return packetHash4(bytes, at, ports, batch.proto[i], keys);
  return packetHash6(bytes, at, ports, batch.proto[i], keys);
}

/** The same of an IPv4 packet of TCP, UDP or ICMP without options that is no fragment. @param at position of its header */
export function plainHash4(bytes: DataView, at: number, keys: Int32Array): number {
  const proto = bytes.getUint8(at + 9);
  return packetHash4(bytes, at, portsOf(bytes, at + 20, proto), proto, keys);
}

/** The same of an IPv6 packet without extension headers. */
export function plainHash6(bytes: DataView, at: number, keys: Int32Array): number {
  const proto = bytes.getUint8(at + 6);
  return packetHash6(bytes, at, portsOf(bytes, at + 40, proto), proto, keys);
}

/** Source << 16 | destination; of ICMP type and code. */
function portsOf(bytes: DataView, at: number, proto: number): number {
  if (proto !== Protocol.Icmp && proto !== Protocol.Icmpv6) return bytes.getInt32(at);
  return (bytes.getUint8(at) << 16) | bytes.getUint8(at + 1);
}

/** @param at position of the IP header @param ports source << 16 | destination; of ICMP type and code; 0 where not every packet of the flow shows them */
function packetHash4(bytes: DataView, at: number, ports: number, proto: number, keys: Int32Array): number {
  return flowHash4(keys, bytes.getInt32(at + 12), bytes.getInt32(at + 16), ports, proto);
}

/** See `packetHash4`. */
function packetHash6(bytes: DataView, at: number, ports: number, proto: number, keys: Int32Array): number {
  return flowHash4(keys, addressHash(bytes, at + 8, keys), addressHash(bytes, at + 24, keys), ports, proto);
}

function addressHash(bytes: DataView, at: number, keys: Int32Array): number {
  return hash4(keys, bytes.getInt32(at), bytes.getInt32(at + 4), bytes.getInt32(at + 8), bytes.getInt32(at + 12));
}
