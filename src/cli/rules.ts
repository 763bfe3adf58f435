import { readFileSync } from 'node:fs';
import { text as readStream } from 'node:stream/consumers';
import type { ChangeCommand, RuleKind } from '../control/openflow/change.ts';
import { call } from '../control/rpc.ts';
import type { Row } from '../control/show.ts';
import { UserError } from '../errors.ts';

export interface RuleOptions {
  readonly socket: string;
  readonly json?: true;
  /** Names of ports instead of numbers; on a terminal, unless told otherwise. */
  readonly names?: boolean;
  readonly stats?: true;
}

/** 100,000 rules and more are carried out before the answer. */
const PATIENCE_MS = 120_000;

/** Prints the flows, groups or meters of a tenant as ovs-ofctl does. @param filter of flows, as `ovs-ofctl dump-flows` takes one */
export async function dumpRules(
  kind: RuleKind,
  tenant: string,
  filter: string | undefined,
  options: RuleOptions,
): Promise<void> {
  const names = options.names ?? (process.stdout.isTTY === true && options.json !== true);
  const params = { tenant, names, ...(filter === undefined ? {} : { filter }) };
  const rows = (await call(options.socket, kind, params, PATIENCE_MS)) as readonly Row[];
  if (options.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else for (const { text, stats } of rows) process.stdout.write(` ${options.stats ? stats : text}\n`);
}

/** Prints how many rules each table holds and how often it was looked up in. */
export async function tables(tenant: string, options: RuleOptions): Promise<void> {
  const found = (await call(options.socket, 'tables', { tenant })) as unknown as {
    readonly tables: readonly Row[];
    readonly text: string;
  };
  process.stdout.write(options.json ? `${JSON.stringify(found.tables)}\n` : `${found.text}\n`);
}

export interface ChangeOptions extends RuleOptions {
  readonly strict?: true;
  readonly file?: string;
}

/** Changes the flows, groups or meters of a tenant: one that is given as an argument, or a file of them, `-` for what comes in. */
export async function changeRules(
  kind: RuleKind,
  command: ChangeCommand,
  tenant: string,
  argument: string | undefined,
  options: ChangeOptions,
): Promise<void> {
  const { text, source } = await textOf(argument, options.file, command);
  const params = { tenant, kind, command, text, source, strict: options.strict === true };
  const done = await call(options.socket, 'change', params, PATIENCE_MS);
  if (options.json) process.stdout.write(`${JSON.stringify(done)}\n`);
}

async function textOf(argument: string | undefined, file: string | undefined, command: ChangeCommand) {
  if (argument !== undefined && file !== undefined)
    throw new UserError('usage', 'There is both a text and a file', 'give one of them');
  const path = argument === '-' ? '-' : file;
  if (path === '-') return { text: await readStream(process.stdin), source: 'stdin' };
  if (path !== undefined) return { text: readText(path), source: path };
  if (argument === undefined && command !== 'del')
    throw new UserError('usage', 'Nothing is given', 'give it in quotes, or --file FILE, or - for what comes in');
  return { text: argument ?? '', source: 'argument' };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new UserError('rules-unreadable', `${path} cannot be read (${code})`, 'check the path', { cause });
  }
}
