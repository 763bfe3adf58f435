import type { AclMatch, AclModel, MacMatch } from '../control/config/model.ts';
import { AclAction, type AclImage } from '../path/image.ts';
import type { AclRule, MaskedMac } from '../table/acl-rule.ts';
import { compileAcl } from '../table/classifier.ts';
import { parseMac } from '../wire/ethernet.ts';
import { sharedDoubles, sharedOctets } from './shared-arrays.ts';

const ACTIONS = { allow: AclAction.Allow, deny: AclAction.Deny, reject: AclAction.Reject } as const;

/** A list as it was compiled from its model. */
export interface CompiledAcl {
  readonly model: AclModel;
  readonly image: AclImage;
}

/**
 * Compiles a list. A rule that was in the list before, word for word, goes on counting from where it is; a list whose rules are all
 * the same is not compiled again.
 */
export function compileAclList(model: AclModel, workers: number, before?: CompiledAcl): CompiledAcl {
  const { rules, fallback } = model;
  if (before !== undefined && sameRules(before.model, model)) {
    return { model, image: { ...before.image, before: null } };
  }
  const action = sharedOctets(rules.length);
  const log = sharedOctets(rules.length);
  rules.forEach((rule, i) => {
    action[i] = ACTIONS[rule.action];
    log[i] = rule.log ? 1 : 0;
  });
  const image = {
    name: model.name,
    tables: compileAcl(rules.map(({ match }) => pattern(match))),
    action,
    log,
    fallback: fallback === 'allow' ? AclAction.Allow : AclAction.Deny,
    hits: Array.from({ length: workers }, () => sharedDoubles(rules.length + 1)),
    before: before === undefined ? null : { hits: before.image.hits, places: placesBefore(before.model, model) },
  };
  return { model, image };
}

function sameRules(a: AclModel, b: AclModel): boolean {
  return (
    a.fallback === b.fallback &&
    a.rules.length === b.rules.length &&
    a.rules.every(({ text }, i) => text === b.rules[i].text)
  );
}

/** For each rule of the new list, and its default, the place that it had in the old one; -1: none. */
function placesBefore(from: AclModel, to: AclModel): Int32Array {
  const places = new Map<string, number[]>();
  from.rules.forEach(({ text }, i) => {
    const list = places.get(text);
    if (list === undefined) places.set(text, [i]);
    else list.push(i);
  });
  const rules = to.rules.map(({ text }) => places.get(text)?.shift() ?? -1);
  return Int32Array.from([...rules, from.fallback === to.fallback ? from.rules.length : -1]);
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
