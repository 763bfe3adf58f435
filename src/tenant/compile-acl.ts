import type { AclMatch, AclModel, AclRule } from '../control/config/model.ts';
import { AclAction, type AclImage } from '../path/image.ts';
import { type AclRule as Pattern, compileAcl } from '../table/classifier.ts';
import { parseMac } from '../wire/ethernet.ts';
import { sharedDoubles, sharedOctets } from './words.ts';

/** A compiled list, and which of the model's rules each compiled rule came from: lists in a rule multiply it out. */
export interface CompiledAcl {
  readonly image: AclImage;
  readonly origin: readonly number[];
}

const ACTIONS = { allow: AclAction.Allow, deny: AclAction.Deny, reject: AclAction.Reject } as const;

export function compileAclList(acl: AclModel, workers: number): CompiledAcl {
  const patterns: Pattern[] = [];
  const origin: number[] = [];
  acl.rules.forEach((rule, index) => {
    for (const pattern of expand(rule.match)) {
      patterns.push(pattern);
      origin.push(index);
    }
  });
  const action = sharedOctets(patterns.length);
  const log = sharedOctets(patterns.length);
  origin.forEach((index, i) => {
    const rule: AclRule = acl.rules[index];
    action[i] = ACTIONS[rule.action];
    log[i] = rule.log ? 1 : 0;
  });
  return {
    origin,
    image: {
      name: acl.name,
      tables: compileAcl(patterns),
      action,
      log,
      fallback: acl.fallback === 'allow' ? AclAction.Allow : AclAction.Deny,
      hits: Array.from({ length: workers }, () => sharedDoubles(patterns.length + 1)),
    },
  };
}
