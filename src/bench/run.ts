/** Program of `fresh`: one task, its result on standard output as JSON. */
import { UserError } from '../errors.ts';
import type { Task } from './fresh.ts';

const [task, ...words] = process.argv.slice(2) as [Task, ...string[]];
const tasks: Record<Task, () => Promise<(...words: string[]) => unknown>> = {
  acl: async () => (await import('./acl-run.ts')).runAcl,
  lpm: async () => (await import('./lpm-run.ts')).runLpm,
  'lpm-live': async () => (await import('./lpm-live-run.ts')).runLpmLive,
  noisy: async () => (await import('./noisy-memory.ts')).runNoisy,
  rules: async () => (await import('./rules-run.ts')).runRules,
};
try {
  process.stdout.write(JSON.stringify({ result: await (await tasks[task]())(...words) }));
} catch (error) {
  // What is the user's to mend is told by whoever started this; the rest is a crash.
  if (!(error instanceof UserError)) throw error;
  const { code, message, cure } = error;
  process.stdout.write(JSON.stringify({ failure: { code, message, cure } }));
}
