/** Program of `fresh`: one task, its result on standard output as JSON. */
import type { Task } from './fresh.ts';

const [task, ...words] = process.argv.slice(2) as [Task, ...string[]];
const tasks: Record<Task, () => Promise<(...words: string[]) => unknown>> = {
  acl: async () => (await import('./acl-run.ts')).runAcl,
  lpm: async () => (await import('./lpm-run.ts')).runLpm,
  rules: async () => (await import('./rules-run.ts')).runRules,
};
process.stdout.write(JSON.stringify((await tasks[task]())(...words)));
