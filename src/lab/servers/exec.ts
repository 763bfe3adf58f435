import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnInNetns } from '../../../native-free/netns.ts';
import { shellWord } from '../../../native-free/shell.ts';
import { UserError } from '../../errors.ts';

/** Runs a command in a namespace, on our terminal. @returns its exit code */
export function runInNamespace(netns: string, words: readonly string[]): Promise<number> {
  const [program, ...rest] = words;
  const child = spawnInNetns(netns, program, rest, { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}

/** A machine's console from afar: what it has printed since a position, and a way to type into it. */
export interface ConsoleLine {
  since(from: number): Promise<{ readonly text: string; readonly end: number }>;
  type(text: string): Promise<void>;
}

const LOOK_MS = 50;
/** What is typed while a machine boots may be lost. */
const KNOCK_MS = 1000;

/**
 * Runs a command on a machine whose console has a shell that waits for input: there is no other way into a machine that we know
 * nothing of. First it is knocked at until the shell answers, since the machine may still boot. What the command prints is what lies
 * between two lines that nothing else prints.
 * @returns what it printed, and its exit code
 * @throws UserError when no answer comes in time
 */
export async function runOnConsole(
  line: ConsoleLine,
  words: readonly string[],
  timeoutMs: number,
): Promise<{ readonly text: string; readonly code: number }> {
  const mark = `@${randomInt(1e9)}`;
  const command = words.map(shellWord).join(' ');
  const patience = { left: timeoutMs };
  await answer(line, `echo ${mark}?\n`, new RegExp(`(?:^|\\n)${mark}\\?\\r?\\n`), patience, KNOCK_MS);
  const whole = new RegExp(`(?:^|\\n)${mark}\\r?\\n([^]*?)${mark} (\\d+)\\r?\\n`);
  const found = await answer(line, `echo ${mark}; ${command}; echo ${mark} $?\n`, whole, patience);
  return { text: found[1].replaceAll('\r\n', '\n'), code: Number(found[2]) };
}

/** Types a text, and again every so often if it is told to, until the answer comes. @param patience in milliseconds; what is used is taken off */
async function answer(
  line: ConsoleLine,
  typed: string,
  expected: RegExp,
  patience: { left: number },
  againMs = Number.POSITIVE_INFINITY,
): Promise<RegExpExecArray> {
  let { end } = await line.since(Number.MAX_SAFE_INTEGER);
  let text = '';
  await line.type(typed);
  for (let since = 0; patience.left >= 0; patience.left -= LOOK_MS, since += LOOK_MS) {
    const news = await line.since(end);
    ({ end } = news);
    text += news.text;
    const found = expected.exec(text);
    if (found !== null) return found;
    if (since >= againMs) {
      since = 0;
      await line.type(typed);
    }
    await sleep(LOOK_MS);
  }
  throw new UserError(
    'not-running',
    'The console does not answer',
    'see with tapyard lab console whether a shell waits there',
  );
}
