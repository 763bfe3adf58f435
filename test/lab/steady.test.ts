import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const NODE = fileURLToPath(new URL('../../bin/node-pinned', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../acceptance/steady.ts', import.meta.url));

it.each(['uring', 'poll'])(
  'moving frames over %s allocates nothing, collects nothing, deoptimises nothing',
  (io) => {
    // Outside vitest, which rewrites modules: what is optimised there is not what runs.
    const words = [
      'setpriv',
      '--pdeathsig',
      'TERM',
      'sh',
      NODE,
      SCRIPT,
      '--warm',
      '5',
      '--seconds',
      '3',
      '--frames',
      '500000',
      '--io',
      io,
    ];
    const { status, stdout, stderr } = spawnSync(words[0], words.slice(1), { encoding: 'utf8', timeout: 150_000 });
    expect({ status, failed: stdout.match(/^FAIL.*$/gm), stderr }).toEqual({ status: 0, failed: null, stderr: '' });
    expect(stdout).toContain(`TAPs, ${io}, full load`);
  },
  160_000,
);
