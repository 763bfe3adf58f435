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

/**
 * Runs a command on a machine whose console has a shell that waits for input: there is no other way into a machine that we know
 * nothing of. What it prints is what lies between two lines that nothing else prints.
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
  let { end } = await line.since(Number.MAX_SAFE_INTEGER);
  await line.type(`echo ${mark}; ${command}; echo ${mark} $?\n`);
  const answer = new RegExp(`(?:^|\\n)${mark}\\r?\\n([^]*?)${mark} (\\d+)\\r?\\n`);
  let text = '';
  for (let waited = 0; waited <= timeoutMs; waited += LOOK_MS) {
    const news = await line.since(end);
    ({ end } = news);
    text += news.text;
    const found = answer.exec(text);
    if (found !== null) return { text: found[1].replaceAll('\r\n', '\n'), code: Number(found[2]) };
    await sleep(LOOK_MS);
  }
  throw new UserError(
    'not-running',
    'The console does not answer',
    'see with tapyard lab console whether a shell waits there',
  );
}
