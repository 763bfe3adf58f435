import type { AclMatch, AclModel, MacMatch } from '../control/config/model.ts';
import { AclAction, type AclImage } from '../path/image.ts';
import type { AclRule, MaskedMac } from '../table/acl-rule.ts';
import { compileAcl } from '../table/classifier.ts';
import { parseMac } from '../wire/ethernet.ts';
import { sharedDoubles, sharedOctets } from './shared-arrays.ts';

const ACTIONS = { allow: AclAction.Allow, deny: AclAction.Deny, reject: AclAction.Reject } as const;

export function compileAclList(acl: AclModel, workers: number): AclImage {
  const { rules } = acl;
  const action = sharedOctets(rules.length);
  const log = sharedOctets(rules.length);
  rules.forEach((rule, i) => {
    action[i] = ACTIONS[rule.action];
    log[i] = rule.log ? 1 : 0;
  });
  return {
    name: acl.name,
    tables: compileAcl(rules.map(({ match }) => pattern(match))),
    action,
    log,
    fallback: acl.fallback === 'allow' ? AclAction.Allow : AclAction.Deny,
    hits: Array.from({ length: workers }, () => sharedDoubles(rules.length + 1)),
  };
}

function pattern(match: AclMatch): AclRule {
  return {
    sourceMac: masked(match.sourceMac),
    destinationMac: masked(match.destinationMac),
    etherType: match.ethertype,
    vlan: match.vlan,
    family: match.family,
    source: match.from,
    destination: match.to,
    proto: match.proto,
    sourcePorts: match.sourcePorts,
    destinationPorts: match.destinationPorts,
    tcpFlags: match.flags,
    icmpType: match.icmpType,
    icmpCode: match.icmpCode,
    fragment: null,
  };
}

function masked(match: MacMatch | null): MaskedMac | null {
  if (match === null) return null;
  const value = parseMac(match.value);
  const mask = parseMac(match.mask);
  return { high: value.high, low: value.low, maskHigh: mask.high, maskLow: mask.low };
}
