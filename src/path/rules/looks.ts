import { KEY_WORDS, KeyWord } from './layout.ts';

/**
 * What a tenant's rules look at in a frame, beside the port, MACs, VLAN tag and EtherType, as far as a flow cache must know: a
 * decision holds for all frames that are alike in these.
 */
export interface RuleLooks {
  /** Anything behind the Ethernet header and its tag; or an action takes a TTL down. */
  readonly l3: boolean;
  readonly source: boolean;
  /** Protocol, ports, ICMP type and code. */
  readonly ports: boolean;
  /** DSCP and ECN. */
  readonly tos: boolean;
  /** IPv6 flow label. */
  readonly label: boolean;
}

/** @param consulted bits of the flow key that any rule looks at @param ttl whether any action takes a TTL down */
export function looksOf(consulted: Int32Array, ttl: boolean): RuleLooks {
  const any = (from: number, to: number) => {
    for (let w = from; w < to; w++) if (consulted[w] !== 0) return true;
    return false;
  };
  return {
    l3: ttl || any(KeyWord.Ip, KEY_WORDS),
    source: consulted[KeyWord.Ipv4Src] !== 0 || any(KeyWord.Ipv6Src, KeyWord.Ipv6Dst),
    ports: (consulted[KeyWord.Ip] & 0xff) !== 0 || consulted[KeyWord.Transport] !== 0,
    tos: (consulted[KeyWord.Ip] & 0xff00) !== 0,
    label: (consulted[KeyWord.Ipv6Label] & 0xfffff) !== 0,
  };
}
