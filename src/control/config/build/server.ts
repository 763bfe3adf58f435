import { resolve } from 'node:path';
import type { PortModel, QemuMachine, ServerModel } from '../model.ts';
import { placed, type Source } from '../place.ts';
import type { ServerConfig } from '../schema/server.ts';

const DEFAULT_MEMORY = 256 * 2 ** 20;

/** @param ports of the tenant; the checks have seen that the server's is among them */
export function buildServer(
  tenant: string,
  name: string,
  keys: ServerConfig,
  ports: readonly PortModel[],
  source: Source,
  folder: string,
): ServerModel {
  const port = ports.find((each) => each.name === keys.port);
  if (port === undefined) throw new Error(`no port ${keys.port}`);
  const { run = [], restart, cpu_share: cpuShare = null } = keys;
  const common = { name, port: port.name, restart, cpuShare };
  const model: ServerModel =
    keys.kind === 'namespace'
      ? { ...common, kind: 'namespace', netns: (port.kind === 'tap' && port.netns) || '', run }
      : { ...common, kind: 'qemu', ...buildMachine(`${tenant}/${name}`, keys, port, folder) };
  return placed(model, source.place(['tenants', tenant, 'servers', name], 'key'));
}

function buildMachine(name: string, keys: ServerConfig, port: PortModel, folder: string): QemuMachine {
  const { cpus = 1, memory = DEFAULT_MEMORY, append = null, accel = 'auto' } = keys;
  const absolute = (file: string | undefined): string | null => (file === undefined ? null : resolve(folder, file));
  return {
    cpus,
    memory,
    append,
    accel,
    disk: absolute(keys.disk),
    kernel: absolute(keys.kernel),
    initrd: absolute(keys.initrd),
    console: absolute(keys.console),
    mac: port.mac ?? macOf(name),
    nic:
      port.kind === 'netdev'
        ? { kind: 'tap', device: port.device, mtu: port.mtu }
        : { kind: 'socket', path: port.kind === 'qemu' ? port.path : '' },
  };
}

/** QEMU's prefix, and three bytes of the name's hash: the same at every start. */
function macOf(name: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  const tail = [16, 8, 0].map((shift) => ((hash >>> shift) & 255).toString(16).padStart(2, '0'));
  return ['52', '54', '00', ...tail].join(':');
}
