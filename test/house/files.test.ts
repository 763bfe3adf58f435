import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFiles, sources } from '../support/sources.ts';

/** A file holds one idea: about 400 lines; what lists cases may be longer. */
const mostLines = (file: string): number => (file.startsWith('test/') ? 480 : 420);
const files = projectFiles();
const isText = (file: string): boolean => /\.(ts|md|sh|ya?ml|json|txt)$|^(bin|\.ci)\//.test(file);

/** Text that belongs to one machine: this checkout's folder and its parent, a home, a host, a registry. */
function foreign(text: string): string[] {
  const here = process.cwd();
  const above = dirname(here);
  const own = [here, ...(above === '/' || above === '/tmp' ? [] : [`${above}/`])].filter((path) => text.includes(path));
  const homes = [...text.matchAll(/\/(?:home|root|Users)\/\w+/g)].map(([path]) => path);
  const registries = [...text.matchAll(/https?:\/\/[\w.-]*(?:registry|npmjs|mirror|artifactory|nexus)[\w.-]*/gi)].map(
    ([url]) => url,
  );
  const host = hostname().length > 5 && text.includes(hostname()) ? [hostname()] : [];
  return [...own, ...homes, ...registries, ...host];
}

describe('files', () => {
  test('of code are short', () => {
    const long = files
      .filter((file) => file.endsWith('.ts'))
      .map((file) => [file, readFileSync(file, 'utf8').split('\n').length - 1] as const);
    expect(long.filter(([file, lines]) => lines > mostLines(file))).toEqual([]);
  });

  test('name no path, host or registry of the machine they were written on', () => {
    const found = files
      .filter(isText)
      .flatMap((file) => foreign(readFileSync(file, 'utf8')).map((what) => `${file}: ${what}`));
    expect(found).toEqual([]);
  });

  test('of the lock file say what to install, not from where', () => {
    const lock = readFileSync('package-lock.json', 'utf8');
    expect(lock).not.toContain('"resolved"');
    expect(lock).not.toContain('"hasInstallScript"');
  });

  test('of the lock file keep no optional package from machines with Node 18', () => {
    // npm leaves out optional packages whose `engines` do not fit the Node that runs npm; vitest needs some (its bundler's binary),
    // and the pinned Node runs it. `npm install` writes the fields: take those that this finds out of the lock file again.
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      readonly packages: Record<string, { readonly optional?: boolean; readonly engines?: { readonly node?: string } }>;
    };
    const lowest = (range: string): number =>
      Math.min(...range.split('||').map((part) => Number(/\d+/.exec(part)?.[0] ?? 0)));
    const refused = Object.entries(packages).filter(
      ([, { optional, engines }]) => optional && lowest(engines?.node ?? '') > 18,
    );
    expect(refused.map(([path, { engines }]) => `${path}: ${engines?.node}`)).toEqual([]);
  });

  test('at the top are no more than the house has', () => {
    const top = [...new Set(files.map((file) => file.split('/')[0]))].filter((name) => !name.startsWith('.'));
    expect(top.sort()).toEqual(
      [
        ...['CHANGELOG.md', 'LICENSE', 'README.md', 'bench', 'bin', 'biome.json', 'examples', 'native-free'],
        ...['package-lock.json', 'package.json', 'src', 'test', 'tsconfig.json', 'vitest.config.ts'],
      ].sort(),
    );
  });
});

describe('folders', () => {
  const inside = (folder: string): string[] =>
    readdirSync(folder)
      .map((name) => `${folder}/${name}`)
      .filter((path) => statSync(path).isDirectory());

  test.each(['native-free', 'bench', 'test', 'examples', ...inside('src')])(
    '%s says in a README what lives there',
    (folder) => {
      expect(existsSync(`${folder}/README.md`)).toBe(true);
      const lines = readFileSync(`${folder}/README.md`, 'utf8').trim().split('\n');
      expect(lines.length).toBeLessThanOrEqual(60);
    },
  );

  test('of code are not empty', () => {
    expect(inside('src').filter((folder) => sources(folder).length === 0)).toEqual([]);
  });
});

describe('package.json', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly scripts: Record<string, string>;
    readonly version: string;
    readonly dependencies: Record<string, string>;
    readonly devDependencies: Record<string, string>;
    readonly optionalDependencies: Record<string, string>;
  };

  test('has scripts that begin with sh, since the pinned node may not start, and none that npm runs on installation', () => {
    for (const [name, script] of Object.entries(manifest.scripts)) expect(script, name).toMatch(/^sh /);
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];
    expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([]);
  });

  test('pins every version exactly', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      expect(version, name).toMatch(/^(npm:[\w-]+@)?\d+\.\d+\.\d+$/);
    }
  });

  test('pins one Node, the one that runs this test', () => {
    expect(new Set(Object.values(manifest.optionalDependencies))).toEqual(new Set([process.versions.node]));
  });

  test('has a version that the changelog knows', () => {
    expect(readFileSync('CHANGELOG.md', 'utf8')).toContain(`## [${manifest.version}]`);
  });
});
