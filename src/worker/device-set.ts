import type { Pool } from '../frame/pool.ts';
import { TxColumns, TxQueue } from '../frame/tx-queue.ts';
import type { Ledger } from '../observe/ledger.ts';
import type { Devices } from '../path/devices.ts';
import { Uplink } from '../path/uplink.ts';
import type { Port } from '../port/port.ts';
import type { RemoteInbox } from '../port/remote-port.ts';

/** Index of the books that belong to no tenant: those of shared uplinks. */
export const NO_TENANT = 0;
export const QUEUE = 1024;
/** Of devices that are not there: it has no room. */
const NOWHERE = new TxQueue(0);

export interface Device {
  readonly index: number;
  readonly port: Port;
  /** Not null on a device that tenants share. */
  readonly uplink: Uplink | null;
  /** Frames that other workers send by this device, whose owner this worker is. */
  readonly inboxes: RemoteInbox[];
  /** Whether frames come by the system calls that all devices share. */
  readonly byCall: boolean;
  /** Whose frames it carries, and in which row of their books; `NO_TENANT` on an uplink. */
  tenant: number;
  row: number;
  closing: boolean;
}

/** What an uplink needs to be told apart: its row in the uplinks' books, and the TPID of the outer tag. */
export interface Shared {
  readonly row: number;
  readonly tpid: number;
}

/** The devices of one worker: a list to go through, and, by the index that the control side gave, what stages ask of each. */
export class DeviceSet implements Devices {
  count = 0;
  readonly offloads: Int32Array;
  readonly linkUp: Int32Array;
  readonly queues: TxQueue[];
  readonly columns: TxColumns;
  readonly list: Device[] = [];
  readonly #pool: Pool;
  readonly #uplinks: Ledger;

  /** @param most highest number of devices @param linkUp a word a device, shared @param uplinks books of the shared uplinks */
  constructor(pool: Pool, most: number, linkUp: Int32Array, uplinks: Ledger) {
    this.#pool = pool;
    this.#uplinks = uplinks;
    this.offloads = new Int32Array(most);
    this.columns = new TxColumns(most * QUEUE);
    this.queues = new Array<TxQueue>(most).fill(NOWHERE);
    this.linkUp = linkUp;
  }

  /** @param shared null: the device belongs to one tenant */
  add(index: number, port: Port, shared: Shared | null): void {
    if (this.has(index)) throw new Error(`device ${index} is there already`);
    const uplink = shared === null ? null : new Uplink(this.#pool, this.#uplinks, shared.row, shared.tpid);
    this.offloads[index] = port.offloads;
    this.queues[index] = new TxQueue(QUEUE, this.columns, index * QUEUE);
    this.count = Math.max(this.count, index + 1);
    const byCall = port.kind === 'tap' || port.kind === 'netdev';
    this.list.push({ index, port, uplink, inboxes: [], byCall, tenant: NO_TENANT, row: -1, closing: false });
  }

  /** Forgets a closed device; what stages still send by its index finds no room. Its queue is empty by now. */
  drop(device: Device): void {
    this.list.splice(this.list.indexOf(device), 1);
    this.queues[device.index] = NOWHERE;
  }

  /** Says whose frames the device carries: all of them, or those with an outer VID. Tenant 0 takes the device away again. */
  assign(index: number, vid: number, tenant: number, row: number): void {
    const device = this.get(index);
    if (device.uplink !== null) device.uplink.assign(vid, tenant, row);
    else {
      device.tenant = tenant;
      device.row = row;
    }
  }

  get(index: number): Device {
    const device = this.list.find((one) => one.index === index);
    if (device === undefined) throw new Error(`there is no device ${index}`);
    return device;
  }

  has(index: number): boolean {
    return this.list.some((device) => device.index === index);
  }

  /** Milliseconds, at most `mostMs`, until frames are there that nothing will tell of. */
  patience(now: Float64Array, mostMs: number): number {
    const nowUs = now[0];
    let due = nowUs + mostMs * 1000;
    for (let d = 0; d < this.list.length; d++) {
      const { dueUs } = this.list[d].port;
      if (dueUs < due) due = dueUs;
    }
    const wait = Math.floor((due - nowUs) / 1000);
    return wait > 0 ? wait : 0;
  }
}
