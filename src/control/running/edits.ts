import { UserError } from '../../errors.ts';
import {
  at,
  CONTAINERS,
  find,
  idOf,
  isTree,
  type ObjectKind,
  type ObjectName,
  put,
  remove,
  type Tree,
  withAt,
} from './document.ts';

/** A single change by hand. */
export interface Edit {
  readonly op: 'add' | 'del' | 'set';
  readonly kind: ObjectKind;
  readonly tenant: string;
  /** Of a port or list; of a rule, its list; of other things, absent. */
  readonly name?: string;
  /** What is added or set, with the keys of the configuration; of what is deleted, those that tell it from others. */
  readonly value?: unknown;
  /** Of a rule: which one of its list, from 1; where a new one is put. */
  readonly place?: number;
}

export interface Edited {
  readonly tree: Tree;
  readonly added: ObjectName | null;
  readonly removed: ObjectName | null;
}

/** @throws UserError where the edit is none */
export function editOf(params: Readonly<Record<string, unknown>>): Edit {
  const { op, kind, tenant, name, value, place } = params;
  if (op !== 'add' && op !== 'del' && op !== 'set')
    throw new UserError('usage', 'An edit adds, deletes or sets', 'op is one of add, del, set');
  if (typeof kind !== 'string' || !Object.hasOwn(CONTAINERS, kind)) {
    const kinds = Object.keys(CONTAINERS).join(', ');
    throw new UserError('usage', `Nothing of kind ${String(kind)} can be edited`, `kind is one of ${kinds}`);
  }
  if (typeof tenant !== 'string') throw new UserError('usage', 'The tenant is missing', 'name one');
  return {
    op,
    kind: kind as ObjectKind,
    tenant,
    ...(typeof name === 'string' ? { name } : {}),
    ...(value === undefined ? {} : { value }),
    ...(typeof place === 'number' ? { place } : {}),
  };
}

/** @throws UserError where there is nothing to do, or something is in the way */
export function edit(tree: Tree, wanted: Edit): Edited {
  if (at(tree, ['tenants', wanted.tenant]) === undefined)
    throw new UserError('config-reference', `There is no tenant ${wanted.tenant}`, 'see tapyard show tenants');
  const name = nameOf(tree, wanted);
  const there = find(tree, name);
  const what = `${wanted.kind} ${wanted.kind === 'rule' ? `${name.acl}` : name.id} of ${wanted.tenant}`;
  switch (wanted.op) {
    case 'add':
      if (wanted.kind === 'rule')
        return {
          tree: put(tree, name, wanted.value, (wanted.place ?? Number.POSITIVE_INFINITY) - 1),
          added: name,
          removed: null,
        };
      if (there !== undefined)
        throw new UserError(
          'config-taken',
          `There is a ${what} already`,
          `delete it first: tapyard ${wanted.kind} del`,
        );
      return { tree: put(tree, name, wanted.value ?? {}), added: name, removed: null };
    case 'set':
      if (there === undefined) throw missing(what, wanted);
      return { tree: put(tree, name, merged(there, wanted.value)), added: null, removed: null };
    default:
      if (there === undefined) throw missing(what, wanted);
      return { tree: remove(tree, name), added: null, removed: name };
  }
}

function missing(what: string, { kind }: Edit): UserError {
  const view = { port: 'ports', mac: 'macs', route: 'routes', neighbor: 'neighbors', acl: 'acls', rule: 'acls' }[kind];
  return new UserError('config-reference', `There is no ${what}`, `see tapyard show ${view}`);
}

function merged(there: unknown, value: unknown): unknown {
  if (!isTree(there) || !isTree(value)) return value;
  return Object.entries(value).reduce<Tree>((tree, [key, one]) => withAt(tree, [key], one ?? undefined), there);
}

function nameOf(tree: Tree, { op, kind, tenant, name, value, place }: Edit): ObjectName {
  if (kind === 'port' || kind === 'acl') {
    if (name === undefined) throw new UserError('usage', `The name of the ${kind} is missing`, 'give it');
    return { kind, tenant, id: name };
  }
  if (kind !== 'rule') return { kind, tenant, id: idOf(kind, value) };
  if (name === undefined) throw new UserError('usage', 'The list of the rule is missing', 'name it');
  if (at(tree, ['tenants', tenant, 'acls', name]) === undefined)
    throw new UserError('config-reference', `There is no acl ${name} of ${tenant}`, 'see tapyard show acls');
  if (op !== 'del') return { kind, tenant, acl: name, id: idOf(kind, value) };
  const rules = at(tree, ['tenants', tenant, 'acls', name, 'rules']);
  const rule: unknown = Array.isArray(rules) && place !== undefined ? rules[place - 1] : undefined;
  if (rule === undefined)
    throw new UserError('config-reference', `${name} of ${tenant} has no rule ${place ?? ''}`, 'see tapyard show acls');
  return { kind, tenant, acl: name, id: idOf(kind, rule) };
}
