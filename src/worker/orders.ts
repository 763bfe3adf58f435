import type { Port } from '../port/port.ts';
import type { RemoteInbox } from '../port/remote-port.ts';
import type { Engine } from './engine.ts';
import type { DeviceSpec, Impaired, ToWorker } from './messages.ts';

export interface OrdersOptions {
  readonly engine: Engine;
  readonly makePort: (spec: DeviceSpec, index: number) => Port;
  readonly impair: (port: Port, impaired: Impaired) => Port;
  readonly makeInbox: (memory: SharedArrayBuffer) => RemoteInbox;
}

/**
 * Carries out what the control side asks of a worker. Most is done at once; a device has left when nothing of it is under way, and so
 * has a tenant: then its index may be given to another.
 */
export class Orders {
  readonly #options: OrdersOptions;
  /** Numbers of messages that are not carried out yet, by index of the device or tenant. */
  readonly #devices = new Map<number, number>();
  readonly #tenants = new Map<number, number>();

  constructor(options: OrdersOptions) {
    this.#options = options;
  }

  /** Whether something is under way. */
  get waiting(): boolean {
    return this.#devices.size + this.#tenants.size > 0;
  }

  /** @returns whether the message is carried out already; else `left` tells later */
  carryOut(message: ToWorker, number: number): boolean {
    const { engine } = this.#options;
    switch (message.type) {
      case 'add-device':
        this.#addDevice(message);
        return true;
      case 'remove-device':
        if (!engine.devices.has(message.index)) return true;
        engine.devices.get(message.index).closing = true;
        this.#devices.set(message.index, number);
        return false;
      case 'assign':
        engine.devices.assign(message.index, message.vid, message.tenant, message.row);
        return true;
      case 'set-tenant':
        engine.tenants.set(message.image);
        return true;
      case 'cache':
        engine.tenants.setCache(message.on);
        return true;
      case 'capture':
        engine.tenants.capture(message.tenant, message.order);
        return true;
      case 'trace':
        engine.tenants.trace(message.tenant, message.order);
        return true;
      case 'time':
        engine.tenants.time(message.tenant, message.memory);
        return true;
      case 'release':
        engine.tenants.release(message.tenant, message.id);
        return true;
      case 'remove-tenant':
        engine.tenants.remove(message.index);
        this.#tenants.set(message.index, number);
        return false;
      default:
        return true;
    }
  }

  #addDevice({ index, spec, shared, impaired, inboxes }: Extract<ToWorker, { type: 'add-device' }>): void {
    const { engine, makePort, impair, makeInbox } = this.#options;
    const port = makePort(spec, index);
    engine.devices.add(index, impaired === null ? port : impair(port, impaired), shared);
    for (const inbox of inboxes) engine.devices.get(index).inboxes.push(makeInbox(inbox));
  }

  /** Calls back with the number of each message that has been carried out since. */
  left(done: (number: number) => void): void {
    const { engine } = this.#options;
    for (const [index, number] of this.#devices) {
      if (engine.devices.has(index)) continue;
      this.#devices.delete(index);
      done(number);
    }
    // Frames under way name the tenant by its index.
    for (const [index, number] of this.#tenants) {
      if (engine.pool.held[index] > 0) continue;
      this.#tenants.delete(index);
      done(number);
    }
  }
}
