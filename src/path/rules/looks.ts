import { KEY_WORDS, KeyWord } from './layout.ts';

/**
 * What a tenant's rules look at in a frame, beside the port, VLAN tag and EtherType, as far as a flow cache must know: a
 * decision holds for all frames that are alike in these.
 */
export interface RuleLooks {
  /** MACs; the built-in stages, where a rule hands frames to them, look at these and at addresses. */
  readonly macs: boolean;
  /** Anything behind the Ethernet header and its tag; or an action takes a TTL down. */
  readonly l3: boolean;
  readonly source: boolean;
  readonly destination: boolean;
  /** Protocol, ports, ICMP type and code. */
  readonly ports: boolean;
  /** DSCP and ECN. */
  readonly tos: boolean;
  /** IPv6 flow label. */
  readonly label: boolean;
}

/**
 * @param consulted bits of the flow key that any rule looks at @param ttl whether any action takes a TTL down
 * @param normal whether any action is `NORMAL`
 */
export function looksOf(consulted: Int32Array, ttl: boolean, normal: boolean): RuleLooks {
  const any = (from: number, to: number) => {
    for (let w = from; w < to; w++) if (consulted[w] !== 0) return true;
    return false;
  };
  return {
    macs: normal || any(KeyWord.EthDstHigh, KeyWord.EthSrcLow + 1),
    l3: ttl || any(KeyWord.Ip, KEY_WORDS),
    source: consulted[KeyWord.Ipv4Src] !== 0 || any(KeyWord.Ipv6Src, KeyWord.Ipv6Dst),
    destination: normal || consulted[KeyWord.Ipv4Dst] !== 0 || any(KeyWord.Ipv6Dst, KeyWord.Ipv6Dst + 4),
    ports: (consulted[KeyWord.Ip] & 0xff) !== 0 || consulted[KeyWord.Transport] !== 0,
    tos: (consulted[KeyWord.Ip] & 0xff00) !== 0,
    label: (consulted[KeyWord.Ipv6Label] & 0xfffff) !== 0,
  };
}
