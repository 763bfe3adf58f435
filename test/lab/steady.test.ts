import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const NODE = fileURLToPath(new URL('../../bin/node-pinned', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../acceptance/steady.ts', import.meta.url));
const SHORT = ['--warm', '5', '--seconds', '3', '--frames', '500000', '--io', 'uring'];
const LIMIT_MS = 150_000;

it(
  'moving frames allocates nothing, collects nothing, deoptimises nothing',
  () => {
    // Outside vitest, which rewrites modules: what is optimised there is not what runs.
    const { status, stdout, stderr } = spawnSync('setpriv', ['--pdeathsig', 'TERM', 'sh', NODE, SCRIPT, ...SHORT], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
    });
    const failed = stdout.match(/^FAIL.*$/gm);
    expect({ status, failed, stderr }, stdout).toEqual({ status: 0, failed: null, stderr: '' });
    expect(stdout).toContain('TAPs, uring, full load');
  },
  LIMIT_MS + 10_000,
);
