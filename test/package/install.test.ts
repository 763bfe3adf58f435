import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { frame } from '../../src/wire/build.ts';
import { pcapFile, pcapFrames } from '../contract/pcap-file.ts';
import { missingEntries, mustRun, packCheckout, run } from '../support/installed.ts';
import { Registry } from '../support/registry.ts';
import { eventually, Process } from '../support/switch-process.ts';

const FORWARDS = `version: 1
workers: 2
tenants:
  red: {bridge: {ports: {in: {pcap: {read: in.pcap}}, out: {pcap: {write: out.pcap}}, spare: {memory: true}}}}
`;

let folder: string;
/** A capture of one frame. */
let pcap: string;
/** What npm put into the PATH, and the folder of the package. */
let command: string;
let home: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tapyard-npm-'));
  pcap = join(folder, 'some.pcap');
  writeFileSync(pcap, pcapFile([frame({ payload: 'x', pad: true })]));
  const registry = await Registry.start(join(folder, 'registry'));
  try {
    const tarball = await packCheckout(folder);
    const words = ['--prefix', join(folder, 'global'), '--cache', join(folder, 'cache'), '--registry', registry.url];
    await mustRun('npm', ['install', '--global', ...words, '--no-audit', '--no-fund', tarball], folder);
  } finally {
    registry.close();
  }
  command = join(folder, 'global/bin/tapyard');
  home = join(folder, 'global/lib/node_modules/tapyard');
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package that npm installs', () => {
  test('is compiled, whole, and runs nothing on installation', () => {
    expect(existsSync(join(home, 'src'))).toBe(false);
    expect(existsSync(join(home, 'dist/src/library/index.d.ts'))).toBe(true);
    expect(missingEntries(home)).toEqual([]);
    const { scripts } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    expect(Object.keys(scripts).filter((name) => /install|^prepare$/.test(name))).toEqual([]);
  });

  test('answers --version, checks its examples, completes', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
    expect(await run(command, ['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(await run(command, ['check', join(home, 'examples/two-tenants.yaml')])).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect((await run(command, ['complete', '--', 'sho'])).stdout).toMatch(/^show\t/);
  });

  test('forwards frames by worker threads', async () => {
    const here = join(folder, 'up');
    mkdirSync(here);
    const frames = Array.from({ length: 20 }, (_, i) => frame({ payload: i + 1, pad: true }));
    writeFileSync(join(here, 'in.pcap'), pcapFile(frames));
    writeFileSync(join(here, 'tapyard.yaml'), FORWARDS);
    const socket = join(here, 'control.sock');
    const up = new Process(command, ['up', join(here, 'tapyard.yaml'), '--socket', socket]);
    try {
      await up.said('ready\n');
      await eventually('20 frames have come out', async () => {
        const ports = JSON.parse((await run(command, ['show', 'ports', '--socket', socket, '--json'])).stdout);
        return (ports as { port: string; tx_frames: number }[]).find(({ port }) => port === 'out')?.tx_frames === 20;
      });
    } finally {
      expect(await up.end('SIGTERM')).toMatchObject({ code: 0 });
    }
    expect(pcapFrames(readFileSync(join(here, 'out.pcap')), 0).frames).toEqual(frames);
  });

  test('measures by programs and threads of its own', async () => {
    const words = [
      '--config',
      join(home, 'examples/bench.yaml'),
      '--pcap',
      pcap,
      '--in',
      'a',
      '--seconds',
      '1',
      '--json',
    ];
    const done = await run(command, ['bench', 'path', ...words]);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(done.stdout)).toMatchObject({ frames: expect.any(Number) });
  });

  test('is a library with types: its example is checked and run in a project of its own', async () => {
    const project = join(folder, 'project');
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
    symlinkSync(home, join(project, 'node_modules/tapyard'));
    symlinkSync(resolve('node_modules/@types/node'), join(project, 'node_modules/@types/node'));
    writeFileSync(join(project, 'package.json'), '{"type": "module"}');
    cpSync('examples/library/policy.ts', join(project, 'policy.ts'));
    const node = join(home, 'bin/node-pinned');
    const flags = [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--module',
      'nodenext',
      '--target',
      'esnext',
    ];
    const types = [...flags, '--types', 'node', '--skipLibCheck', 'policy.ts'];
    await mustRun('sh', [node, resolve('node_modules/typescript-7/bin/tsc'), ...types], project);
    expect(await run('sh', [node, '--test', 'policy.ts'], project)).toMatchObject({ code: 0, stderr: '' });
  });

  test('runs the demo', async () => {
    const done = await run(command, ['demo', '--once', '--seconds', '1', '--json']);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(done.stdout)).toMatchObject({ ok: true });
  }, 120_000);
});

