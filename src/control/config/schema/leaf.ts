import * as z from 'zod';
import type { ErrorCode } from '../../../errors.ts';
import { suggest } from '../suggest.ts';
import { parseDuration, parseQuantity } from '../units.ts';

/**
 * A value that cannot be what its key stands for. Readers throw it; `leaf` turns it into an issue of the schema, so that all of
 * them are reported together.
 */
export class Fault extends Error {
  readonly cure: string;
  readonly code: ErrorCode;

  constructor(message: string, cure: string, code: ErrorCode = 'config-value') {
    super(message);
    this.cure = cure;
    this.code = code;
  }
}

/** What the schema says of a leaf, beside its reader: goes into the JSON Schema as it is. */
export interface LeafMeta {
  readonly description: string;
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** Unit of the number, SI. */
  readonly unit?: string;
  /** Why the default or the range is as it is. */
  readonly reason?: string;
  readonly examples?: readonly unknown[];
  /** Where the default is filled in later, because it matters whether the key was given. */
  readonly default?: unknown;
}

/** A single value read by `read`, which throws a Fault for what it does not understand. */
export function leaf<T>(read: (value: unknown) => T, meta: LeafMeta) {
  return z
    .unknown()
    .transform((value, context): T => attempt(read, value, [], context))
    .meta({ ...meta });
}

/** One value or a list of them: `10.0.0.1` or `[10.0.0.1, 10.0.0.2]`. Empty lists are refused. */
export function oneOrMore<T>(read: (value: unknown) => T, meta: LeafMeta) {
  const { description, ...item } = meta;
  return z
    .unknown()
    .transform((value, context): T[] => {
      if (!Array.isArray(value)) return [attempt(read, value, [], context)];
      if (value.length === 0)
        fail(new Fault('the list is empty', 'give at least one, or leave the key out'), [], context);
      return value.map((entry, index) => attempt(read, entry, [index], context));
    })
    .meta({ description, anyOf: [item, { type: 'array', minItems: 1, items: item }] });
}

type Context = z.core.$RefinementCtx<unknown>;

function attempt<T>(read: (value: unknown) => T, value: unknown, path: number[], context: Context): T {
  try {
    if (value === undefined) throw new Fault('', '', 'config-missing-key');
    return read(value);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return fail(error, path, context);
  }
}

function fail(fault: Fault, path: number[], context: Context): never {
  context.addIssue({ code: 'custom', message: fault.message, path, params: { cure: fault.cure, code: fault.code } });
  return z.NEVER;
}

/** What a value is, for a message. */
export function shapeOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`;
  return String(value);
}

export function text(value: unknown, what: string, example: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new Fault(`expected ${what}, got ${shapeOf(value)}`, `write it as ${example}`, 'config-type');
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly unit?: string;
  readonly reason?: string;
  readonly examples?: readonly unknown[];
}

function within(value: number, { min, max, unit }: Range, show: (value: number) => string = String): number {
  if (value >= min && value <= max) return value;
  const limits = `${show(min)} to ${show(max)}${unit ? ` ${unit}` : ''}`;
  throw new Fault(`${show(value)} is out of range`, `choose ${limits}`, 'config-range');
}

/** A plain whole number. */
export function readWhole(value: unknown, range: Range): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return within(value, range);
  const quoted = typeof value === 'string' && /^\d+$/.test(value);
  const cure = quoted ? 'write it without quotes' : `choose ${range.min} to ${range.max}`;
  throw new Fault(`expected a whole number, got ${shapeOf(value)}`, cure, 'config-type');
}

export function whole(description: string, range: Range) {
  const { min, max, ...rest } = range;
  return leaf((value) => readWhole(value, range), {
    description,
    type: 'integer',
    minimum: min,
    maximum: max,
    ...rest,
  });
}

function readQuantity(value: unknown, range: Range): number {
  const read = parseQuantity(value);
  if (read !== null) return within(read, range);
  const cure = 'write a whole number, if you like with k, M, G or T (powers of 1000): 2048, 500k, 1.5M';
  throw new Fault(`expected a number, got ${shapeOf(value)}`, cure);
}

/** A count or a rate: 2048, 500k, 1G (decimal). */
export function quantity(description: string, range: Range) {
  return leaf((value) => readQuantity(value, range), quantityMeta(description, range));
}

/** As `quantity`; `off` (null) lifts the limit. */
export function limit(description: string, range: Range) {
  const read = (value: unknown): number | null => (value === 'off' ? null : readQuantity(value, range));
  return leaf(read, quantityMeta(`${description}; off: no limit`, range));
}

function quantityMeta(description: string, { min, max, ...rest }: Range): LeafMeta {
  return { description, type: ['integer', 'string'], minimum: min, maximum: max, ...rest };
}

/** Seconds of 300s, 5m, 1h; a bare number is seconds. Range in seconds; whole seconds only. */
export function seconds(description: string, range: Range) {
  const read = (value: unknown): number => {
    const parsed = parseDuration(value);
    if (parsed !== null && parsed % 1000 === 0) return within(parsed / 1000, range, (n) => `${n}s`);
    const cure = 'write whole seconds, minutes, hours or days: 300s, 5m, 1h, 1d';
    throw new Fault(`expected a duration, got ${shapeOf(value)}`, cure);
  };
  const { min, max, ...rest } = range;
  const meta = { description, type: ['string', 'integer'], minimum: min, maximum: max, unit: 'seconds', ...rest };
  return leaf(read, meta);
}

/** One word of a few. */
export function word<const T extends string>(description: string, words: readonly T[], reason?: string) {
  const read = (value: unknown): T => readWord(value, words);
  return leaf(read, { description, enum: words, ...(reason === undefined ? {} : { reason }) });
}

export function readWord<const T extends string>(value: unknown, words: readonly T[]): T {
  const found = words.find((known) => known === value);
  if (found !== undefined) return found;
  const meant = typeof value === 'string' ? suggest(value, words) : null;
  const cure = meant === null ? `choose ${words.join(' or ')}` : `did you mean '${meant}'?`;
  throw new Fault(`expected one of ${words.join(', ')}, got ${shapeOf(value)}`, cure);
}

export function flag(description: string, standard: boolean) {
  return leaf(readBoolean, { description, type: 'boolean' }).prefault(standard);
}

/** A flag that counts as `standard` when it is left out, for keys that exclude others when given. */
export function optionalFlag(description: string, standard: boolean) {
  return leaf(readBoolean, { description, type: 'boolean', default: standard }).optional();
}

function readBoolean(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new Fault(`expected true or false, got ${shapeOf(value)}`, 'write true or false', 'config-type');
}
