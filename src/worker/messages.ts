import type { MessagePort } from 'node:worker_threads';
import type { TenantImage } from '../path/image.ts';
import type { CaptureOrder } from '../path/tap/capture-tap.ts';
import type { LiveOrder } from '../path/tap/live-tap.ts';
import type { CapHandles } from '../port/cap-port.ts';
import type { Impairment } from '../port/impair-port.ts';
import type { RingRemains } from '../port/io.ts';
import type { MemoryHandles } from '../port/memory-port.ts';
import type { QemuEndpoint } from '../port/qemu-link.ts';
import type { QemuNews } from '../port/qemu-port.ts';
import type { ReplayHandles } from '../port/replay-port.ts';
import type { EpochsHandles } from '../table/epoch.ts';
import type { SharedBucketsHandles } from '../table/shared-buckets.ts';

/** Words of the control block that the main thread and one worker share. */
export const Control = {
  /** Main thread: number of the last message sent; the worker looks for messages when it differs from `Done`. */
  Sent: 0,
  /** Worker: number of the last message that it has carried out. */
  Done: 1,
  /** Main thread: 1 asks the worker to end. */
  Stop: 2,
  /** Worker: 1 while it runs, 2 when it has ended in good order. */
  State: 3,
  /** Worker: turns made and turns without a frame, wrapped. */
  Turns: 4,
  IdleTurns: 5,
  /** Worker: system calls made for TAPs, as `IoStat.Enters` counts them, wrapped. */
  Enters: 6,
  /** The bell that the worker rings when punt rings hold something: `BELL_WORDS`. */
  Bell: 8,
  WORDS: 16,
} as const;

export interface WorkerSettings {
  readonly worker: number;
  readonly workers: number;
  readonly heads: number;
  readonly bodies: number;
  readonly tenants: number;
  readonly devices: number;
  readonly control: SharedArrayBuffer;
  readonly buckets: SharedBucketsHandles;
  readonly epochs: EpochsHandles;
  readonly linkUp: SharedArrayBuffer;
  /** Books of the shared uplinks for this worker. */
  readonly uplinks: SharedArrayBuffer;
  readonly uplinkRows: number;
  /** The worker's eventfd: a write ends its wait. */
  readonly wakeFd: number;
  /** Origin of the common clock: seconds since the machine has started. */
  readonly origin: number;
  /** Wanted by TAPYARD_IO. */
  readonly io: string | null;
  readonly channel: MessagePort;
}

/** What carries frames in a worker. Descriptors belong to the main thread, which closes them when the device is gone everywhere. */
export type DeviceSpec =
  | { readonly kind: 'tap' | 'netdev'; readonly name: string; readonly fd: number; readonly offloads: number }
  | { readonly kind: 'memory'; readonly name: string; readonly handles: MemoryHandles; readonly offloads: number }
  /** In the place of a memory port, for benchmarks. */
  | { readonly kind: 'replay'; readonly name: string; readonly handles: ReplayHandles }
  | {
      readonly kind: 'pcap';
      readonly name: string;
      readonly read: string | null;
      readonly write: string | null;
      readonly pace: 'recorded' | 'speed';
      readonly loops: number | null;
      readonly append?: boolean | undefined;
    }
  | { readonly kind: 'qemu'; readonly name: string; readonly endpoint: QemuEndpoint }
  /** libpcap is on the main thread. */
  | { readonly kind: 'cap'; readonly name: string; readonly handles: CapHandles }
  /** Owned by another worker: frames out go through a ring. */
  | {
      readonly kind: 'remote';
      readonly name: string;
      readonly outbox: SharedArrayBuffer;
      readonly ownerWakeFd: number;
    };

/** What the owner of a device does to frames that leave by it. */
export interface Impaired {
  readonly impairment: Impairment;
  readonly mtu: number;
}

export type ToWorker =
  | {
      readonly type: 'add-device';
      readonly index: number;
      readonly spec: DeviceSpec;
      readonly shared: { readonly row: number; readonly tpid: number } | null;
      /** Not null for the owner of a device whose line is bad; the MTU bounds what may wait in it. */
      readonly impaired: Impaired | null;
      /** Rings from the other workers to a device that this worker owns. */
      readonly inboxes: readonly SharedArrayBuffer[];
    }
  | { readonly type: 'remove-device'; readonly index: number }
  | {
      readonly type: 'assign';
      readonly index: number;
      readonly vid: number;
      readonly tenant: number;
      readonly row: number;
    }
  | { readonly type: 'set-tenant'; readonly image: TenantImage }
  | { readonly type: 'remove-tenant'; readonly index: number }
  /** Whether flow caches may be used; without them the stages decide every frame. */
  | { readonly type: 'cache'; readonly on: boolean }
  /** Frames of a tenant are copied into a ring from now on, or single ones are told of; and no more. */
  | { readonly type: 'capture'; readonly tenant: number; readonly order: CaptureOrder }
  | { readonly type: 'trace'; readonly tenant: number; readonly order: LiveOrder }
  /** What the stages of a tenant take is measured into this memory; null: no more. */
  | { readonly type: 'time'; readonly tenant: number; readonly memory: SharedArrayBuffer | null }
  | { readonly type: 'release'; readonly tenant: number; readonly id: number }
  | { readonly type: 'audit' }
  /** For tests: the worker dies. */
  | { readonly type: 'fail'; readonly how: 'throw' | 'exit' | 'memory' | 'spin' };

/** One message with its number; numbers count up without gap. */
export interface Envelope {
  readonly number: number;
  readonly message: ToWorker;
}

export interface PoolAudit {
  readonly heads: number;
  readonly bodies: number;
  readonly freeHeads: number;
  readonly freeBodies: number;
  readonly usedHeads: number;
  readonly usedBodies: number;
}

export type FromWorker =
  | {
      readonly type: 'ready';
      readonly io: 'uring' | 'poll';
      readonly fallback: string | null;
      readonly ring: RingRemains | null;
    }
  | { readonly type: 'done'; readonly number: number; readonly error: string | null; readonly audit: PoolAudit | null }
  /** The peer of a device has come, by that descriptor, or gone; the worker has written the device's word of `linkUp` already. */
  | { readonly type: 'peer'; readonly index: number; readonly news: QemuNews; readonly fd: number }
  | { readonly type: 'failed'; readonly error: string };
