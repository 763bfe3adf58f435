import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Exit } from '../../src/cli/exit.ts';
import { parseConfig } from '../../src/control/config/load.ts';
import { configJsonSchema } from '../../src/control/config/schema.ts';
import { DROP_REASONS } from '../../src/observe/drop.ts';
import { projectFiles } from '../support/sources.ts';

const documents = projectFiles().filter((file) => file.endsWith('.md'));
const readme = readFileSync('README.md', 'utf8');

function tapyard(...words: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('sh', ['bin/tapyard', ...words], { encoding: 'utf8' });
}

/** Bodies of the fenced blocks of a language. */
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, body]) => body);

/** Rows of tables, cell by cell, without headings. */
const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));

const general = tapyard('--help').stdout;
const namesIn = (help: string): string[] =>
  [...help.matchAll(/^ {2}([a-z][a-z0-9-]+)(?: \[| <| {2})/gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'help');
const commands = namesIn(general);
/** By command: its help, and those of the commands below it. */
const helps = new Map(
  commands.map((name) => {
    const help = tapyard(name, '--help').stdout;
    const below = /^Commands:$/m.test(help) ? namesIn(help.slice(help.search(/^Commands:$/m))) : [];
    return [name, [help, ...below.map((one) => tapyard(name, one, '--help').stdout)].join('\n')] as const;
  }),
);

/** Every `tapyard …` in a document, in code blocks and in the running text. */
function calls(text: string): string[][] {
  const shell = blocks(text, 'sh').flatMap((block) => block.split('\n').map((line) => line.replace(/\s+#.*$/, '')));
  const inline = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code);
  return [...shell.flatMap((line) => line.split(/&&|;|\|/)), ...inline]
    .map((line) => line.trim().split(/\s+/))
    .filter(([program, ...words]) => /^(bin\/)?tapyard$/.test(program) && words.length > 0);
}

describe('documents', () => {
  test.each(documents)('%s: links lead somewhere', (file) => {
    const links = [...readFileSync(file, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      ([, link]) => link,
    );
    expect(links.filter((link) => !existsSync(join(dirname(file), link)))).toEqual([]);
  });

  test.each(documents)('%s: commands and options exist', (file) => {
    for (const [, command, ...words] of calls(readFileSync(file, 'utf8'))) {
      if (command.startsWith('-')) expect(general).toContain(command);
      else if (command !== 'COMMAND') {
        expect(commands, `tapyard ${command}`).toContain(command);
        for (const option of words.filter((word) => word.startsWith('--')))
          expect(helps.get(command), `tapyard ${command} ${option}`).toContain(option);
      }
    }
  });

  test.each(documents)('%s: files of tests that it names exist', (file) => {
    const named = [...readFileSync(file, 'utf8').matchAll(/\btest\/[\w*./-]+\.(?:ts|sh)\b/g)].map(([path]) => path);
    // Words that stand for any file are not among them.
    expect(named.filter((path) => globSync(path).length === 0)).toEqual([]);
  });
});

describe('the README', () => {
  test('has every command, every option of them is in the help, with an example', () => {
    const named = rows(readme).flatMap(([first]) => /^`tapyard ([a-z-]+)/.exec(first)?.[1] ?? []);
    expect([...new Set(named)].sort()).toEqual([...commands].sort());
    for (const [name, help] of helps) expect(help, name).toMatch(/Examples?:\n {2}tapyard /);
  });

  test('names what show can show, all of it', () => {
    const choices = /^ {2}what +\(choices: ([^)]+)\)/m.exec(helps.get('show') ?? '')?.[1] ?? '';
    const names = [...choices.matchAll(/"([a-z]+)"(?=,)/g)].map(([, name]) => name);
    const said = rows(readme).find(([first]) => first.startsWith('`tapyard show'))?.[1];
    expect(names.length).toBeGreaterThan(9);
    for (const name of names) expect(said).toMatch(new RegExp(`\\b${name}\\b`));
  });

  test('has the exit codes of the code, and so has the help', () => {
    const said = rows(readme).flatMap(([first, meaning]) =>
      /^\d+$/.test(first) ? [[Number(first), meaning] as const] : [],
    );
    expect(said.map(([code]) => code)).toEqual(Object.values(Exit));
    const squeezed = general.replace(/\s+/g, ' ');
    for (const [code, meaning] of said) expect(squeezed).toContain(`${code} ${meaning}`);
  });

  test('names only keys that the schema has, each under the section it says', () => {
    const table = rows(readme.slice(readme.indexOf('## Configuration'), readme.indexOf('## Dependencies')));
    const schema = configJsonSchema();
    let section: Node[] = [];
    for (const [path, text] of table.filter(([first, second]) => first.startsWith('`') || second.startsWith('`'))) {
      if (path !== '') section = at(schema, path.replaceAll('`', '').split('.'));
      expect(section.length, path).toBeGreaterThan(0);
      for (const [, key] of text.matchAll(/`([a-z_]+)`/g)) expect(keysBelow(section), `${path}: ${key}`).toContain(key);
    }
  });

  test('has every top-level key, and every key of a port, bridge, router, ACL and quota', () => {
    const schema = configJsonSchema();
    const paths = ['', 'tenants.NAME', 'tenants.NAME.bridge', 'tenants.NAME.router', 'tenants.NAME.acls.NAME'];
    const wanted = [...paths, 'tenants.NAME.quota', 'tenants.NAME.bridge.ports.NAME'].flatMap((path) =>
      at(schema, path === '' ? [] : path.split('.')).flatMap((node) => Object.keys(node.properties ?? {})),
    );
    // Keys of which the examples tell more than a line could.
    const left = ['offloads', 'persistent', 'force'];
    const missing = wanted.filter((key) => !left.includes(key) && !new RegExp(`[\`.]${key}[\`.]`).test(readme));
    expect([...new Set(missing)]).toEqual([]);
  });

  test('has configurations that are right', () => {
    const configs = documents.flatMap((file) =>
      blocks(readFileSync(file, 'utf8'), 'yaml').map((text) => [file, text] as const),
    );
    expect(configs.length).toBeGreaterThan(0);
    for (const [file, text] of configs) {
      expect(parse(text)).toBeTypeOf('object');
      expect(parseConfig(text, file).diagnostics, file).toBeUndefined();
    }
  });

  test('gives every dependency a reason', () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, string>>;
    const all = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
      Object.keys(manifest[kind] ?? {}),
    );
    const section = rows(readme.slice(readme.indexOf('## Dependencies'), readme.indexOf('## Tests')));
    const named = section.slice(1).flatMap(([packages]) => packages.split(', '));
    expect(named.filter((name) => !name.startsWith('-')).sort()).toEqual(all.sort());
  });

  test('runs the test command that CI runs', () => {
    expect(readme).toMatch(/^npm cit\b/m);
    expect(readFileSync('.ci/run', 'utf8')).toMatch(/^npm cit\b/m);
  });
});

describe('the changelog', () => {
  test('counts the drop reasons rightly', () => {
    const said = /(\d+) drop reasons/.exec(readFileSync('CHANGELOG.md', 'utf8'))?.[1];
    expect(said === undefined || Number(said) === DROP_REASONS.length).toBe(true);
  });
});

describe('examples', () => {
  const files = globSync('examples/*.yaml').sort();

  test.each(files)('%s passes tapyard check', (file) => {
    expect(tapyard('check', file)).toMatchObject({ status: 0, stderr: '' });
  });

  test('are all named in their README', () => {
    const text = readFileSync('examples/README.md', 'utf8');
    for (const file of globSync('examples/*').filter((path) => !path.endsWith('.md')))
      expect(text).toContain(file.slice(9));
  });
});

/** A part of a JSON Schema. */
interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
}

/** A node and what stands beside it as an alternative. */
const alternatives = (node: Node): Node[] => [
  node,
  ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap(alternatives),
];

/** Parts of the schema under a path; NAME stands for any key. */
function at(schema: Node, path: readonly string[]): Node[] {
  const [key, ...rest] = path;
  const here = alternatives(schema);
  if (key === undefined) return here;
  return here.flatMap((node) => {
    const more = key === 'NAME' ? node.additionalProperties : node.properties?.[key];
    return typeof more === 'object' ? at(more, rest) : [];
  });
}

/** Every key at the given parts and anywhere below them. */
function keysBelow(nodes: readonly Node[]): string[] {
  return nodes.flatMap(alternatives).flatMap((node) => {
    const children = Object.values(node.properties ?? {});
    const others = typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
    const items = node.items === undefined ? [] : [node.items];
    return [...Object.keys(node.properties ?? {}), ...keysBelow([...children, ...others, ...items])];
  });
}
