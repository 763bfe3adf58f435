import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFolder } from '../../src/bench/c-program.ts';
import { runLpmLive } from '../../src/bench/lpm-live-run.ts';

const PREFIXES = [
  ...['20.0.0.0/8', '20.1.0.0/16', '20.1.2.0/24', '20.1.3.0/24', '20.1.2.7/32', '0.0.0.0/0', '130.5.0.0/20'],
  ...['2600::/12', '2600:1::/32', '2600:1:2::/48', '2600:1:2:3::/64', '2600:1:2:3::4/128', '::/0'],
];

describe('bench lpm on a running switch', () => {
  it.each([
    ['4', 7],
    ['6', 6],
  ])(
    'changes routes of IPv%s, all of them, and loses no frame that had one',
    { timeout: 60_000 },
    async (family, all) => {
      const figures = await withFolder(async (folder) => {
        const file = join(folder, 'prefixes');
        writeFileSync(file, PREFIXES.join('\n'));
        return await runLpmLive(file, family, '50');
      });
      expect(figures).toMatchObject({ changes: all, lost: 0, wrong: 0 });
      expect(figures.frames).toBeGreaterThan(0);
    },
  );
});
