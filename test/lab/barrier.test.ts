import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

// Workers run under the pinned node itself; see test/acceptance/barrier.ts for the full form.
it('after a barrier is answered no frame sees the old rule', { timeout: 300_000 }, async () => {
  const script = ['bin/node-pinned', '--disable-warning=ExperimentalWarning', 'test/acceptance/barrier.ts'];
  const { stdout } = await promisify(execFile)('sh', [...script, '--times', '200']);
  expect(stdout).toMatch(/^200 changes, none seen late/);
});
