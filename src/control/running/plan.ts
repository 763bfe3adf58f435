import type { SwitchModel } from '../config/model.ts';
import { type ConfigObject, objectsOf } from './objects.ts';

/** One line of a plan. */
export interface PlannedChange {
  readonly sign: '+' | '-' | '~';
  readonly kind: string;
  readonly tenant: string | null;
  readonly name: string;
  /** What `~` changes. */
  readonly fields: readonly { readonly field: string; readonly from: string; readonly to: string }[];
  /** The line without its sign. */
  readonly text: string;
}

/** Kinds whose order means something. */
const ORDERED = ['rule', 'meter', 'group', 'flow'];

/**
 * What makes one model out of another: objects that come (+), go (-) or have other fields (~), in the order of the new model, what goes
 * last. Empty only where both say the same.
 */
export function planOf(from: SwitchModel, to: SwitchModel): PlannedChange[] {
  const before = byKey(objectsOf(from));
  const after = byKey(objectsOf(to));
  const changes: PlannedChange[] = [];
  for (const [key, one] of after) {
    const other = before.get(key);
    if (other === undefined) changes.push(line('+', one));
    else {
      const fields = Object.keys({ ...other.fields, ...one.fields }).flatMap((field) => {
        const [was, is] = [other.fields[field] ?? 'none', one.fields[field] ?? 'none'];
        return was === is ? [] : [{ field, from: was, to: is }];
      });
      if (fields.length > 0) changes.push(line('~', one, fields));
    }
  }
  for (const [key, one] of before) if (!after.has(key)) changes.push(line('-', one));
  return [...changes, ...reordered(before, after)];
}

function byKey(objects: readonly ConfigObject[]): Map<string, ConfigObject> {
  return new Map(objects.map((one) => [`${one.kind} ${one.tenant ?? ''} ${one.name}`, one]));
}

/** Lists in which what stays stands in another order. */
function reordered(
  before: ReadonlyMap<string, ConfigObject>,
  after: ReadonlyMap<string, ConfigObject>,
): PlannedChange[] {
  const orders = (of: ReadonlyMap<string, ConfigObject>, other: ReadonlyMap<string, ConfigObject>) => {
    const lists = new Map<string, string[]>();
    for (const [key, { kind, tenant, name }] of of) {
      if (!ORDERED.includes(kind) || !other.has(key)) continue;
      const list = `${kind} ${tenant} ${kind === 'rule' ? name.split(':')[0] : ''}`;
      lists.set(list, [...(lists.get(list) ?? []), key]);
    }
    return lists;
  };
  const now = orders(after, before);
  const then = orders(before, after);
  return [...now].flatMap(([list, keys]) => {
    if (then.get(list)?.join('\n') === keys.join('\n')) return [];
    const [kind, tenant, name] = list.split(' ');
    return [line('~', { kind: `${kind}s`, tenant, name, fields: {} }, [{ field: 'order', from: 'old', to: 'new' }])];
  });
}

function line(sign: PlannedChange['sign'], one: ConfigObject, fields: PlannedChange['fields'] = []): PlannedChange {
  const { kind, tenant, name } = one;
  const place = [tenant, name].filter((part) => part !== null && part !== '').join('/');
  const shown =
    sign === '~'
      ? fields.map(({ field, from, to }) => `${field} ${from} → ${to}`)
      : Object.entries(one.fields).flatMap(([field, value]) =>
          sign === '-' || value === 'none' ? [] : `${field} ${value}`,
        );
  const text = `${kind}${place === '' ? '' : ` ${place}`}${shown.length === 0 ? '' : `: ${shown.join(', ')}`}`;
  return { sign, kind, tenant, name, fields, text };
}
