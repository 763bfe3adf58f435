import { resolve } from 'node:path';
import { readValue } from '../control/config/yaml.ts';
import { call } from '../control/rpc.ts';
import type { PlannedChange } from '../control/running/plan.ts';
import { UserError } from '../errors.ts';
import type { Json } from '../json.ts';
import { planText } from './plan-text.ts';

/** A change may open many devices, and read a million routes. */
const PATIENCE_MS = 300_000;

export interface ChangeOptions {
  readonly socket: string;
  readonly json?: true;
}

function print(changes: readonly PlannedChange[], json: boolean): void {
  process.stdout.write(json ? `${JSON.stringify(changes)}\n` : planText(changes));
}

const planFrom = (answer: Json): readonly PlannedChange[] => answer as unknown as readonly PlannedChange[];

export async function plan(file: string | undefined, { socket, json }: ChangeOptions): Promise<void> {
  print(planFrom(await call(socket, 'plan', fileParam(file), PATIENCE_MS)), json === true);
}

export async function apply(
  file: string | undefined,
  options: ChangeOptions & { readonly dryRun?: true; readonly try?: number },
): Promise<void> {
  if (options.dryRun) {
    await plan(file, options);
    return;
  }
  const { socket, json, try: seconds } = options;
  const params = { ...fileParam(file), ...(seconds === undefined ? {} : { try: seconds }) };
  const answer = (await call(socket, 'apply', params, PATIENCE_MS)) as { changes: Json; trial_s: number | null };
  if (json) {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return;
  }
  print(planFrom(answer.changes), false);
  if (answer.trial_s !== null)
    process.stdout.write(`taken back in ${answer.trial_s} s, unless you say: tapyard confirm\n`);
}

export async function confirm({ socket, json }: ChangeOptions): Promise<void> {
  await call(socket, 'confirm');
  process.stdout.write(json ? '{"confirmed":true}\n' : 'confirmed\n');
}

export async function rollback({ socket, json }: ChangeOptions): Promise<void> {
  print(planFrom(await call(socket, 'rollback', {}, PATIENCE_MS)), json === true);
}

export async function exportConfig({ socket, json }: ChangeOptions): Promise<void> {
  const text = String(await call(socket, 'export'));
  process.stdout.write(json ? `${JSON.stringify(readValue(text))}\n` : text);
}

/** Sends one edit, and prints what it has changed. */
export async function edit(params: { readonly [key: string]: Json }, { socket, json }: ChangeOptions): Promise<void> {
  print(planFrom(await call(socket, 'edit', params, PATIENCE_MS)), json === true);
}

/**
 * Words `key=value` as the keys of a configuration: values are YAML (`trunk=[10,20]`), a dot goes down (`impair.delay=10ms`), a word
 * alone is `true`. @throws UserError
 */
export function keysOf(words: readonly string[]): { readonly [key: string]: Json } {
  const keys: Record<string, Json> = {};
  for (const word of words) {
    const sign = word.indexOf('=');
    const path = (sign < 0 ? word : word.slice(0, sign)).split('.');
    const value = sign < 0 ? true : valueIn(word.slice(sign + 1), word);
    let into: Record<string, Json> = keys;
    for (const step of path.slice(0, -1)) {
      const below = into[step];
      const copy: Record<string, Json> = isMap(below) ? { ...below } : {};
      into[step] = copy;
      into = copy;
    }
    const last = path.at(-1) ?? '';
    if (path.includes('') || path.includes('__proto__'))
      throw new UserError('usage', `'${word}' is no key=value`, 'write vlan=10');
    into[last] = value;
  }
  return keys;
}

function isMap(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueIn(text: string, word: string): Json {
  try {
    // A list without brackets; addresses have no commas.
    return readValue(text.includes(',') && !/^[[{"']/.test(text) ? `[${text}]` : text) as Json;
  } catch {
    throw new UserError('usage', `The value of '${word}' is no YAML`, 'put it into quotes');
  }
}

function fileParam(file: string | undefined): { readonly [key: string]: Json } {
  return file === undefined ? {} : { file: resolve(file) };
}
