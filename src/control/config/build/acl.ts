import { familiesOf } from '../checks/acls.ts';
import type { AclMatch, AclModel, AclRule, AclTarget, MacMatch, PortRange } from '../model.ts';
import { type Path, placed, type Source } from '../place.ts';
import type { AclConfig, MatchConfig, RuleConfig, TargetConfig } from '../schema/acl.ts';
import { ethertypes, formatFlags, icmpType, nameOf, protocols } from '../schema/protocol.ts';

export function buildAcl(name: string, keys: AclConfig, path: Path, source: Source): AclModel {
  const model = {
    name,
    rules: keys.rules.map((rule, index) => placed(buildRule(rule), source.place([...path, 'rules', index]))),
    fallback: keys.default,
    ingress: keys.ingress.map(buildTarget),
    egress: keys.egress.map(buildTarget),
  };
  return placed(model, source.place(path, 'key'));
}

function buildTarget(target: TargetConfig): AclTarget {
  if (typeof target === 'string') return { kind: 'port', port: target };
  if (target.vlan !== undefined) return { kind: 'vlan', vlan: target.vlan };
  return { kind: 'interface', interface: target.interface! };
}

function buildRule(rule: RuleConfig): AclRule {
  const action = rule.allow !== undefined ? 'allow' : rule.deny !== undefined ? 'deny' : 'reject';
  const asked = rule[action]!;
  const match = buildMatch(asked === 'any' ? {} : asked);
  const text = `${action} ${formatMatch(match)}${rule.log ? ' log' : ''}`;
  return { action, log: rule.log, match, text };
}

function buildMatch(keys: MatchConfig): AclMatch {
  const family = familiesOf(keys)[0]?.[0] ?? null;
  // An entry of the other version can never match.
  const fitting = (prefixes: MatchConfig['from']) =>
    prefixes?.filter((each) => family === null || each.family === family);
  return {
    sourceMac: keys.smac ?? null,
    destinationMac: keys.dmac ?? null,
    ethertype: keys.ethertype ?? null,
    vlan: keys.vlan ?? null,
    family,
    from: fitting(keys.from) ?? [],
    to: fitting(keys.to) ?? [],
    proto: keys.proto ?? null,
    sourcePorts: keys.sport ?? [],
    destinationPorts: keys.dport ?? [],
    flags: keys.flags ?? null,
    icmpType: keys.icmp_type === undefined ? null : icmpType(keys.icmp_type, family ?? 4)!,
    icmpCode: keys.icmp_code ?? null,
  };
}

function formatMatch(match: AclMatch): string {
  const parts: string[] = [];
  const add = (key: string, value: string | number | null): void => {
    if (value !== null && value !== '') parts.push(key === '' ? String(value) : `${key} ${value}`);
  };
  add('', match.proto === null ? null : nameOf(protocols, match.proto));
  add('ethertype', match.ethertype === null ? null : etherName(match.ethertype));
  add('vlan', match.vlan);
  add('smac', formatMac(match.sourceMac));
  add('dmac', formatMac(match.destinationMac));
  add('from', match.from.map(({ text }) => text).join(','));
  add('sport', formatRanges(match.sourcePorts));
  add('to', match.to.map(({ text }) => text).join(','));
  add('dport', formatRanges(match.destinationPorts));
  add('flags', match.flags && formatFlags(match.flags));
  add('icmp_type', match.icmpType);
  add('icmp_code', match.icmpCode);
  return parts.join(' ') || 'any';
}

function etherName(number: number): string {
  const name = nameOf(ethertypes, number);
  return name === String(number) ? `0x${number.toString(16).padStart(4, '0')}` : name;
}

function formatMac(match: MacMatch | null): string {
  if (!match) return '';
  return match.mask === 'ff:ff:ff:ff:ff:ff' ? match.value : `${match.value}/${match.mask}`;
}

function formatRanges(ranges: readonly PortRange[]): string {
  return ranges.map(({ low, high }) => (low === high ? String(low) : `${low}-${high}`)).join(',');
}
