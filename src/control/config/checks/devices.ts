import { dirname, resolve } from 'node:path';
import { contains } from '../address.ts';
import type { Reporter } from '../diagnostics.ts';
import type { Path } from '../place.ts';
import { isSame } from '../schema/net.ts';
import { type DeviceKeys, standardMtu } from '../schema/port.ts';
import type { Config } from '../schema.ts';
import type { World } from './checks.ts';
import { checkStation } from './station.ts';

const kinds = ['tap', 'netdev', 'qemu', 'cap', 'pcap', 'memory'] as const;
const tapOnly = ['netns', 'address', 'addresses', 'gateway', 'offloads', 'persistent'] as const;

/** Devices of ports and uplinks: one kind each, the keys that go with it, and none used twice. */
export function checkDevices(config: Config, reporter: Reporter, world: World): void {
  const taken = new Map<string, Path>();
  for (const [path, keys] of devicesOf(config)) {
    checkKind(path, keys, reporter);
    checkHost(path, keys, reporter);
    checkPcap(path, keys, reporter, world);
    checkQemu(path, keys, reporter, world);
    checkImpair(path, keys, reporter);
    for (const [what, name, key] of claimsOf(keys, world)) {
      const first = taken.get(`${what} ${name}`);
      const message = `${what} '${name}' is used twice`;
      const related = first && { message: 'first used', path: first };
      if (related) reporter.report('config-taken', [...path, ...key], message, 'choose another', { related });
      else taken.set(`${what} ${name}`, [...path, ...key]);
    }
  }
}

function devicesOf(config: Config): [Path, DeviceKeys][] {
  const own = Object.entries(config.tenants).flatMap(([tenant, { bridge }]) =>
    Object.entries(bridge.ports).map(([port, keys]): [Path, DeviceKeys] => [
      ['tenants', tenant, 'bridge', 'ports', port],
      keys,
    ]),
  );
  const shared = Object.entries(config.uplinks).map(([name, keys]): [Path, DeviceKeys] => [['uplinks', name], keys]);
  return [...own, ...shared];
}

function claimsOf(keys: DeviceKeys, world: World): [what: string, name: string, key: Path][] {
  const claims: [string, string, Path][] = [];
  // Namespaces may use the same name: eth0 in each.
  if (keys.tap !== undefined) claims.push([deviceIn(keys.netns), keys.tap, ['tap']]);
  if (keys.netdev !== undefined) claims.push([deviceIn(undefined), keys.netdev, ['netdev']]);
  if (keys.cap !== undefined) claims.push([deviceIn(undefined), keys.cap, ['cap']]);
  const write = keys.pcap?.write;
  if (write !== undefined) claims.push(['file', resolve(dirname(world.file), write), ['pcap', 'write']]);
  const listen = keys.qemu?.listen ?? keys.qemu?.connect;
  if (listen !== undefined) claims.push(['file', resolve(dirname(world.file), listen), ['qemu', socketKey(keys)]]);
  return claims;
}

function socketKey({ qemu }: DeviceKeys): 'listen' | 'connect' {
  return qemu?.listen !== undefined ? 'listen' : 'connect';
}

function checkKind(path: Path, keys: DeviceKeys, reporter: Reporter): void {
  const [kind, second] = kinds.filter((key) => keys[key] !== undefined);
  if (kind === undefined) {
    const cure = 'add tap: NAME, netdev: NAME, qemu: {listen: PATH}, cap: NAME, pcap: {read: FILE} or memory: true';
    reporter.report('config-missing-key', path, `'${path.at(-1)}' has no device`, cure, { part: 'key' });
    return;
  }
  if (second !== undefined) {
    const message = `${kind} and ${second} exclude each other`;
    reporter.report('config-conflict', [...path, second], message, 'keep one: a port has one device', { part: 'key' });
  }
  for (const key of tapOnly) {
    if (keys[key] === undefined || keys.tap !== undefined) continue;
    const message = `${key} goes with tap alone`;
    const cure = `remove it: Tapyard does not set up what is behind a ${kind}`;
    reporter.report('config-conflict', [...path, key], message, cure, { part: 'key' });
  }
  if (keys.force !== undefined && keys.netdev === undefined && keys.gateway === undefined) {
    const message = 'force goes with netdev, or with a gateway of a tap';
    reporter.report('config-conflict', [...path, 'force'], message, 'remove it', { part: 'key' });
  }
}

