import { isDeepStrictEqual } from 'node:util';
import { failpoint } from '../../native-free/failpoint.ts';
import { instance } from '../../native-free/last-will.ts';
import { type Link, listLinks } from '../../native-free/links.ts';
import { deleteOwnNetns } from '../../native-free/netns.ts';
import { type LinkState, LinkWatch } from '../../native-free/watch.ts';
import type { ReplayHandles } from '../port/replay-port.ts';
import type { Device } from './config/model.ts';
import type { LinkChange } from './events.ts';
import { type OpenDevice, openDevice } from './open-device.ts';
import type { Workers } from './workers.ts';

/** What a device is to be. */
export interface DeviceWish {
  /** What it is for, and what it is known by: `tenant/port`, or the name of an uplink. */
  readonly key: string;
  /** Name of the port or uplink, for messages. */
  readonly name: string;
  readonly device: Device;
  readonly mtu: number;
  readonly mac: string | null;
  /** On an uplink: its row in the uplinks' books, and the EtherType of the outer tag. */
  readonly shared: { readonly row: number; readonly tpid: number } | null;
}

/** A device that is open, its index in the workers and where its link is watched. */
export interface DeviceEntry {
  readonly index: number;
  readonly wish: DeviceWish;
  readonly open: OpenDevice;
}

/** Devices as those see them who change a switch. */
export interface DeviceStore {
  readonly all: readonly DeviceEntry[];
  get(index: number): DeviceEntry | undefined;
  /** By key. */
  find(key: string): DeviceEntry | undefined;
  /**
   * Opens a device, and makes it known to all workers.
   * @param at an index that is free; the first one if absent
   * @throws UserError, LinuxError; nothing of it is left then
   */
  open(wish: DeviceWish, at?: number): Promise<DeviceEntry>;
  /** Takes a device away from all workers, when what is under way there has ended, and closes it. */
  close(entry: DeviceEntry): Promise<void>;
  /** Takes over what can be changed while the device is open. @returns what undoes that @throws LinuxError */
  adjust(entry: DeviceEntry, wish: DeviceWish): () => void;
  /** Reads the state of all links: when devices have been opened, and when changes may have been missed. */
  lookAtLinks(): void;
}

export interface DevicesOptions {
  readonly workers: Workers;
  /** A word a device: 1 when its link is up. */
  readonly linkUp: Int32Array;
  /** For benchmarks: what stands in the place of a memory port, by key. */
  readonly replay: ReadonlyMap<string, readonly ReplayHandles[]> | undefined;
  /** A link has changed its state. */
  readonly onLink: (device: number, event: LinkChange) => void;
  /** A device has been looked at; undefined: it is not there. */
  readonly onSeen: (netns: string | undefined, link: Link | undefined) => void;
  readonly onTrouble: (message: string) => void;
}

/** The devices of a switch: opened here and made known to all workers; watched; and undone on every way out. */
export class Devices implements DeviceStore {
  readonly #options: DevicesOptions;
  readonly #entries: (DeviceEntry | undefined)[] = [];
  readonly #watch: LinkWatch;
  /** Namespaces that were made for devices. */
  readonly #netns = new Set<string>();

