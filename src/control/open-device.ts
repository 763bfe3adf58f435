import { rmSync } from 'node:fs';
import { owner, prepare, removeAtDeath } from '../../native-free/last-will.ts';
import {
  addAddresses,
  deleteAddress,
  deleteRoute,
  findLink,
  listRoutes,
  setIpv6,
  setLink,
  setRoute,
} from '../../native-free/links.ts';
import { createOwnNetns, deleteOwnNetns, netnsExists } from '../../native-free/netns.ts';
import { joinDevice, type Redirect } from '../../native-free/redirect.ts';
import { type Offloads, openTap, type Tap } from '../../native-free/tap.ts';
import { closeSocket, SocketAddress } from '../../native-free/unix-socket.ts';
import { Ring } from '../frame/ring.ts';
import type { Impairment } from '../port/impair-port.ts';
import { MemoryEnd } from '../port/memory-port.ts';
import { Offload } from '../port/port.ts';
import type { ReplayHandles } from '../port/replay-port.ts';
import type { DeviceSpec } from '../worker/messages.ts';
import { CapDevice } from './cap-device.ts';
import type {
  CapDevice as CapDeviceModel,
  Device,
  NetdevDevice,
  PcapDevice,
  QemuDevice,
  TapDevice,
} from './config/model.ts';

/** Frames between two workers, and in and out of a memory port: bytes of a ring. */
const REMOTE_RING = 1 << 20;
const MEMORY_RING = 1 << 20;

/** What a device is besides frames: settings of the port that it was made for. */
export interface DeviceContext {
  readonly mtu: number;
  readonly mac: string | null;
  readonly workers: number;
  /** Worker that owns the device if it has but one queue. */
  readonly owner: number;
  /** Eventfd of each worker. */
  readonly wakeFds: readonly number[];
  /** Wakes a worker, as long as there is one. */
  readonly wake: (worker: number) => void;
  /** What stands in the place of a memory port, for benchmarks: a queue for each worker. */
  readonly replay?: readonly ReplayHandles[] | undefined;
  /** Makes the names of TAPs that the user does not name: those that netdevs are joined to. */
  readonly internalName: () => string;
}

/** An open device: what each worker needs to use it, and how to let it go. */
export interface OpenDevice {
  /** The kernel's device whose link is watched; null: there is none. */
  readonly link: { readonly name: string; readonly netns: string | undefined } | null;
  readonly specs: readonly DeviceSpec[];
  /** Rings from other workers to the owner. */
  readonly inboxes: readonly SharedArrayBuffer[];
  readonly owner: number;
  /** What the owner does to frames that leave; such a device has one queue, whatever it is. */
  readonly impaired: { readonly impairment: Impairment; readonly mtu: number } | null;
  /** The far end of a memory port. */
  readonly memory: MemoryEnd | null;
  /** A namespace that was made for the device; whoever closes the device deletes it then. */
  readonly netns: string | null;
  /** Hears that the link of the device has gone up or down. */
  linkChanged(up: boolean): void;
  /** Follows the MTU of a device that was joined. */
  followMtu(mtu: number): void;
  /** Changes what can be changed while it is open: MTU, MAC and, of a TAP, its addresses and gateways. @throws LinuxError */
  adjust(to: Adjustable, from: Adjustable): void;
  /** Undoes what must not outlive the process; works in an `exit` hook. Idempotent. */
  undo(): void;
  /** After all workers have let go: closes descriptors. Idempotent. */
  close(): void;
}

/** A device that nothing has to be watched or undone for. */
const bare = {
  link: null,
  impaired: null,
  netns: null,
  linkChanged: () => {},
  followMtu: () => {},
  adjust: () => {},
  undo: () => {},
  close: () => {},
} as const;

/** What of a device can be changed while it is open. */
export interface Adjustable {
  readonly device: Device;
  readonly mtu: number;
  readonly mac: string | null;
}

