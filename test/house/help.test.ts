import { spawnSync } from 'node:child_process';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/main.ts';

/** Every command that can be run, with its help: words by which it is called, and what `--help` prints. */
function walk(command: Command, above: readonly string[] = []): { words: readonly string[]; help: string }[] {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const below = command.createHelp().visibleCommands(command);
  const named = below.filter((one) => one.name() !== 'help').map((one) => [one, [...above, one.name()]] as const);
  return [{ words: above, help }, ...named.flatMap(([one, words]) => walk(one, words))];
}

const all = walk(commands()).filter(({ words }) => words.length > 0);
const isGroup = (help: string) => /^Commands:$/m.test(help);

describe('help', () => {
  test('of every command, and of those below it, has examples that call that command', () => {
    expect(all.length).toBeGreaterThan(50);
    for (const { words, help } of all) {
      const called = ['tapyard', ...words].join(' ');
      const examples = /^Examples?:\n((?: {2}.+\n?)+)/m.exec(help)?.[1] ?? '';
      expect(examples, called).toContain(words.at(-1) === 'dump' ? `tapyard ${words[0]}` : called);
    }
  });

  test('of every command that talks to a switch, or prints what a program may read, has --json', () => {
    // What is shown as it is: a console, a script, what a command in a server prints; and those that print nothing.
    const plain = ['completion', 'lab console', 'lab exec', 'lab down'];
    const leaves = all.filter(({ help }) => !isGroup(help));
    const without = leaves.filter(({ help }) => !help.includes('--json')).map(({ words }) => words.join(' '));
    expect(without.sort()).toEqual(plain.sort());
  });
});

describe('a reader that has gone', () => {
  // The reader ends before a word is written.
  const unread = (command: string) => {
    const script = `{ sleep 0.2; sh bin/tapyard ${command}; echo "code $?" >&2; } | true`;
    return spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stderr;
  };

  test.each(['--help', '--version', 'show --help', 'check examples/minimal.yaml', 'completion bash'])(
    'ends tapyard %s quietly',
    (command) => expect(unread(command)).toBe('code 0\n'),
  );
});
