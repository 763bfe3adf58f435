import type * as z from 'zod';
import type { ErrorCode } from '../../errors.ts';
import type { Reporter } from './diagnostics.ts';
import type { Path } from './place.ts';
import { at, salvage } from './salvage.ts';
import { shapeOf } from './schema/leaf.ts';
import { type Config, configJsonSchema, configSchema } from './schema.ts';
import { suggest } from './suggest.ts';

/**
 * Holds the values of a file against the schema and reports every issue, with its place and a cure. What has an issue is cut
 * out (salvage.ts), so that the checks of meaning run on the rest and all errors come at once.
 * @returns null where nothing usable is left
 */
export function readShape(values: unknown, reporter: Reporter): Config | null {
  const result = configSchema.safeParse(values);
  if (result.success) return result.data;
  for (const issue of result.error.issues) reportIssue(issue as Issue, values, reporter);
  return salvage(values, reporter);
}

type Issue = z.core.$ZodIssue;

function reportIssue(issue: Issue, values: unknown, reporter: Reporter, above: Path = []): void {
  const path = [...above, ...issue.path] as (string | number)[];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) reportUnknown([...path, key], reporter);
    return;
  }
  if (issue.code === 'invalid_union') {
    const chosen = branchFor(issue);
    if (chosen) for (const inner of chosen) reportIssue(inner, values, reporter, path);
    else reporter.report('config-value', path, `${shapeOf(at(values, path))} does not fit here`, issue.message);
    return;
  }
  if (issue.code === 'invalid_key') {
    const [inner] = issue.issues;
    reporter.report('config-value', path, inner?.message ?? issue.message, cureIn(inner) ?? 'rename it', {
      part: 'key',
    });
    return;
  }
  const value = at(values, path);
  if (value === undefined) {
    const key = String(path.at(-1));
    reporter.report('config-missing-key', path, `'${key}' is missing`, `add ${key}: ${hint(path)}`, { part: 'key' });
    return;
  }
  const code = (issue.code === 'custom' && (issue.params?.['code'] as ErrorCode | undefined)) || codeOf(issue);
  reporter.report(code, path, messageOf(issue, value), cureIn(issue) ?? cureOf(issue));
}

/** The issues of the option that fits the value's shape, if one does. */
function branchFor(issue: z.core.$ZodIssueInvalidUnion): readonly Issue[] | null {
  const fits = (issues: readonly Issue[]): boolean =>
    !issues.some(
      (inner) => inner.path.length === 0 && inner.code !== 'unrecognized_keys' && inner.code !== 'too_small',
    );
  const fitting = issue.errors.filter(fits).sort((a, b) => a.length - b.length);
  if (fitting[0]) return fitting[0];
  // A text that a leaf refused: the leaf says why.
  return (
    issue.errors.find((issues) =>
      issues.every((inner) => inner.code === 'custom' && 'params' in inner && !isType(inner)),
    ) ?? null
  );
}

function isType(issue: Issue): boolean {
  return issue.code === 'custom' && issue.params?.['code'] === 'config-type';
}

function reportUnknown(path: Path, reporter: Reporter): void {
  const key = String(path.at(-1));
  const known = keysAt(path.slice(0, -1));
  const meant = suggest(key, known);
  const cure = meant === null ? `keys here: ${known.join(', ')}` : `did you mean '${meant}'?`;
  reporter.report('config-unknown-key', path, `unknown key '${key}'`, cure, { part: 'key' });
  if (meant !== null) reporter.damage([...path.slice(0, -1), meant]);
}

function codeOf(issue: Issue): ErrorCode {
  if (issue.code === 'too_small' || issue.code === 'too_big') return 'config-range';
  return issue.code === 'invalid_type' ? 'config-type' : 'config-value';
}

function messageOf(issue: Issue, value: unknown): string {
  if (issue.code === 'invalid_value') return `${shapeOf(value)} does not fit here`;
  if (issue.code !== 'invalid_type') return issue.message;
  return `expected ${expected[issue.expected] ?? issue.expected}, got ${shapeOf(value)}`;
}

const expected: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'text',
  boolean: 'true or false',
};

function cureIn(issue: Issue | undefined): string | undefined {
  return issue?.code === 'custom' ? (issue.params?.['cure'] as string | undefined) : undefined;
}

function cureOf(issue: Issue): string {
  // The schema words its own errors of literals as cures.
  if (issue.code === 'invalid_value') return issue.message;
  if (issue.code !== 'invalid_type') return 'change the value';
  if (issue.expected === 'array') return 'write a list: [a, b], or a line each that begins with -';
  if (issue.expected === 'object' || issue.expected === 'record')
    return 'write key: value pairs, or {} for an empty map';
  return 'change the value';
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly examples?: readonly unknown[];
}

let jsonSchema: JsonSchema | undefined;

function schemasAt(path: Path): JsonSchema[] {
  let schemas: JsonSchema[] = [(jsonSchema ??= configJsonSchema() as JsonSchema)];
  const options = (schema: JsonSchema): JsonSchema[] => [schema, ...(schema.anyOf ?? []).flatMap(options)];
  for (const step of path) {
    schemas = schemas.flatMap(options).flatMap((schema) => {
      const next = typeof step === 'number' ? schema.items : (schema.properties?.[step] ?? schema.additionalProperties);
      return next ? [next] : [];
    });
  }
  return schemas.flatMap(options);
}

/** The keys that a map at `path` may have. */
function keysAt(path: Path): string[] {
  return schemasAt(path).flatMap((schema) => Object.keys(schema.properties ?? {}));
}

/** An example of what may stand at `path`. */
function hint(path: Path): string {
  const example = schemasAt(path).flatMap((schema) => schema.examples ?? [])[0];
  return example === undefined ? '…' : JSON.stringify(example).replaceAll('"', "'");
}
