import type { PortRange } from '../model.ts';
import { suggest } from '../suggest.ts';
import { Fault, readWhole, shapeOf, text } from './leaf.ts';

/** Names of protocol numbers that ACLs take. Source: IANA's registries of EtherTypes, protocol numbers, ICMP and ICMPv6 types. */

export const ethertypes: Readonly<Record<string, number>> = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  ipv6: 0x86dd,
  pppoed: 0x8863,
  pppoe: 0x8864,
  mpls: 0x8847,
  eapol: 0x888e,
  lldp: 0x88cc,
  macsec: 0x88e5,
  ptp: 0x88f7,
};

export const protocols: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  ospf: 89,
  vrrp: 112,
  sctp: 132,
};

/** A type by name is of one version of ICMP; by number, of either. */
export interface IcmpType {
  readonly number: number;
  readonly family: 4 | 6 | null;
}

const icmp4: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  unreachable: 3,
  redirect: 5,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  timestamp: 13,
  'timestamp-reply': 14,
};

const icmp6: Readonly<Record<string, number>> = {
  unreachable: 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-query': 130,
  'mld-report': 131,
  'mld-done': 132,
  'router-solicitation': 133,
  'router-advertisement': 134,
  'neighbor-solicitation': 135,
  'neighbor-advertisement': 136,
  redirect: 137,
  'mld2-report': 143,
};

const tcpFlags: Readonly<Record<string, number>> = {
  fin: 1,
  syn: 2,
  rst: 4,
  psh: 8,
  ack: 16,
  urg: 32,
  ece: 64,
  cwr: 128,
};

export function readEthertype(value: unknown): number {
  const named = typeof value === 'string' ? own(ethertypes, value) : undefined;
  if (named !== undefined) return named;
  const number = typeof value === 'string' && /^0x[0-9a-f]{1,4}$/i.test(value) ? Number(value) : value;
  if (typeof number === 'number') return readWhole(number, { min: 0x600, max: 0xffff });
  throw unknownName(value, 'EtherType', ethertypes, 'or a number from 0x0600');
}

export function readProtocol(value: unknown): number {
  if (typeof value === 'number') return readWhole(value, { min: 0, max: 255 });
  const named = typeof value === 'string' ? own(protocols, value) : undefined;
  if (named !== undefined) return named;
  throw unknownName(value, 'protocol', protocols, 'or a number up to 255');
}

/** A name stands until the rule's `proto` is known: see `icmpType`. */
export function readIcmpType(value: unknown): number | string {
  if (typeof value === 'number') return readWhole(value, { min: 0, max: 255 });
  if (typeof value === 'string' && (own(icmp4, value) ?? own(icmp6, value)) !== undefined) return value;
  throw unknownName(value, 'ICMP type', { ...icmp4, ...icmp6 }, 'or a number up to 255');
}

/** The number of a type in that version of ICMP; undefined where it has no type of that name. */
export function icmpType(read: number | string, family: 4 | 6): number | undefined {
  return typeof read === 'number' ? read : own(family === 4 ? icmp4 : icmp6, read);
}

export function readIcmpCode(value: unknown): number {
  return readWhole(value, { min: 0, max: 255 });
}

export function readPortRange(value: unknown): PortRange {
  if (typeof value === 'number') {
    const port = readWhole(value, { min: 0, max: 65535 });
    return { low: port, high: port };
  }
  const range = typeof value === 'string' ? /^(\d{1,5})-(\d{1,5})$/.exec(value) : null;
  if (!range) throw new Fault(`${shapeOf(value)} is no port or range of ports`, "write 22, '1000-2000' or [80, 443]");
  const low = readWhole(Number(range[1]), { min: 0, max: 65535 });
  const high = readWhole(Number(range[2]), { min: 0, max: 65535 });
  if (low > high) throw new Fault(`'${value}' runs backwards`, `write '${high}-${low}'`);
  return { low, high };
}

export function readFlags(value: unknown): { mask: number; value: number } {
  const read = text(value, 'TCP flags', "'syn,!ack'");
  let mask = 0;
  let bits = 0;
  for (const part of read.split(',')) {
    const flag = part.trim().replace(/^!/, '').toLowerCase();
    const bit = own(tcpFlags, flag);
    if (bit === undefined) throw unknownName(flag, 'TCP flag', tcpFlags, 'with ! before those that must be clear');
    if (mask & bit) throw new Fault(`'${flag}' is named twice`, 'name each flag once');
    mask |= bit;
    if (!part.trim().startsWith('!')) bits |= bit;
  }
  return { mask, value: bits };
}

/** Name of a number, or the number. */
export function nameOf(table: Readonly<Record<string, number>>, number: number): string {
  return Object.entries(table).find(([, value]) => value === number)?.[0] ?? String(number);
}

export function formatFlags({ mask, value }: { readonly mask: number; readonly value: number }): string {
  const named = Object.entries(tcpFlags).filter(([, bit]) => mask & bit);
  return named.map(([flag, bit]) => (value & bit ? flag : `!${flag}`)).join(',');
}

function own(table: Readonly<Record<string, number>>, key: string): number | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function unknownName(value: unknown, what: string, table: Readonly<Record<string, number>>, or: string): Fault {
  const names = Object.keys(table);
  const meant = typeof value === 'string' ? suggest(value, names) : null;
  const cure = meant === null ? `choose ${names.join(', ')}, ${or}` : `did you mean '${meant}'?`;
  return new Fault(`${shapeOf(value)} is no ${what}`, cure);
}
