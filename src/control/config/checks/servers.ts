import { dirname, resolve } from 'node:path';
import type { Reporter } from '../diagnostics.ts';
import type { Path } from '../place.ts';
import type { PortEntry } from '../ports.ts';
import type { ServerConfig } from '../schema/server.ts';
import type { Config, TenantConfig } from '../schema.ts';
import { checkPort } from './bridge.ts';
import type { World } from './checks.ts';

const MACHINE_ONLY = [
  ...(['cpus', 'memory', 'disk', 'kernel', 'initrd', 'append', 'accel', 'console', 'nic'] as const),
];
const FILES = ['disk', 'kernel', 'initrd'] as const;

/** Servers of a tenant: each on a port of its own that fits its kind, with keys of its kind and files that are there. */
export function checkServers(
  name: string,
  { servers }: TenantConfig,
  ports: readonly PortEntry[],
  reporter: Reporter,
  world: World,
): void {
  const names = new Map(ports.map((port) => [port.name, port]));
  const plugged = new Map<string, Path>();
  for (const [server, keys] of Object.entries(servers)) {
    const path = ['tenants', name, 'servers', server];
    const at = [...path, 'port'];
    checkPort(keys.port, at, name, names, reporter);
    const first = plugged.get(keys.port);
    const related = first && { message: 'first plugged in', path: first };
    if (related) reporter.report('config-taken', at, `port '${keys.port}' has a server`, 'add a port', { related });
    else plugged.set(keys.port, at);
    const port = names.get(keys.port);
    if (keys.kind === 'namespace') checkNamespace(path, keys, port, reporter);
    else checkMachine(path, keys, port, reporter, world);
  }
}

function checkNamespace(path: Path, keys: ServerConfig, port: PortEntry | undefined, reporter: Reporter): void {
  for (const key of MACHINE_ONLY) {
    if (keys[key] === undefined) continue;
    const message = `${key} goes with kind: qemu`;
    reporter.report('config-conflict', [...path, key], message, 'remove it', { part: 'key' });
  }
  if (port !== undefined && port.device?.netns === undefined) {
    const message = `port '${port.name}' is no tap with netns`;
    reporter.report('config-conflict', [...path, 'port'], message, 'name one that is, or add netns to it');
  }
}

function checkMachine(
  path: Path,
  keys: ServerConfig,
  port: PortEntry | undefined,
  reporter: Reporter,
  world: World,
): void {
  if (keys.run !== undefined) {
    const message = 'run goes with kind: namespace';
    reporter.report('config-conflict', [...path, 'run'], message, 'remove it', { part: 'key' });
  }
  if (keys.kernel === undefined && keys.disk === undefined) {
    if (reporter.intact(...path, 'kernel') && reporter.intact(...path, 'disk'))
      reporter.report('config-missing-key', path, 'neither kernel nor disk', 'add kernel: FILE or disk: FILE', {
        part: 'key',
      });
  }
  for (const key of ['initrd', 'append'] as const) {
    if (keys[key] === undefined || keys.kernel !== undefined || !reporter.intact(...path, 'kernel')) continue;
    reporter.report('config-conflict', [...path, key], `${key} goes with kernel`, 'add kernel: FILE', { part: 'key' });
  }
  for (const key of FILES) {
    const file = keys[key];
    if (file === undefined) continue;
    const absolute = resolve(dirname(world.file), file);
    if (world.exists(absolute)) continue;
    const cure = "paths are relative to the configuration's folder";
    reporter.report('config-file', [...path, key], `there is no file ${absolute}`, cure);
  }
  if (port === undefined) return;
  const { device } = port;
  const fits = device?.netdev !== undefined ? 'tap' : device?.qemu?.listen !== undefined ? 'socket' : null;
  if (fits === null) {
    const message = `port '${port.name}' takes no virtual machine`;
    const cure = 'give the port netdev: NAME (a TAP that the lab makes) or qemu: {listen: PATH}';
    reporter.report('config-conflict', [...path, 'port'], message, cure);
  } else if (keys.nic !== undefined && keys.nic !== fits) {
    const message = `port '${port.name}' takes nic: ${fits}`;
    reporter.report('config-conflict', [...path, 'nic'], message, `write nic: ${fits}, or leave it out`);
  }
}

/** Consoles of all machines: no two write to one file. */
export function checkConsoles(config: Config, reporter: Reporter, world: World): void {
  const taken = new Map<string, Path>();
  for (const [tenant, { servers }] of Object.entries(config.tenants)) {
    for (const [server, { console: file }] of Object.entries(servers)) {
      if (file === undefined) continue;
      const absolute = resolve(dirname(world.file), file);
      const path = ['tenants', tenant, 'servers', server, 'console'];
      const first = taken.get(absolute);
      const related = first && { message: 'first used', path: first };
      if (related) reporter.report('config-taken', path, `'${file}' is used twice`, 'choose another', { related });
      else taken.set(absolute, path);
    }
  }
}
