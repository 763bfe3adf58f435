import { AclKey, type AclPrefix, type AclRule, type MaskedMac } from '../../src/table/classifier.ts';

/** The obvious twin of a compiled list: every rule in turn, every field in turn. */
export function slowMatch(rules: readonly AclRule[], key: Int32Array, at: number): number {
  return rules.findIndex((rule) => matches(rule, (field) => key[at + field]));
}

function matches(rule: AclRule, word: (field: number) => number): boolean {
  const is = (wanted: number | null, field: number) => wanted === null || wanted === word(field);
  const within = (ranges: readonly { low: number; high: number }[], field: number) =>
    ranges.length === 0 || ranges.some(({ low, high }) => word(field) >= low && word(field) <= high);
  const mac = (wanted: MaskedMac | null, field: number) =>
    wanted === null ||
    (word(field) !== -1 &&
      (word(field) & wanted.maskHigh) === wanted.high &&
      ((word(field + 1) & wanted.maskLow) ^ wanted.low) === 0);
  const inside = (prefixes: readonly AclPrefix[], field: number) =>
    prefixes.length === 0 ||
    prefixes.some(({ family, words, length }) => {
      if (word(AclKey.FAMILY) !== family) return false;
      for (let bit = 0; bit < length; bit++) {
        if ((((word(field + (bit >> 5)) ^ words[bit >> 5]) >>> (31 - (bit & 31))) & 1) === 1) return false;
      }
      return true;
    });
  const { tcpFlags } = rule;
  return (
    mac(rule.sourceMac, AclKey.SMAC_HI) &&
    mac(rule.destinationMac, AclKey.DMAC_HI) &&
    is(rule.etherType, AclKey.ETHERTYPE) &&
    is(rule.vlan, AclKey.VLAN) &&
    is(rule.family, AclKey.FAMILY) &&
    inside(rule.source, AclKey.SRC0) &&
    inside(rule.destination, AclKey.DST0) &&
    is(rule.proto, AclKey.PROTO) &&
    within(rule.sourcePorts, AclKey.SPORT) &&
    within(rule.destinationPorts, AclKey.DPORT) &&
    (tcpFlags === null ||
      (word(AclKey.TCP_FLAGS) !== -1 && (word(AclKey.TCP_FLAGS) & tcpFlags.mask) === tcpFlags.value)) &&
    is(rule.icmpType, AclKey.ICMP_TYPE) &&
    is(rule.icmpCode, AclKey.ICMP_CODE) &&
    (rule.fragment === null || word(AclKey.FRAGMENT) === Number(rule.fragment))
  );
}