/** Addresses and gateways of a TAP's kernel side. */
function checkHost(path: Path, keys: DeviceKeys, reporter: Reporter): void {
  if (keys.address && keys.addresses) {
    const message = 'address and addresses say the same';
    reporter.report('config-conflict', [...path, 'address'], message, 'move it into addresses', { part: 'key' });
  }
  const key = keys.addresses ? 'addresses' : 'address';
  const addresses = keys.addresses ?? keys.address ?? [];
  for (const [index, each] of addresses.entries()) checkStation(each, [...path, key, index], reporter);
  if (!keys.gateway) return;
  if (keys.tap !== undefined && keys.netns === undefined && keys.force !== true) {
    const message = 'this would route the machine itself through the switch';
    const cure = 'add netns: to move the device into a namespace, or force: true if that is meant';
    reporter.report('config-conflict', [...path, 'gateway'], message, cure);
  }
  const reachable = reporter.intact(...path, key);
  for (const [index, gateway] of keys.gateway.entries()) {
    const at = [...path, 'gateway', index];
    const subnets = addresses.map(({ subnet }) => subnet);
    if (keys.gateway.findIndex(({ family }) => family === gateway.family) !== index) {
      const message = `a second default route for IPv${gateway.family}`;
      reporter.report('config-conflict', at, message, 'keep one gateway a family');
    } else if (addresses.some(({ address }) => isSame(address, gateway))) {
      reporter.report('config-unreachable', at, `${gateway.text} is the host's own address`, 'name the router');
    } else if (reachable && !subnets.some((subnet) => contains(subnet, gateway))) {
      const own = subnets.filter(({ family }) => family === gateway.family).map(({ text }) => text);
      const cure =
        own.length > 0 ? `choose an address in ${own.join(' or ')}` : `give the port an IPv${gateway.family} address`;
      reporter.report('config-unreachable', at, `gateway ${gateway.text} is in no subnet of the port`, cure);
    }
  }
}

function checkPcap(path: Path, keys: DeviceKeys, reporter: Reporter, world: World): void {
  if (!keys.pcap) return;
  const { read, write } = keys.pcap;
  const resolved = (file: string): string => resolve(dirname(world.file), file);
  if (read === undefined && write === undefined && reporter.intact(...path, 'pcap')) {
    reporter.report('config-missing-key', [...path, 'pcap'], 'neither read nor write', 'add read: FILE or write: FILE');
  }
  if (read !== undefined && !world.exists(resolved(read))) {
    const message = `there is no file ${resolved(read)}`;
    reporter.report(
      'config-file',
      [...path, 'pcap', 'read'],
      message,
      "paths are relative to the configuration's folder",
    );
  }
  if (read !== undefined && write !== undefined && resolved(read) === resolved(write)) {
    reporter.report(
      'config-conflict',
      [...path, 'pcap', 'write'],
      'this would overwrite what is read',
      'choose another file',
    );
  }
}

/** sun_path of struct sockaddr_un, less the zero byte at its end. Source: unix(7). */
const LONGEST_SOCKET_PATH = 107;

function checkQemu(path: Path, keys: DeviceKeys, reporter: Reporter, world: World): void {
  if (!keys.qemu) return;
  const { listen, connect } = keys.qemu;
  const at = [...path, 'qemu'];
  if (listen === undefined && connect === undefined) {
    if (reporter.intact(...at))
      reporter.report('config-missing-key', at, 'neither listen nor connect', 'add listen: PATH or connect: PATH');
    return;
  }
  if (listen !== undefined && connect !== undefined) {
    const cure = 'keep listen, unless QEMU runs with server=on';
    reporter.report('config-conflict', [...at, 'connect'], 'listen and connect exclude each other', cure, {
      part: 'key',
    });
  }
  const socket = resolve(dirname(world.file), listen ?? connect ?? '');
  const length = Buffer.byteLength(socket);
  if (length > LONGEST_SOCKET_PATH) {
    const message = `${socket} has ${length} bytes, a socket's path at most ${LONGEST_SOCKET_PATH}`;
    reporter.report('config-range', [...at, socketKey(keys)], message, 'choose a shorter path');
  }
}

/** What frames that wait may occupy at most. */
const MOST_WAITING_BYTES = 2 ** 30;

function checkImpair(path: Path, { impair, mtu }: DeviceKeys & { readonly mtu?: number }, reporter: Reporter): void {
  if (!impair) return;
  const at = [...path, 'impair'];
  if (impair.jitter > impair.delay) {
    const cure = 'make it at most the delay: no frame leaves before it came';
    reporter.report('config-range', [...at, 'jitter'], 'the jitter is more than the delay', cure);
  }
  if (impair.reorder > 0 && impair.delay === 0 && reporter.intact(...at, 'delay')) {
    const cure = 'add delay: what is sent at once overtakes only what is delayed';
    reporter.report('config-conflict', [...at, 'reorder'], 'reorder goes with delay', cure, { part: 'key' });
  }
  const bytes = impair.queue * (mtu ?? standardMtu);
  if (bytes > MOST_WAITING_BYTES) {
    const most = Math.floor(MOST_WAITING_BYTES / (mtu ?? standardMtu));
    const message = `${impair.queue} frames of this MTU take more than 1 GiB`;
    reporter.report('config-range', [...at, 'queue'], message, `choose at most ${most}`);
  }
}

function deviceIn(netns: string | undefined): string {
  return netns === undefined ? 'device' : `device in namespace '${netns}'`;
}
