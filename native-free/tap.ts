import { Errno, type ErrorCode, LinuxError, linuxError } from './errors.ts';
import { failpoint } from './failpoint.ts';
import * as ffi from './ffi.ts';
import { checkDeviceName, findLink, ip, linkCommands, setIpv6 } from './links.ts';
import { withNetns } from './netns.ts';

/** TAP devices. Source: linux/if_tun.h, Documentation/networking/tuntap.rst. */
const TUN_PATH = '/dev/net/tun';
const O_RDWR_NONBLOCK_CLOEXEC = 0o2 | 0o4000 | 0o2000000;
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;
const TSO = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
/** From all to none; USO came with Linux 6.2, and its two halves only together. */
const OFFLOAD_SETS = [TSO | TUN_F_USO4 | TUN_F_USO6, TSO, TUN_F_CSUM, 0];
/** struct ifreq: name (16 bytes), then flags. */
const IFREQ_SIZE = 40;
const IFNAMSIZ = 16;
/** struct virtio_net_hdr without num_buffers. */
const VNET_HEADER_SIZE = 10;

const OPEN_CODES: Readonly<Record<number, ErrorCode>> = {
  [Errno.ENOENT]: 'E_TUN_MISSING',
  [Errno.ENODEV]: 'E_TUN_MISSING',
  [Errno.ENXIO]: 'E_TUN_MISSING',
  [Errno.EACCES]: 'E_TAP_PERMISSION',
  [Errno.EPERM]: 'E_TAP_PERMISSION',
};
const SETIFF_CODES: Readonly<Record<number, ErrorCode>> = {
  [Errno.EPERM]: 'E_TAP_PERMISSION',
  [Errno.EBUSY]: 'E_DEVICE_BUSY',
  [Errno.EINVAL]: 'E_DEVICE_MODE',
  [Errno.E2BIG]: 'E_DEVICE_MODE',
};

/** What the host may leave to us: partial checksums, and super-frames of TCP and UDP. */
export interface Offloads {
  readonly csum: boolean;
  readonly tso4: boolean;
  readonly tso6: boolean;
  readonly uso: boolean;
}

export interface TapOptions {
  /** The kernel's name, 1 to 15 bytes. A persistent TAP of that name is attached to, else one is created. */
  readonly name: string;
  /** An fd each, for a worker each; default 1. Fixed when the device is created. */
  readonly queues?: number | undefined;
  /** A virtio-net header of 10 bytes before each frame; default true. */
  readonly vnetHeader?: boolean | undefined;
  /** Ask for all that the kernel can; default true, false without a vnet header. */
  readonly offloads?: boolean | undefined;
  /** Keep the device when the last fd is closed; undefined leaves an existing device as it is. */
  readonly persistent?: boolean | undefined;
  /** The namespace that the device (the host's side) lives in from the start; ours when undefined. */
  readonly netns?: string | undefined;
  /** IPv6 of the host's side; default false, so that an idle TAP emits nothing. */
  readonly ipv6?: boolean | undefined;
  readonly mtu?: number | undefined;
  readonly mac?: string | undefined;
  /** Default true. */
  readonly up?: boolean | undefined;
  /** ifalias: says which instance of ours made it. */
  readonly alias?: string | undefined;
}

export interface Tap {
  readonly name: string;
  readonly netns: string | undefined;
  /** One a queue; non-blocking. They stay good wherever the device is moved, and fail with EBADFD when it is deleted. */
  readonly fds: readonly number[];
  readonly vnetHeader: boolean;
  readonly offloads: Offloads;
  /** False when a device of that name was there and has been attached to. */
  readonly created: boolean;
  /** Closes the fds; the device goes with them unless it is persistent. Cancel and reap requests first. Idempotent. */
  close(): void;
}

const request = ffi.sharedBytes(IFREQ_SIZE);
const requestAddress = ffi.pin(request);
const headerSizeAddress = ffi.pin(new Int32Array(new SharedArrayBuffer(4)).fill(VNET_HEADER_SIZE));

