import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DROP_COUNT, DROP_REASONS, Drop } from '../../src/observe/drop.ts';
import { sources } from '../support/sources.ts';

const camel = (name: string): string => name.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase());

describe('the list of drop reasons', () => {
  test('and the constants are one list in one order', () => {
    expect(Object.entries(Drop)).toEqual(DROP_REASONS.map(({ name }, number) => [camel(name), number]));
    expect(DROP_COUNT).toBe(DROP_REASONS.length);
  });

  test('has a whole sentence for each, once', () => {
    for (const { name, text } of DROP_REASONS) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(text).toMatch(/^[A-Z].+\.$/);
    }
    expect(new Set(DROP_REASONS.map(({ name }) => name)).size).toBe(DROP_COUNT);
    expect(new Set(DROP_REASONS.map(({ text }) => text)).size).toBe(DROP_COUNT);
  });

  test('holds none that nothing gives', () => {
    const code = sources('src')
      .filter((file) => file !== 'src/observe/drop.ts')
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const idle = Object.keys(Drop).filter((name) => !new RegExp(`Drop\\.${name}\\b`).test(code));
    expect(idle).toEqual([]);
  });
});
