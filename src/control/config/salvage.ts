import type * as z from 'zod';
import type { Reporter } from './diagnostics.ts';
import type { Path } from './place.ts';
import { type Config, configSchema } from './schema.ts';

type Issue = z.core.$ZodIssue;

/**
 * What is left of a file when all that the schema refuses is cut out, a port, an interface or a list entry at a time, until the
 * rest passes. Tells the reporter what is gone, and where in the file the entries of shortened lists stand.
 * @returns null where the cuts reach the top
 */
export function salvage(values: unknown, reporter: Reporter): Config | null {
  const rest = copy(values);
  if (!isHolder(rest) || Array.isArray(rest)) return null;
  rest['version'] = 1;
  const origins: Origins = new WeakMap();
  const origin = (path: Path): Path => originOf(path, rest, origins);
  reporter.origin = origin;
  // A round removes at least one value or ends.
  for (;;) {
    const result = configSchema.safeParse(rest);
    if (result.success) return result.data;
    const cuts = result.error.issues.flatMap((issue) => cutsFor(issue as Issue, rest));
    if (cuts.some(({ path }) => path.length === 0)) return null;
    for (const { path, damages } of inReverse(cuts)) {
      if (damages) reporter.damage(origin(path));
      cutOut(rest, path, origins);
    }
  }
}

/** `damages`: what is missing may be missed. An unknown key is not. */
interface Cut {
  readonly path: Path;
  readonly damages: boolean;
}

function cutsFor(issue: Issue, rest: unknown): Cut[] {
  const path = issue.path as (string | number)[];
  const entry = entryAround(path);
  if (entry) return [{ path: entry, damages: true }];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ path: [...path, key], damages: false }));
  // What is required and missing takes its holder with it.
  let length = path.length;
  while (length > 0 && at(rest, path.slice(0, length)) === undefined) length--;
  return [{ path: path.slice(0, length), damages: true }];
}

/** Longest beginning of the path that is an entry of a list, or one port, interface or uplink. */
function entryAround(path: Path): Path | null {
  for (let length = path.length; length > 0; length--) {
    const holder = path[length - 2];
    const named = holder === 'ports' || holder === 'interfaces' || (holder === 'uplinks' && length === 2);
    if (named || typeof path[length - 1] === 'number') return path.slice(0, length);
  }
  return null;
}

/** Once each, later entries of a list before earlier ones, so that no cut moves what another one names. */
function inReverse(cuts: readonly Cut[]): Cut[] {
  const unique = [...new Map(cuts.map((cut) => [JSON.stringify(cut.path), cut])).values()];
  return unique.sort((a, b) => compare(b.path, a.path));
}

function compare(a: Path, b: Path): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i]!, b[i]!];
    if (x !== y) return typeof x === 'number' && typeof y === 'number' ? x - y : String(x) < String(y) ? -1 : 1;
  }
  return a.length - b.length;
}

/** For each list that was shortened, the index in the file of every entry that is left. */
type Origins = WeakMap<object, number[]>;

function cutOut(rest: unknown, path: Path, origins: Origins): void {
  const holder = at(rest, path.slice(0, -1));
  const key = path.at(-1)!;
  if (Array.isArray(holder)) {
    const indexes = origins.get(holder) ?? [...holder.keys()];
    indexes.splice(Number(key), 1);
    origins.set(holder, indexes);
    holder.splice(Number(key), 1);
  } else if (isHolder(holder)) delete holder[key];
}

/** The path in the file of what is now at `path` in the rest. */
function originOf(path: Path, rest: unknown, origins: Origins): Path {
  let value = rest;
  return path.map((step) => {
    const indexes = isHolder(value) ? origins.get(value) : undefined;
    value = isHolder(value) ? value[step] : undefined;
    return typeof step === 'number' ? (indexes?.[step] ?? step) : step;
  });
}

/** Beyond any depth of the schema; deeper is a mistake, or a file that contains itself. */
const deepest = 32;

export class TooDeep extends Error {}

/** A copy in which nothing is shared, as aliases of YAML may. */
export function copy(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > deepest) throw new TooDeep();
  if (Array.isArray(value)) return value.map((entry) => copy(entry, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copy(entry, depth + 1)]));
}

/** The value at `path`; undefined where there is none. */
export function at(values: unknown, path: Path): unknown {
  let value = values;
  for (const step of path) {
    if (!isHolder(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

type Holder = Record<string | number, unknown>;

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null;
}