/** Both builds compile into the checkout's dist: so in one file, one after the other. */
describe('the packages that install without npm', () => {
  let deb: string;
  let tarball: string;
  /** Runs what was unpacked as on a machine that has no Node. */
  const bare = (program: string, ...words: readonly string[]) =>
    run('env', ['-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', program, ...words], '/');

  beforeAll(async () => {
    const said = await mustRun('npm', ['run', '--silent', 'package', '--', join(folder, 'build')]);
    [deb, tarball] = said.trim().split('\n');
  }, 300_000);

  test('the .deb says what it is and needs', async () => {
    const field = async (name: string) => (await mustRun('dpkg-deb', ['--field', deb, name])).trim();
    expect(await field('Package')).toBe('tapyard');
    expect(await field('Version')).toBe(await mustRun(command, ['--version']).then((text) => text.trim()));
    expect(await field('Architecture')).toBe((await mustRun('dpkg', ['--print-architecture'])).trim());
    expect((await field('Depends')).split(', ')).toEqual(expect.arrayContaining(['libatomic1', 'iproute2']));
    expect(await mustRun('dpkg-deb', ['--info', deb])).not.toMatch(/postinst|preinst/);
  });

  test('the .deb has all in its place, owned by root, and the unit names what it has', async () => {
    const lines = (await mustRun('dpkg-deb', ['--contents', deb])).trim().split('\n');
    expect(lines.filter((line) => !/^[-dl][rwx-]{9} root\/root /.test(line))).toEqual([]);
    const paths = lines.map((line) => line.split(/\s+/)[5]);
    expect(paths.filter((path) => !/^\.\/(usr\/.*)?$/.test(path))).toEqual([]);
    expect(paths).toEqual(
      expect.arrayContaining([
        './usr/lib/systemd/system/tapyard.service',
        './usr/share/bash-completion/completions/tapyard',
        './usr/share/zsh/vendor-completions/_tapyard',
        './usr/share/fish/vendor_completions.d/tapyard.fish',
        './usr/share/doc/tapyard/copyright',
      ]),
    );
    expect(paths.some((path) => /node_modules\/(vitest|typescript|@types)/.test(path))).toBe(false);
    const unit = readFileSync('examples/systemd/tapyard.service', 'utf8');
    expect(paths).toContain(`.${/^ExecStart=(\S+)/m.exec(unit)?.[1]}`);
  });

  test('the .deb, unpacked, runs without another Node: --version, check, completion, worker threads', async () => {
    const root = join(folder, 'root');
    await mustRun('dpkg-deb', ['--extract', deb, root]);
    const program = join(root, 'usr/bin/tapyard');
    expect(await bare(program, '--version')).toMatchObject({ code: 0, stderr: '' });
    const example = join(root, 'usr/lib/tapyard/examples/router.yaml');
    expect(await bare(program, 'check', example)).toMatchObject({ code: 0, stderr: '' });
    expect(missingEntries(join(root, 'usr/lib/tapyard'))).toEqual([]);
    const completion = readFileSync(join(root, 'usr/share/bash-completion/completions/tapyard'), 'utf8');
    expect(completion).toBe((await run(command, ['completion', 'bash'])).stdout);
    const bench = join(root, 'usr/lib/tapyard/examples/bench.yaml');
    const words = ['--config', bench, '--pcap', pcap, '--in', 'a', '--seconds', '1', '--json'];
    expect(await bare(program, 'bench', 'path', ...words)).toMatchObject({ code: 0, stderr: '' });
  });

  test('the tarball runs from any prefix, through a link too', async () => {
    const prefix = join(folder, 'a prefix');
    mkdirSync(prefix);
    await mustRun('tar', ['-xzf', tarball, '-C', prefix, '--strip-components=1']);
    symlinkSync(join(prefix, 'bin/tapyard'), join(folder, 'linked'));
    expect(await bare(join(folder, 'linked'), '--version')).toMatchObject({ code: 0, stderr: '' });
    const example = join(prefix, 'lib/tapyard/examples/minimal.yaml');
    expect(await bare(join(prefix, 'bin/tapyard'), 'check', example)).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(join(prefix, 'lib/systemd/system/tapyard.service'), 'utf8')).toContain(
      '=/usr/local/bin/tapyard',
    );
  });
});
