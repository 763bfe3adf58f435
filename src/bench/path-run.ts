/**
 * Program: the path of a configuration, measured in a process of its own. Says when it is warm, begins when it is told a line, and says what it
 * found; ends at once when whoever started it is gone.
 */
import { createInterface } from 'node:readline';
import { UserError } from '../errors.ts';
import { benchPath } from './path.ts';
import type { PathSaid, PathWords } from './path-workers.ts';

const words = JSON.parse(process.argv[2]) as PathWords;
const say = (said: PathSaid) => process.stdout.write(`${JSON.stringify(said)}\n`);
const input = createInterface({ input: process.stdin });
const told = new Promise<void>((resolve) => input.once('line', () => resolve()));
input.once('close', () => process.exit(1));

const ready = async () => {
  say({ ready: true });
  await told;
};
try {
  say({ result: await benchPath({ ...words, ready }) });
} catch (error) {
  // What is the user's to mend is told by whoever started this; the rest is a crash.
  if (!(error instanceof UserError)) throw error;
  const { code, message, cure } = error;
  say({ failure: { code, message, cure } });
}
process.stdout.write('', () => process.exit(0));
