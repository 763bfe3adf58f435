import { KEY_WORDS, KeyWord } from './layout.ts';

/**
 * What a tenant's rules look at in a frame, beside the port, VLAN tag and EtherType, as far as a flow cache must know: a
 * decision holds for all frames that are alike in these. Bits of a number, since it is asked after every change of the rules.
 */
export const Look = {
  /** MACs; the built-in stages, where a rule hands frames to them, look at these and at addresses. */
  Macs: 1,
  /** Anything behind the Ethernet header and its tag; or an action takes a TTL down. */
  Network: 2,
  Source: 4,
  Destination: 8,
  /** Protocol, ports, ICMP type and code. */
  Ports: 16,
  /** DSCP and ECN. */
  Tos: 32,
  /** IPv6 flow label. */
  Label: 64,
  /** There are meters, which weigh every frame. */
  Meters: 128,
} as const;

/** What the bucket of a flow in a select group is chosen by. */
const SPREAD = Look.Macs | Look.Network | Look.Source | Look.Destination | Look.Ports;

/**
 * @param consulted bits of the flow key that any rule looks at @param ttl whether any action takes a TTL down
 * @param normal whether any action is `NORMAL` @param spread whether any group spreads flows over its buckets @returns sum of `Look`
 */
export function looksOf(consulted: Int32Array, ttl: boolean, normal: boolean, spread: boolean): number {
  const { Ip, Ipv6Src, Ipv6Dst } = KeyWord;
  const any = (from: number, to: number) => {
    for (let w = from; w < to; w++) if (consulted[w] !== 0) return true;
    return false;
  };
  let looks = spread ? SPREAD : 0;
  if (normal || any(KeyWord.EthDstHigh, KeyWord.EthSrcLow + 1)) looks |= Look.Macs;
  if (ttl || any(Ip, KEY_WORDS)) looks |= Look.Network;
  if (consulted[KeyWord.Ipv4Src] !== 0 || any(Ipv6Src, Ipv6Dst)) looks |= Look.Source;
  if (normal || consulted[KeyWord.Ipv4Dst] !== 0 || any(Ipv6Dst, Ipv6Dst + 4)) looks |= Look.Destination;
  if ((consulted[Ip] & 0xff) !== 0 || consulted[KeyWord.Transport] !== 0) looks |= Look.Ports;
  if ((consulted[Ip] & 0xff00) !== 0) looks |= Look.Tos;
  if ((consulted[KeyWord.Ipv6Label] & 0xfffff) !== 0) looks |= Look.Label;
  return looks;
}