function openQueue(name: string, flags: number): number {
  const fd = ffi.open(TUN_PATH, O_RDWR_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw linuxError('open', TUN_PATH, ffi.errno(), OPEN_CODES);
  request.fill(0);
  request.set(Buffer.from(name));
  request[IFNAMSIZ] = flags;
  request[IFNAMSIZ + 1] = flags >> 8;
  const result = ffi.ioctl(fd, TUNSETIFF, requestAddress);
  if (result >= 0) return fd;
  const why = ffi.errno();
  ffi.close(fd);
  throw linuxError('ioctl(TUNSETIFF)', `TAP ${name}`, why, SETIFF_CODES);
}

/** The kernel lets anybody add queues to a TAP that has several: then frames of ours would go to a stranger, or to us his. */
function refuseHeld(name: string, netns: string | undefined): void {
  if ((findLink(name, netns)?.linkinfo?.info_data?.numqueues ?? 0) > 0) {
    throw linuxError('attaching', `TAP ${name}`, Errno.EBUSY);
  }
}

/** A device that is there decides whether it has queues, so for one fd either kind will do. */
function openQueues(name: string, flags: number, queues: number, exists: boolean): number[] {
  const fds: number[] = [];
  let kind = queues > 1 ? flags | IFF_MULTI_QUEUE : flags;
  try {
    for (let i = 0; i < queues; i++) {
      try {
        fds.push(openQueue(name, kind));
      } catch (error) {
        const wrongKind = error instanceof LinuxError && error.code === 'E_DEVICE_MODE';
        if (!wrongKind || !exists || queues > 1 || (kind & IFF_MULTI_QUEUE) !== 0) throw error;
        kind |= IFF_MULTI_QUEUE;
        i--;
      }
    }
  } catch (error) {
    for (const fd of fds) ffi.close(fd);
    throw error;
  }
  return fds;
}

function setOffloads(name: string, fd: number, wanted: boolean): Offloads {
  const sets = wanted ? OFFLOAD_SETS : [0];
  const taken = sets.find((set) => ffi.ioctl(fd, TUNSETOFFLOAD, BigInt(set)) >= 0);
  if (taken === undefined) throw linuxError('ioctl(TUNSETOFFLOAD)', `TAP ${name}`, ffi.errno());
  const has = (bits: number) => (taken & bits) === bits;
  return {
    csum: has(TUN_F_CSUM),
    tso4: has(TUN_F_TSO4),
    tso6: has(TUN_F_TSO6),
    uso: has(TUN_F_USO4 | TUN_F_USO6),
  };
}

function setHeaderSize(name: string, fd: number): void {
  if (ffi.ioctl(fd, TUNSETVNETHDRSZ, headerSizeAddress) < 0) {
    throw linuxError('ioctl(TUNSETVNETHDRSZ)', `TAP ${name}`, ffi.errno());
  }
}

/**
 * Creates a TAP, or attaches to a persistent one, and sets its link up. The device is made inside `netns`, not moved there: it
 * never shows up in ours, so hosts in different namespaces may use the same device name.
 * @throws LinuxError; nothing is left behind then
 */
export function openTap(options: TapOptions): Tap {
  const { name, netns, queues = 1, vnetHeader = true } = options;
  checkDeviceName(name);
  const flags = IFF_TAP | IFF_NO_PI | (vnetHeader ? IFF_VNET_HDR : 0);
  const exists = withNetns(netns, () => ffi.ifNameToIndex(name) !== 0);
  if (exists) refuseHeld(name, netns);
  const fds = withNetns(netns, () => openQueues(name, flags, queues, exists));
  let open = true;
  const close = () => {
    if (open) for (const fd of fds) ffi.close(fd);
    open = false;
  };
  try {
    failpoint('tap');
    if (vnetHeader) setHeaderSize(name, fds[0]);
    const offloads = setOffloads(name, fds[0], vnetHeader && (options.offloads ?? true));
    if (options.persistent !== undefined && ffi.ioctl(fds[0], TUNSETPERSIST, options.persistent ? 1n : 0n) < 0) {
      throw linuxError('ioctl(TUNSETPERSIST)', `TAP ${name}`, ffi.errno());
    }
    const ipv6 = options.ipv6 ?? false;
    setIpv6(name, ipv6, netns);
    const { mac, mtu, alias, up = true } = options;
    ip(netns, [
      ['link', 'set', 'dev', name, 'addrgenmode', ipv6 ? 'eui64' : 'none'],
      ...linkCommands(name, { mac, mtu, alias, up, txqueuelen: 1000 }),
    ]);
    return { name, netns, fds, vnetHeader, offloads, created: !exists, close };
  } catch (error) {
    close();
    throw error;
  }
}