export function openDevice(device: Device, context: DeviceContext): OpenDevice {
  const { impair } = device;
  const open = openKind(device, context);
  return impair === null ? open : { ...open, impaired: { impairment: impair, mtu: context.mtu } };
}

function openKind(device: Device, context: DeviceContext): OpenDevice {
  switch (device.kind) {
    case 'tap':
      return openTapDevice(device, context);
    case 'netdev':
      return openNetdev(device, context);
    case 'qemu':
      return openQemu(device, context);
    case 'cap':
      return openCap(device, context);
    case 'pcap':
      return openPcap(device, context);
    case 'memory':
      return openMemory(context);
  }
}

function offloadBits({ csum, tso4, tso6, uso }: Offloads): number {
  return (
    (csum ? Offload.Checksum : 0) |
    (tso4 ? Offload.Tso4 | Offload.Ecn : 0) |
    (tso6 ? Offload.Tso6 : 0) |
    (uso ? Offload.Uso : 0)
  );
}

/** A TAP has a queue for each worker; one whose line is bad has an owner, who alone carries out what is done to its frames. */
function queuesOf({ impair }: Device, { workers }: DeviceContext): number {
  return impair === null ? workers : 1;
}

/** What all devices on a TAP of ours have in common. */
function onTap(tap: Tap, kind: 'tap' | 'netdev', name: string, device: Device, context: DeviceContext): OpenDevice {
  if (device.impair !== null) return single({ kind, name, fd: tap.fds[0], offloads: 0 }, null, context);
  const offloads = offloadBits(tap.offloads);
  const specs = tap.fds.map((fd): DeviceSpec => ({ kind, name, fd, offloads }));
  return { ...bare, specs, inboxes: [], owner: 0, memory: null };
}

function openTapDevice(device: TapDevice, context: DeviceContext): OpenDevice {
  const netns = device.netns ?? undefined;
  const madeNetns = netns !== undefined && !netnsExists(netns);
  if (madeNetns) createOwnNetns(netns);
  let tap: Tap | undefined;
  try {
    tap = openTap({
      name: device.device,
      queues: queuesOf(device, context),
      netns,
      offloads: device.offloads,
      persistent: device.persistent,
      mtu: context.mtu,
      mac: context.mac ?? undefined,
      alias: owner,
      ipv6: netns !== undefined || device.addresses.some(({ address }) => address.family === 6),
    });
    addAddresses(
      device.device,
      device.addresses.map(({ text }) => text),
      netns,
    );
    for (const gateway of device.gateways) {
      setRoute('default', gateway.text, device.device, netns);
    }
  } catch (error) {
    tap?.close();
    if (madeNetns) deleteOwnNetns([netns]);
    throw error;
  }
  const opened = tap;
  return {
    ...onTap(opened, 'tap', device.device, device, context),
    link: { name: device.device, netns },
    netns: madeNetns ? netns : null,
    adjust: (to, from) => adjustTap(device.device, netns, to, from),
    close: () => opened.close(),
  };
}

/** The kernel's side of a TAP as `to` says; what is the same stays untouched. */
function adjustTap(name: string, netns: string | undefined, to: Adjustable, from: Adjustable): void {
  const mtu = to.mtu === from.mtu ? undefined : to.mtu;
  const mac = to.mac === from.mac || to.mac === null ? undefined : to.mac;
  setLink(name, { mtu, mac }, netns);
  if (to.device.kind !== 'tap' || from.device.kind !== 'tap') return;
  const texts = (device: TapDevice) => device.addresses.map(({ text }) => text);
  const [before, after] = [texts(from.device), texts(to.device)];
  const added = after.filter((text) => !before.includes(text));
  if (added.some((text) => text.includes(':'))) setIpv6(name, true, netns);
  // First what goes: with the first address of a subnet the kernel removes the others of it.
  const gone = before.filter((text) => !after.includes(text));
  for (const text of gone) deleteAddress(name, text, netns);
  if (gone.length + added.length > 0) addAddresses(name, after, netns);
  for (const { text } of to.device.gateways) setRoute('default', text, name, netns);
  const families = to.device.gateways.map(({ family }) => family);
  for (const { text, family } of from.device.gateways) {
    // With the address that leads to it the kernel has removed the route already.
    const there = listRoutes(family, netns).some(({ dst, gateway }) => dst === 'default' && gateway === text);
    if (!families.includes(family) && there) deleteRoute('default', text, netns);
  }
}

