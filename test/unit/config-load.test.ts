import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Exit, exitOf } from '../../src/cli/exit.ts';
import { formatDiagnostic } from '../../src/control/config/diagnostics.ts';
import { loadConfig, parseConfig } from '../../src/control/config/load.ts';
import { placeOf } from '../../src/control/config/place.ts';
import { configJsonSchema } from '../../src/control/config/schema.ts';
import { UserError } from '../../src/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapyard-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const examples = resolve(import.meta.dirname, '../../examples');

describe('a configuration file', () => {
  it.each(readdirSync(examples).filter((name) => name.endsWith('.yaml')))('examples/%s is valid', async (name) => {
    expect(Object.isFrozen(await loadConfig(join(examples, name)))).toBe(true);
  });

  it('becomes a model with everything explicit', async () => {
    const model = await loadConfig(join(examples, 'two-tenants.yaml'));
    const lines = readFileSync(model.file, 'utf8').split('\n');
    const lineOf = (part: string): number => lines.findIndex((line) => line.includes(part)) + 1;
    const [red, blue] = model.tenants;
    expect(model.workers).toBe(1);
    expect(red!.bridge.ports[0]).toEqual({
      name: 'web1',
      ofport: null,
      kind: 'tap',
      impair: null,
      device: 'red-web1',
      vlan: { mode: 'access', vlan: 10 },
      netns: 'red-web1',
      mac: '02:00:00:00:0a:01',
      addresses: [expect.objectContaining({ text: '10.0.10.11/24' })],
      gateways: [{ family: 4, words: [0x0a000a01], text: '10.0.10.1' }],
      offloads: true,
      persistent: false,
      mtu: 1500,
      security: null,
      pps: null,
      rate: null,
      storm: null,
    });
    const byName = new Map(red!.bridge.ports.map((port) => [port.name, port]));
    expect(byName.get('up')!.vlan).toEqual({ mode: 'trunk', allowed: [1, 10, 20], native: 1 });
    expect(byName.get('mem')!).toMatchObject({ kind: 'memory', vlan: { mode: 'access', vlan: 1 } });
    expect(byName.get('web2')!.security).toEqual({
      macs: ['02:00:00:00:0a:02'],
      addresses: ['10.0.10.12/32', 'fd00:10::12/128', 'fe80::ff:fe00:a02/128'].map((text) =>
        expect.objectContaining({ text }),
      ),
    });
    expect(red!.router!.routes[0]!.hops).toEqual([
      { address: expect.objectContaining({ text: '10.0.20.254' }), interface: 'db', weight: 1 },
      { address: expect.objectContaining({ text: '10.0.20.253' }), interface: 'db', weight: 1 },
    ]);
    expect(red!.router!.routes[1]).toMatchObject({ action: 'blackhole', hops: [] });
    expect(red!.router!.routesFile).toBe(join(examples, 'routes.txt'));
    expect(red!.router!.interfaces.map(({ advertise }) => advertise !== null)).toEqual([true, false]);
    expect(red!.acls[0]!.rules.map(({ text }) => text)).toEqual(['deny tcp to 10.0.20.0/24 dport 22 log', 'allow any']);
    expect(red!.acls[0]).toMatchObject({ fallback: 'deny', ingress: [{ kind: 'port', port: 'web1' }], egress: [] });
    expect(red!.quota).toMatchObject({ frames: 2048, macs: 1024, pps: 500_000, rate: 1_000_000_000, weight: 2 });
    expect(red!.share.imports).toEqual([
      { tenant: 'blue', prefixes: [expect.objectContaining({ text: '10.9.0.0/16' })] },
    ]);
    expect(blue!.router!.hostname).toBe('blue');
    expect(placeOf(red!.acls[0]!.rules[0]!)).toMatchObject({ line: lineOf('{deny:'), column: 13 });
  });

  it('gives each tenant of an uplink a sub-port', async () => {
    const { tenants, uplinks } = await loadConfig(join(examples, 'uplink.yaml'));
    const ports = tenants.map(({ bridge }) => bridge.ports.at(-1));
    expect(ports[0]).toMatchObject({
      name: 'lan',
      kind: 'uplink',
      uplink: 'lan',
      outerVlan: 100,
      vlan: { mode: 'access', vlan: 1 },
    });
    expect(ports[1]).toMatchObject({
      name: 'wan',
      outerVlan: 200,
      rate: 1e8,
      vlan: { mode: 'trunk', allowed: [10, 20] },
    });
    expect(uplinks[0]).toMatchObject({ ethertype: 0x8100, device: { kind: 'netdev', device: 'eth1', force: false } });
    expect(uplinks[0]!.tenants[1]).toEqual({ tenant: 'blue', vlan: 200, port: 'wan' });
  });

  it('takes anchors and merged maps, and finds places in them', () => {
    const text = `version: 1
tenants:
  a:
    bridge:
      ports:
        one: &port {tap: t1, vlan: 10, mtu: 9000}
        two: {<<: *port, tap: t2, vlan: 5000}`;
    const { diagnostics } = parseConfig(text, 'f.yaml');
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics![0]!.place).toMatchObject({ line: 7, column: 41 });
    const { model } = parseConfig(text.replace('5000', '20'), 'f.yaml');
    expect(model!.tenants[0]!.bridge.ports[1]).toMatchObject({ device: 't2', mtu: 9000, vlan: { vlan: 20 } });
  });

  it('fails with one error that carries them all', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(
      file,
      'version: 1\ntenants: {red: {bridge: {ports: {a: {tap: t, vlna: 10}, b: {tap: t}}}}}\nworkers: 99\n',
    );
    const error = await loadConfig(file).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UserError);
    expect(exitOf(error)).toBe(Exit.Config);
    expect((error as UserError).diagnostics.map(({ code, place }) => [code, place.line, place.column])).toEqual([
      ['config-unknown-key', 2, 46],
      ['config-range', 3, 10],
    ]);
    expect(formatDiagnostic((error as UserError).diagnostics[0]!)).toBe(
      [
        `${file}:2:46: unknown key 'vlna'  [config-unknown-key]`,
        '    2 | tenants: {red: {bridge: {ports: {a: {tap: t, vlna: 10}, b: {tap: t}}}}}',
        '      |                                              ^^^^',
        "      = cure: did you mean 'vlan'?",
      ].join('\n'),
    );
  });

  it('says so when it cannot be read', async () => {
    const error = await loadConfig(join(folder, 'none.yaml')).catch((caught: unknown) => caught);
    expect((error as UserError).code).toBe('config-unreadable');
    expect(exitOf(error)).toBe(Exit.NoInput);
    expect(exitOf(new Error('ours'))).toBe(Exit.Software);
  });

  it('shows long lines around the caret, and no control characters', () => {
    const text = `version: 1\ntenants: {}\nuplinks: {} #${'x'.repeat(10)}\u001b[2J\nworkers: ${' '.repeat(300)}99 # ${'y'.repeat(300)}`;
    const shown = formatDiagnostic(parseConfig(text, 'f.yaml').diagnostics!.at(-1)!);
    const [, source, caret] = shown.split('\n');
    expect(source!.length).toBeLessThan(140);
    expect(source!.slice(caret!.indexOf('^'), caret!.indexOf('^') + 2)).toBe('99');
    const escaped = formatDiagnostic(
      parseConfig('version: 1\ntenants: {}\nbad: "\u001b[2J"', 'f.yaml').diagnostics![0]!,
    );
    expect(escaped).not.toContain('\u001b');
  });

  it('has a JSON Schema that describes every key', () => {
    const lacking: string[] = [];
    const walk = (schema: Record<string, unknown>, path: string): void => {
      for (const [key, each] of Object.entries(
        (schema['properties'] ?? {}) as Record<string, Record<string, unknown>>,
      )) {
        if (typeof each['description'] !== 'string') lacking.push(`${path}.${key}`);
        walk(each, `${path}.${key}`);
      }
      for (const key of ['additionalProperties', 'items'] as const) {
        if (typeof schema[key] === 'object') walk(schema[key] as Record<string, unknown>, `${path}.${key}`);
      }
    };
    walk(configJsonSchema() as Record<string, unknown>, '');
    expect(lacking).toEqual([]);
  });
});
