import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../control/rpc.ts';
import type { Row } from '../control/show.ts';
import { UserError } from '../errors.ts';
import { runInNamespace, runOnConsole } from '../lab/servers/exec.ts';
import { table } from './table.ts';
import { untilSignal } from './until-signal.ts';

const LOOK_MS = 100;
const PATIENCE_MS = 30_000;

interface Options {
  readonly socket: string;
  readonly json?: true;
}

/** @returns the process. @throws UserError unless the lab of this file is what answers on the socket */
async function checkRuns(file: string, socket: string): Promise<number> {
  const status = (await call(socket, 'status')) as { readonly file: string; readonly pid: number };
  if (status.file === resolve(file)) return status.pid;
  const cure = `name that file, or the --socket of the lab of ${file}`;
  throw new UserError('not-running', `On ${socket} runs ${status.file}`, cure);
}

/** Whether a process runs; one that has ended and was not asked after by its parent is a zombie. Source: proc(5), stat, field 3. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function servers(file: string, socket: string): Promise<readonly Row[]> {
  await checkRuns(file, socket);
  return (await call(socket, 'servers')) as readonly Row[];
}

async function find(file: string, server: string, socket: string): Promise<Row> {
  const rows = await servers(file, socket);
  const found = rows.filter(({ server: name }) => name === server || String(name).endsWith(`/${server}`));
  if (found.length === 1) return found[0];
  const names = (found.length > 1 ? found : rows).map(({ server: name }) => String(name)).join(', ');
  const what = found.length > 1 ? `There are several servers ${server}` : `There is no server ${server}`;
  throw new UserError('usage', what, names === '' ? `${file} has none` : `name one of ${names}`);
}

/** Stops a lab that runs, and returns when it has gone. */
export async function labDown(file: string, { socket }: Options): Promise<void> {
  const pid = await checkRuns(file, socket);
  await call(socket, 'stop');
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
    if (!isAlive(pid)) return;
    await sleep(LOOK_MS);
  }
  throw new UserError('not-running', `The lab on ${socket} does not end`, 'see tapyard events, or kill it');
}

/** Shows the servers of a lab. */
export async function labStatus(file: string, { socket, json }: Options): Promise<void> {
  const rows = await servers(file, socket);
  process.stdout.write(json ? `${JSON.stringify(rows)}\n` : table(rows));
}

function lineTo(server: string, socket: string) {
  return {
    since: async (from: number) =>
      (await call(socket, 'console', { server, from })) as { readonly text: string; readonly end: number },
    type: async (text: string) => void (await call(socket, 'type', { server, text })),
  };
}

/** Prints what a server has printed; goes on, and types what is typed here, until Ctrl-C or the end of the input. */
export async function labConsole(
  file: string,
  server: string,
  options: Options & { readonly once?: true },
): Promise<void> {
  const name = String((await find(file, server, options.socket))['server']);
  const line = lineTo(name, options.socket);
  let { text, end } = await line.since(0);
  process.stdout.write(text);
  if (options.once) return;
  const signal = untilSignal();
  const input = createInterface({ input: process.stdin });
  let typed = Promise.resolve();
  input.on('line', (words) => {
    typed = typed.then(() => line.type(`${words}\n`));
  });
  while (!signal.aborted) {
    await Promise.all([typed, sleep(LOOK_MS, undefined, { signal }).catch(() => {})]);
    ({ text, end } = await line.since(end));
    process.stdout.write(text);
  }
  input.close();
}

/** Runs a command in a server: in its namespace, or by the shell on a machine's console. Ends with its exit code. */
export async function labExec(
  file: string,
  server: string,
  words: readonly string[],
  options: Options & { readonly timeout: number },
): Promise<void> {
  const { server: name, netns } = await find(file, server, options.socket);
  if (typeof netns === 'string') {
    process.exitCode = await runInNamespace(netns, words);
    return;
  }
  const { text, code } = await runOnConsole(lineTo(String(name), options.socket), words, options.timeout * 1000);
  process.stdout.write(text);
  process.exitCode = code;
}
