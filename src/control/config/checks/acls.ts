import type { Reporter } from '../diagnostics.ts';
import type { Path } from '../place.ts';
import type { PortEntry } from '../ports.ts';
import type { MatchConfig, RuleConfig, TargetConfig } from '../schema/acl.ts';
import { ethertypes, icmpType, protocols } from '../schema/protocol.ts';
import type { TenantConfig } from '../schema.ts';
import { checkPort } from './bridge.ts';
import { checkInterface } from './router.ts';

/** ACLs of a tenant: rules that can match something, targets that exist, one ACL a target and direction. */
export function checkAcls(name: string, tenant: TenantConfig, ports: readonly PortEntry[], reporter: Reporter): void {
  const names = new Map(ports.map((port) => [port.name, port]));
  const taken = new Map<string, Path>();
  for (const [acl, { rules, ingress, egress }] of Object.entries(tenant.acls)) {
    const path = ['tenants', name, 'acls', acl];
    for (const [index, rule] of rules.entries()) checkRule([...path, 'rules', index], rule, reporter);
    for (const [direction, targets] of Object.entries({ ingress, egress })) {
      for (const [index, target] of targets.entries()) {
        const at = [...path, direction, index];
        const key = checkTarget(at, target, name, tenant, names, reporter);
        const first = key === null ? undefined : taken.get(`${direction} ${key}`);
        if (first) {
          const message = `${key} already has an ACL for ${direction}`;
          const related = { message: 'first used', path: first };
          reporter.report('config-taken', at, message, 'put the rules into one ACL', { related });
        } else taken.set(`${direction} ${key}`, at);
      }
    }
  }
}

/** @returns the target in words, or null where it is wrong */
function checkTarget(
  path: Path,
  target: TargetConfig,
  name: string,
  tenant: TenantConfig,
  ports: ReadonlyMap<string, PortEntry>,
  reporter: Reporter,
): string | null {
  if (typeof target === 'string') return checkPort(target, path, name, ports, reporter) ? `port '${target}'` : null;
  if ((target.vlan === undefined) === (target.interface === undefined)) {
    const cure = 'write the name of a port, {vlan: 10} or {interface: web}';
    reporter.report('config-conflict', path, 'a target is either a VLAN or an interface', cure);
    return null;
  }
  if (target.vlan !== undefined) return `VLAN ${target.vlan}`;
  const on = checkInterface(target.interface!, [...path, 'interface'], name, tenant.router, reporter);
  return on && `interface '${target.interface}'`;
}

function checkRule(path: Path, rule: RuleConfig, reporter: Reporter): void {
  const [action, second] = (['allow', 'deny', 'reject'] as const).filter((key) => rule[key] !== undefined);
  if (action === undefined) {
    const cure = 'add allow, deny or reject: any, or a map of fields';
    reporter.report('config-missing-key', path, 'the rule has no action', cure);
  } else if (second !== undefined) {
    const message = `${action} and ${second} exclude each other`;
    reporter.report('config-conflict', [...path, second], message, 'make two rules of it', { part: 'key' });
  } else if (rule[action] !== 'any') checkMatch([...path, action], rule[action]!, reporter);
}

/** The IP version that a field implies, and the field. */
type Implied = readonly [family: 4 | 6, key: string];

/** What the fields of a rule imply about the IP version; where they disagree, the first and one other. */
export function familiesOf(match: MatchConfig): Implied[] {
  const implied: Implied[] = [];
  if (match.ethertype === ethertypes['ipv4']) implied.push([4, 'ethertype']);
  if (match.ethertype === ethertypes['ipv6']) implied.push([6, 'ethertype']);
  if (match.proto === protocols['icmp']) implied.push([4, 'proto']);
  if (match.proto === protocols['icmpv6']) implied.push([6, 'proto']);
  for (const key of ['from', 'to'] as const) {
    const families = new Set(match[key]?.map(({ family }) => family));
    for (const family of families.size === 1 ? families : []) implied.push([family, key]);
  }
  return implied;
}

function checkMatch(path: Path, match: MatchConfig, reporter: Reporter): void {
  const conflict = (key: string, message: string, cure: string): void =>
    reporter.report('config-conflict', [...path, key], message, cure, { part: 'key' });
  const [first, ...others] = familiesOf(match);
  const other = others.find(([family]) => family !== first?.[0]);
  if (first && other) {
    const cure = other[1] === 'proto' || first[1] === 'proto' ? 'icmp is IPv4, icmpv6 is IPv6' : 'make two rules of it';
    conflict(other[1], `${first[1]} is IPv${first[0]}, ${other[1]} is IPv${other[0]}: nothing matches both`, cure);
  }
  const { ethertype, proto } = match;
  const ip = ethertype === undefined || ethertype === ethertypes['ipv4'] || ethertype === ethertypes['ipv6'];
  for (const key of ['from', 'to', 'proto'] as const) {
    if (!ip && match[key] !== undefined)
      conflict(key, `${key} goes with IP, not with this ethertype`, 'remove one of the two');
  }
  const ports = proto === protocols['tcp'] || proto === protocols['udp'] || proto === protocols['sctp'];
  for (const key of ['sport', 'dport'] as const) {
    if (!ports && match[key] !== undefined)
      conflict(key, `${key} needs a protocol with ports`, 'add proto: tcp, udp or sctp');
  }
  if (match.flags !== undefined && proto !== protocols['tcp'])
    conflict('flags', 'flags are those of TCP', 'add proto: tcp');
  checkIcmp(match, conflict);
}

function checkIcmp(match: MatchConfig, conflict: (key: string, message: string, cure: string) => void): void {
  const { proto, icmp_type: type, icmp_code: code } = match;
  const family = proto === protocols['icmp'] ? 4 : proto === protocols['icmpv6'] ? 6 : null;
  if (code !== undefined && type === undefined)
    conflict('icmp_code', 'a code means nothing without its type', 'add icmp_type:');
  if (type === undefined) return;
  if (family === null) conflict('icmp_type', 'icmp_type needs ICMP', 'add proto: icmp or icmpv6');
  else if (icmpType(type, family) === undefined) {
    conflict(
      'icmp_type',
      `${family === 4 ? 'icmp' : 'icmpv6'} has no type '${type}'`,
      'choose the other protocol, or a number',
    );
  }
}
