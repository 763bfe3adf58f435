import * as Layout from '../../table/acl-tables.ts';
import { AclKey } from '../../table/classifier.ts';
import type { TenantImage } from '../image.ts';
import { Look } from '../rules/looks.ts';

/**
 * What a tenant's path looks at in a frame. The generated code depends on this alone: rules, routes and addresses are data.
 * VLAN tag and EtherType are always looked at.
 */
export interface Shape {
  /** MACs: the bridge learns by them; rules may not. */
  readonly macs: boolean;
  /** Network headers at all: there is a router, an ACL or port security that looks at addresses. */
  readonly l3: boolean;
  /** Source address. */
  readonly source: boolean;
  readonly destination: boolean;
  /** Protocol, ports, ICMP type and code. */
  readonly ports: boolean;
  /** TCP flags. */
  readonly flags: boolean;
  /** DSCP and ECN; IPv6 flow label. */
  readonly tos: boolean;
  readonly label: boolean;
  /** Rules may edit more than MACs, a tag and the TTL. */
  readonly edits: boolean;
  /** There are policers. */
  readonly policed: boolean;
  /** Somebody looks at frames that are dropped. */
  readonly tapped: boolean;
  /** There are meters. */
  readonly metered: boolean;
}

const TRANSPORT: readonly number[] = [AclKey.PROTO, AclKey.SPORT, AclKey.DPORT, AclKey.ICMP_TYPE, AclKey.ICMP_CODE];

/** Words of the key that a list looks at. */
function keysOf(words: Int32Array): number[] {
  return Layout.operandsOf(words).map((operand) => words[operand + Layout.KEY]);
}

/** @param looks what rules look at, sum of `Look`; null: there are none, or none but `NORMAL` @param tapped whether drops are looked at */
export function shapeOf(
  { bridge, router, acls, policer }: TenantImage,
  looks: number | null = null,
  tapped = false,
): Shape {
  const keys = new Set(acls.flatMap(({ tables }) => keysOf(tables.words)));
  const secure = bridge.securities.some(({ prefixes }) => prefixes.length > 0);
  const multipath = router?.multipath ?? false;
  const lists = acls.length > 0;
  const set = (bucket: number) => bucket >= 0;
  const rulesLook = (at: number) => looks !== null && (looks & at) !== 0;
  const l3 = router !== null || lists || secure || rulesLook(Look.Network);
  return {
    macs: looks === null || rulesLook(Look.Macs) || bridge.securities.length > 0,
    l3,
    source: secure || multipath || keys.has(AclKey.SRC0) || rulesLook(Look.Source),
    destination: l3 && (looks === null || rulesLook(Look.Destination)),
    // The default of a list, and neighbour discovery, are told by the protocol.
    ports: secure || multipath || lists || rulesLook(Look.Ports) || TRANSPORT.some((key) => keys.has(key)),
    flags: keys.has(AclKey.TCP_FLAGS),
    tos: rulesLook(Look.Tos),
    label: rulesLook(Look.Label),
    edits: looks !== null,
    metered: rulesLook(Look.Meters),
    policed: [policer.packets, policer.bits, ...bridge.packetPolicer, ...bridge.bitPolicer].some(set),
    tapped,
  };
}

const KEYS: readonly (keyof Shape)[] = [
  ...([
    'macs',
    'l3',
    'source',
    'destination',
    'ports',
    'flags',
    'tos',
    'label',
    'edits',
    'policed',
    'tapped',
    'metered',
  ] as const),
];

/** A shape as a number above 0, by which a worker tells the control side. */
export function shapeBits(shape: Shape): number {
  return KEYS.reduce((bits, key, k) => bits | (shape[key] ? 2 << k : 0), 1);
}

export function shapeOfBits(bits: number): Shape {
  return Object.fromEntries(KEYS.map((key, k) => [key, (bits & (2 << k)) !== 0])) as unknown as Shape;
}

export function sameShape(one: Shape, other: Shape): boolean {
  return shapeBits(one) === shapeBits(other);
}
