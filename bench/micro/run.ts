/** Runs every suite in a fresh process, one after the other: `npm run bench [-- WORD…] [--json]`; words choose suites. Exit code 1: a bar is missed. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const options = process.argv.slice(2).filter((word) => word.startsWith('--'));
const suites = globSync('*/*.ts', { cwd: import.meta.dirname, exclude: ['twins/*'] })
  .sort()
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
if (suites.length === 0) {
  console.error('no suite has such a name');
  process.exitCode = 2;
}
for (const name of suites) {
  const file = `${import.meta.dirname}/${name}`;
  const done = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...options], {
    stdio: 'inherit',
  });
  if (done.status !== 0) process.exitCode = 1;
}
