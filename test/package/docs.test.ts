import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run } from '../support/installed.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapyard-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('documents of the library are made without a warning, with every name that it exports', async () => {
  const done = await run('npm', [
    'run',
    '--silent',
    'docs',
    '--',
    '--out',
    folder,
    '--json',
    join(folder, 'docs.json'),
  ]);
  const said = `${done.stdout}${done.stderr}`;
  expect(done.code, said).toBe(0);
  expect(said).not.toMatch(/warning\]/i);
  const { children } = JSON.parse(readFileSync(join(folder, 'docs.json'), 'utf8')) as {
    readonly children: readonly { readonly name: string }[];
  };
  expect(children.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['Tapyard', 'TenantHandle', 'Cable', 'Rules', 'ConfigInput', 'UserError', 'buildFrame']),
  );
}, 120_000);