  constructor(options: DevicesOptions) {
    this.#options = options;
    this.#watch = new LinkWatch(
      ({ netns, name, state, mtu }) => this.#link(netns, name, state, mtu),
      () => this.lookAtLinks(),
    );
  }

  get all(): readonly DeviceEntry[] {
    return this.#entries.filter((entry) => entry !== undefined);
  }

  get(index: number): DeviceEntry | undefined {
    return this.#entries[index];
  }

  find(key: string): DeviceEntry | undefined {
    return this.all.find(({ wish }) => wish.key === key);
  }

  /** Indices in use lie below. */
  get size(): number {
    return this.#entries.length;
  }

  isUp(index: number): boolean {
    return this.#options.linkUp[index] === 1;
  }

  async open(wish: DeviceWish, at?: number): Promise<DeviceEntry> {
    const { workers, linkUp, replay } = this.#options;
    const free = this.#entries.indexOf(undefined);
    const index = at ?? (free < 0 ? this.#entries.length : free);
    const { device, mtu, mac, key, shared } = wish;
    const open = openDevice(device, {
      mtu,
      mac,
      replay: replay?.get(key),
      workers: workers.count,
      owner: index % workers.count,
      wakeFds: workers.all.map((worker) => worker.wakeFd),
      wake: (worker) => workers.all[worker]?.wake(),
      internalName: () => `ty${instance}-${index}`,
    });
    const entry = { index, wish, open };
    this.#entries[index] = entry;
    if (open.netns !== null) this.#netns.add(open.netns);
    linkUp[index] = 1;
    try {
      if (open.link?.netns !== undefined) this.#watch.add(open.link.netns);
      const inboxes = (worker: number) => (worker === open.owner ? open.inboxes : []);
      await workers.tellEach((worker) => ({
        type: 'add-device',
        index,
        spec: open.specs[worker],
        shared,
        impaired: worker === open.owner ? open.impaired : null,
        inboxes: inboxes(worker),
      }));
      failpoint('device');
    } catch (error) {
      await this.close(entry);
      throw error;
    }
    return entry;
  }

  async close({ index, open }: DeviceEntry): Promise<void> {
    await this.#options.workers.tell({ type: 'remove-device', index });
    failpoint('device-left');
    open.close();
    this.#entries[index] = undefined;
    const { netns } = open.link ?? {};
    if (netns === undefined || !this.#netns.has(netns)) return;
    if (this.all.some((other) => other.open.link?.netns === netns)) return;
    this.#netns.delete(netns);
    this.#try(() => deleteOwnNetns([netns]));
  }

  adjust(entry: DeviceEntry, wish: DeviceWish): () => void {
    const { index, open, wish: before } = entry;
    const change = (to: DeviceWish, from: DeviceWish) => {
      open.adjust(to, from);
      this.#entries[index] = { index, open, wish: to };
    };
    change(wish, before);
    return () => this.#try(() => change(before, wish));
  }

  lookAtLinks(): void {
    const watched = this.all.flatMap(({ open: { link } }) => (link === null ? [] : [link]));
    for (const netns of new Set(watched.map((link) => link.netns))) {
      this.#try(() => {
        const links = new Map(listLinks(netns).map((link) => [link.ifname, link]));
        for (const { name } of watched.filter((link) => link.netns === netns)) {
          const link = links.get(name);
          this.#options.onSeen(netns, link);
          const up = link?.flags.includes('UP') && link.flags.includes('LOWER_UP');
          this.#link(netns, name, link === undefined ? 'gone' : up ? 'up' : 'down', link?.mtu ?? 0);
        }
      });
    }
  }

  /** What an `exit` hook can do: redirects and namespaces are undone; TAPs go with the process. */
  undo(): void {
    for (const { open } of this.all) open.undo();
    this.#deleteNetns();
  }

  stopWatching(): void {
    this.#watch.close();
  }

  /** When all workers have ended. */
  closeAll(): void {
    for (const { open } of this.all) {
      open.close();
      failpoint('device-closed');
    }
    this.#deleteNetns();
  }

  #deleteNetns(): void {
    this.#try(() => deleteOwnNetns([...this.#netns]));
    this.#netns.clear();
  }

  #link(netns: string | undefined, name: string, state: LinkState, mtu: number): void {
    for (const { index, open } of this.all) {
      if (open.link === null || open.link.name !== name || open.link.netns !== netns) continue;
      const up = state === 'up' ? 1 : 0;
      if (this.#options.linkUp[index] !== up) {
        Atomics.store(this.#options.linkUp, index, up);
        this.#try(() => open.linkChanged(up === 1));
        this.#options.onLink(index, { type: 'link', device: name, netns: netns ?? null, state });
      }
      if (up === 1) this.#try(() => open.followMtu(mtu));
    }
  }

  /** Does what may fail since a device or namespace is no longer there: that must not end the switch. */
  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onTrouble(error instanceof Error ? error.message : String(error));
    }
  }
}

/** What of a device cannot be changed while it is open. */
export function isSameDevice(a: DeviceWish, b: DeviceWish): boolean {
  return isDeepStrictEqual(fixed(a), fixed(b));
}

function fixed({ device, shared, mac, mtu }: DeviceWish): object {
  // What waits in an impaired line is given room by the MTU.
  const longest = device.impair === null ? null : mtu;
  if (device.kind !== 'tap') return { device, shared, longest };
  const { addresses: _, gateways: __, ...rest } = device;
  // The kernel chooses a MAC address where none is asked for.
  return { device: rest, shared, longest, hasMac: mac !== null };
}

/** What in the kernel, or among files, only one device can have. */
export function claimOf({ device }: DeviceWish): string | null {
  switch (device.kind) {
    case 'tap':
      return `link ${device.netns ?? ''} ${device.device}`;
    case 'netdev':
      return `link  ${device.device}`;
    case 'pcap':
      return device.write === null ? null : `file ${device.write}`;
    case 'qemu':
      return device.listen ? `socket ${device.path}` : null;
    default:
      return null;
  }
}