function openNetdev(device: NetdevDevice, context: DeviceContext): OpenDevice {
  const name = context.internalName();
  // Who watches over us hears of our death by a file that is closed: before all TAPs, which take long.
  prepare();
  const tap = openTap({
    name,
    queues: queuesOf(device, context),
    alias: owner,
    mtu: findLink(device.device)?.mtu,
  });
  let redirect: Redirect;
  try {
    redirect = joinDevice({ device: device.device, tap: name, force: device.force });
  } catch (error) {
    tap.close();
    throw error;
  }
  return {
    ...onTap(tap, 'netdev', device.device, device, context),
    link: { name: device.device, netns: undefined },
    followMtu: (mtu) => redirect.followMtu(mtu),
    adjust: () => {},
    undo: () => redirect.undo(),
    close: () => {
      redirect.undo();
      tap.close();
    },
  };
}

function openPcap(device: PcapDevice, context: DeviceContext): OpenDevice {
  const { read, write, pace, loops } = device;
  const name = read ?? write ?? 'pcap';
  return single({ kind: 'pcap', name, read, write, pace, loops }, null, context);
}

function openCap({ device }: CapDeviceModel, context: DeviceContext): OpenDevice {
  const opened = new CapDevice(device, () => context.wake(context.owner));
  return {
    ...single({ kind: 'cap', name: device, handles: opened.handles }, null, context),
    link: { name: device, netns: undefined },
    linkChanged: (up) => opened.linkChanged(up),
    close: () => opened.close(),
  };
}

/** The listening socket is the main thread's: what is wrong with the path is known at once, and it is removed on every way out. */
function openQemu({ listen, path }: QemuDevice, context: DeviceContext): OpenDevice {
  if (!listen) return single({ kind: 'qemu', name: path, endpoint: { connect: path } }, null, context);
  const fd = new SocketAddress(path).listen();
  const clause = removeAtDeath(path);
  let listening = true;
  const undo = () => {
    if (listening) rmSync(path, { force: true });
    clause.strike();
    listening = false;
  };
  return {
    ...single({ kind: 'qemu', name: path, endpoint: { listen: fd } }, null, context),
    undo,
    close: () => {
      if (listening) closeSocket(fd);
      undo();
    },
  };
}

function openMemory(context: DeviceContext): OpenDevice {
  const { replay } = context;
  if (replay !== undefined) {
    const specs = replay.map((handles): DeviceSpec => ({ kind: 'replay', name: 'replay', handles }));
    return { ...bare, specs, inboxes: [], owner: 0, memory: null };
  }
  const end = MemoryEnd.create(MEMORY_RING);
  return single({ kind: 'memory', name: 'memory', handles: end.handles(), offloads: 0 }, end, context);
}

/** A device with one queue: its owner uses it, the others send to the owner. */
function single(spec: DeviceSpec, memory: MemoryEnd | null, context: DeviceContext): OpenDevice {
  const { workers, owner, wakeFds } = context;
  const inboxes: SharedArrayBuffer[] = [];
  const specs = Array.from({ length: workers }, (_, i): DeviceSpec => {
    if (i === owner) return spec;
    const outbox = Ring.create(REMOTE_RING).memory;
    inboxes.push(outbox);
    return { kind: 'remote', name: spec.name, outbox, ownerWakeFd: wakeFds[owner] };
  });
  return { ...bare, specs, inboxes, owner, memory };
}
