import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keysOf } from '../../src/cli/change.ts';
import { loadDocument } from '../../src/control/config/load.ts';
import type { SwitchModel } from '../../src/control/config/model.ts';
import { Events } from '../../src/control/events.ts';
import { Running } from '../../src/control/running/running.ts';
import { UserError } from '../../src/errors.ts';
import { modelOf } from '../support/test-switch.ts';

const FILE = `version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true, vlan: 10}}}
    router:
      interfaces: {web: {vlan: 10, addresses: [10.0.10.1/24], ra: false}}
      routes: [{to: 10.9.0.0/16, via: 10.0.10.9}]
    acls: {x: {rules: [{deny: {proto: tcp, dport: 22}}, {allow: any}], ingress: [a]}}
`;

let folder: string;
let file: string;
/** What the switch has become, and whether it refuses. */
let model: SwitchModel;
let refusal: Error | null;
let running: Running;
const events = new Events();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'running-'));
  file = join(folder, 'lab.yaml');
  writeFileSync(file, FILE);
  const first = await loadDocument(file);
  model = first.model;
  refusal = null;
  const changeable = {
    get model() {
      return model;
    },
    events,
    change: async (to: SwitchModel) => {
      if (refusal !== null) throw refusal;
      model = to;
    },
  };
  running = new Running(changeable, first.tree);
});

afterEach(() => {
  running.close();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const ports = () => model.tenants[0].bridge.ports.map(({ name }) => name);
const texts = (changes: readonly { sign: string; text: string }[]) =>
  changes.map(({ sign, text }) => `${sign} ${text}`);
const addPort = (name: string, more: object = {}) =>
  running.edit({ op: 'add', kind: 'port', tenant: 'red', name, value: { memory: true, vlan: 10, ...more } });

test('plan changes nothing; apply does what it said', async () => {
  writeFileSync(file, FILE.replace('vlan: 10}}}', 'vlan: 10}, b: {memory: true}}}'));
  const planned = await running.plan(file);
  expect(ports()).toEqual(['a']);
  expect(await running.apply(file)).toEqual(planned);
  expect(ports()).toEqual(['a', 'b']);
  expect(await running.plan(file)).toEqual([]);
});

test('a wrong file changes nothing, and says what is wrong with it', async () => {
  writeFileSync(file, FILE.replace('vlan: 10}}}', 'vlna: 10}}}'));
  const error = await running.apply(file).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).diagnostics[0]).toMatchObject({ code: 'config-unknown-key', place: { line: 4 } });
  expect(ports()).toEqual(['a']);
});

test('what the switch refuses has not happened', async () => {
  refusal = new Error('no such device');
  await expect(addPort('extra')).rejects.toThrow('no such device');
  refusal = null;
  expect(running.export()).not.toContain('extra');
  expect(await running.plan(file)).toEqual([]);
});

test('what was added by hand stays when a file is applied, and is the file’s once that has it', async () => {
  expect(texts(await addPort('b'))).toEqual([expect.stringMatching(/^\+ port red\/b: /)]);
  await running.edit({ op: 'add', kind: 'route', tenant: 'red', value: { to: '192.0.2.0/24', blackhole: true } });
  expect(await running.plan(file)).toEqual([]);
  writeFileSync(file, FILE.replace('{allow: any}', '{reject: any}'));
  expect(texts(await running.apply(file))).toEqual(['+ rule red/x: reject any', '- rule red/x: allow any']);
  expect(ports()).toEqual(['a', 'b']);
  writeFileSync(file, FILE.replace('vlan: 10}}}', 'vlan: 10}, b: {memory: true, vlan: 20}}}'));
  await running.apply(file);
  writeFileSync(file, FILE);
  expect(texts(await running.apply(file))).toEqual(['- port red/b']);
  expect(model.tenants[0].router?.routes.map(({ to }) => to.text)).toEqual(['10.9.0.0/16', '192.0.2.0/24']);
});

test('what was deleted by hand comes back with the file', async () => {
  await running.edit({ op: 'del', kind: 'route', tenant: 'red', value: { to: '10.9.0.0/16' } });
  expect(model.tenants[0].router?.routes).toEqual([]);
  expect(texts(await running.plan(file))).toEqual([expect.stringMatching(/^\+ route red\/10\.9\.0\.0\/16/)]);
});

test('export is a configuration that says the same', async () => {
  await addPort('b', { trunk: [10, 20], vlan: undefined });
  await running.edit({
    op: 'add',
    kind: 'rule',
    tenant: 'red',
    name: 'x',
    value: { deny: { proto: 'udp' } },
    place: 1,
  });
  await running.edit({
    op: 'add',
    kind: 'mac',
    tenant: 'red',
    value: { mac: '02:00:00:00:00:05', port: 'a', vlan: 10 },
  });
  const { file: _, ...exported } = modelOf(running.export());
  const { file: __, ...now } = model;
  expect(exported).toEqual(now);
});

test.each([
  [{ op: 'add', kind: 'port', name: 'a', value: { memory: true } }, 'config-taken'],
  [{ op: 'del', kind: 'port', name: 'z' }, 'config-reference'],
  [{ op: 'del', kind: 'route', value: { to: '10.8.0.0/16' } }, 'config-reference'],
  [{ op: 'del', kind: 'rule', name: 'x', place: 9 }, 'config-reference'],
  [{ op: 'add', kind: 'rule', name: 'y', value: { allow: 'any' } }, 'config-reference'],
  [{ op: 'add', kind: 'port', name: 'b', value: { memory: true, vlna: 10 } }, 'config-invalid'],
] as const)('an edit that is none is refused: %o', async (edit, code) => {
  const before = running.export();
  await expect(running.edit({ tenant: 'red', ...edit })).rejects.toMatchObject({ code });
  expect(running.export()).toBe(before);
});

test('a change on trial is taken back, unless it is confirmed', async () => {
  vi.useFakeTimers();
  writeFileSync(file, FILE.replace('vlan: 10}}}', 'vlan: 10}, b: {memory: true}}}'));
  await running.apply(file, { trySeconds: 120 });
  expect(ports()).toEqual(['a', 'b']);
  await expect(addPort('c')).rejects.toMatchObject({ code: 'change-on-trial' });
  await vi.advanceTimersByTimeAsync(119_000);
  expect(running.trialSeconds).toBe(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(ports()).toEqual(['a']);
  expect(running.trialSeconds).toBeNull();
  await running.apply(file, { trySeconds: 120 });
  running.confirm();
  await vi.advanceTimersByTimeAsync(500_000);
  expect(ports()).toEqual(['a', 'b']);
  expect(() => running.confirm()).toThrow('No change is on trial');
});

test('words of the command line are keys of the configuration', () => {
  expect(
    keysOf(['tap=red-web3', 'vlan=10', 'trunk=10,20', 'impair.delay=10ms', 'impair.loss=1%', 'blackhole']),
  ).toEqual({
    tap: 'red-web3',
    vlan: 10,
    trunk: [10, 20],
    impair: { delay: '10ms', loss: '1%' },
    blackhole: true,
  });
  expect(() => keysOf(['=5'])).toThrow("'=5' is no key=value");
});
