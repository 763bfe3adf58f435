import { readMac, readPrefix } from '../config/schema/net.ts';

/** A configuration as its file has it: maps, lists and scalars, names as in the schema. Not changed in place. */
export type Tree = { readonly [key: string]: unknown };

/** Which lists and maps of a tenant hold objects that can be added and removed by themselves. */
export const CONTAINERS = {
  port: ['bridge', 'ports'],
  mac: ['bridge', 'static_macs'],
  route: ['router', 'routes'],
  neighbor: ['router', 'neighbors'],
  acl: ['acls'],
  rule: ['acls'],
} as const;
export type ObjectKind = keyof typeof CONTAINERS;

/** Names an object of a tenant: of a port or list its name, of an entry of a list what tells it from others. */
export interface ObjectName {
  readonly kind: ObjectKind;
  readonly tenant: string;
  /** Of a rule, the list that it is in. */
  readonly acl?: string;
  readonly id: string;
}

export function keyOf({ kind, tenant, acl, id }: ObjectName): string {
  return JSON.stringify([kind, tenant, acl ?? null, id]);
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is at a path; undefined when nothing is. */
export function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, step) => (isTree(value) ? value[step] : undefined), tree);
}

/** A copy with another value at a path, whose maps are made where they are not there; undefined takes it away. */
export function withAt(tree: Tree, path: readonly string[], value: unknown): Tree {
  const [step, ...rest] = path;
  if (step === undefined) return isTree(value) ? value : {};
  if (rest.length === 0) {
    const { [step]: _, ...others } = tree;
    return value === undefined ? others : { ...tree, [step]: value };
  }
  const below = tree[step];
  return { ...tree, [step]: withAt(isTree(below) ? below : {}, rest, value) };
}

function pathOf({ kind, tenant, acl }: ObjectName): string[] {
  const path = ['tenants', tenant, ...CONTAINERS[kind]];
  return kind === 'rule' ? [...path, acl ?? '', 'rules'] : path;
}

/** What tells an entry of a list from others, however it is written. */
export function idOf(kind: ObjectKind, entry: unknown): string {
  const part = (key: string): string => String(at(entry, [key]) ?? '');
  switch (kind) {
    case 'route':
      return tidy(at(entry, ['to']), (value) => readPrefix(value).text);
    case 'mac':
      return `${tidy(at(entry, ['mac']), readMac)} ${at(entry, ['vlan']) ?? 1}`;
    case 'neighbor':
      return `${part('interface')} ${tidy(at(entry, ['address']), (value) => readPrefix(value).text)}`;
    default:
      return JSON.stringify(entry);
  }
}

function tidy(value: unknown, read: (value: unknown) => string): string {
  try {
    return read(value);
  } catch {
    return String(value);
  }
}

/** The object as it is written, or undefined. */
export function find(tree: Tree, name: ObjectName): unknown {
  const container = at(tree, pathOf(name));
  if (!Array.isArray(container)) return at(container, [name.id]);
  return container.find((entry) => idOf(name.kind, entry) === name.id);
}

/** Where the object stands in its list; -1: it is in a map, or not there. */
export function placeOf(tree: Tree, name: ObjectName): number {
  const container = at(tree, pathOf(name));
  return Array.isArray(container) ? container.findIndex((entry) => idOf(name.kind, entry) === name.id) : -1;
}

/** A copy with the object in it. @param place in its list; at its end if absent */
export function put(tree: Tree, name: ObjectName, value: unknown, place = Number.POSITIVE_INFINITY): Tree {
  const path = pathOf(name);
  if (name.kind === 'port' || name.kind === 'acl') return withAt(tree, [...path, name.id], value);
  const list = at(tree, path);
  const entries = Array.isArray(list) ? [...(list as unknown[])] : [];
  entries.splice(Math.min(place, entries.length), 0, value);
  return withAt(tree, path, entries);
}

/** A copy without the object. */
export function remove(tree: Tree, name: ObjectName): Tree {
  const path = pathOf(name);
  const container = at(tree, path);
  if (!Array.isArray(container)) return withAt(tree, [...path, name.id], undefined);
  const place = placeOf(tree, name);
  return withAt(tree, path, (container as unknown[]).toSpliced(place, 1));
}

/**
 * What was added by hand, put into another document: a new one of the file. What the new document has by itself, or whose tenant or
 * list it has no more, is the file's from now on.
 * @returns the whole, and what is still by hand
 */
export function carryOver(
  into: Tree,
  from: Tree,
  owned: readonly ObjectName[],
): { readonly tree: Tree; readonly owned: readonly ObjectName[] } {
  let tree = into;
  const kept = owned.filter((name) => {
    const value = find(from, name);
    const parent =
      name.kind === 'rule'
        ? ['acls', name.acl ?? '']
        : name.kind === 'route' || name.kind === 'neighbor'
          ? ['router']
          : [];
    if (value === undefined || at(tree, ['tenants', name.tenant, ...parent]) === undefined) return false;
    if (find(tree, name) !== undefined) return false;
    const place = placeOf(from, name);
    tree = put(tree, name, value, place < 0 ? undefined : place);
    return true;
  });
  return { tree, owned: kept };
}
