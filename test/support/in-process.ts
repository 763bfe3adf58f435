import type { DeviceEntry, DeviceStore, DeviceWish } from '../../src/control/devices.ts';
import type { WorkerGroup } from '../../src/control/workers.ts';
import { ImpairPort } from '../../src/port/impair-port.ts';
import { MemoryEnd, MemoryPort } from '../../src/port/memory-port.ts';
import type { Engine } from '../../src/worker/engine.ts';
import type { DeviceSpec, ToWorker } from '../../src/worker/messages.ts';
import { Orders } from '../../src/worker/orders.ts';

/** One worker without a thread: what it is told it does at once, between two turns. */
export class InProcessWorkers implements WorkerGroup {
  readonly count = 1;
  readonly all = [{ wake: () => {} }];
  readonly #orders: Orders;
  readonly #turn: () => void;
  /** Makes another message of one. */
  change: (message: ToWorker) => ToWorker = (message) => message;
  /** Called after each message: what traffic does to a switch that is half changed. */
  between: (message: ToWorker) => void = () => {};

  /** @param offloads of memory ports by name @param clock microseconds @param turn lets the switch come to rest */
  constructor(engine: Engine, offloads: (name: string) => number, clock: () => number, turn: () => void) {
    this.#turn = turn;
    this.#orders = new Orders({
      engine,
      makePort: (spec: DeviceSpec) => {
        if (spec.kind !== 'memory') throw new Error(`no ${spec.kind} here`);
        return new MemoryPort(spec.name, spec.handles, engine.pool, engine.tenants, offloads(spec.name));
      },
      impair: (port, { impairment, mtu }) => new ImpairPort(port, impairment, mtu, engine.pool, engine.tenants, clock),
      makeInbox: () => {
        throw new Error('there is one worker');
      },
    });
  }

  /** Messages carry structured clones, as to a thread. */
  async tell(message: ToWorker): Promise<void> {
    let done = this.#orders.carryOut(this.change(message), 1);
    while (!done) {
      this.#turn();
      this.#orders.left(() => {
        done = true;
      });
    }
    this.between(message);
  }
}

/** Memory ports in the place of all devices; one whose name is in `broken` cannot be opened. */
export class MemoryDevices implements DeviceStore {
  readonly ends = new Map<string, MemoryEnd>();
  readonly broken = new Set<string>();
  readonly #workers: InProcessWorkers;
  readonly #entries: (DeviceEntry | undefined)[] = [];

  constructor(workers: InProcessWorkers) {
    this.#workers = workers;
  }

  /** Called after each message to the workers. */
  set between(work: (message: ToWorker) => void) {
    this.#workers.between = work;
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

  async open(wish: DeviceWish, at?: number): Promise<DeviceEntry> {
    if (this.broken.has(wish.key)) throw new Error(`${wish.key} cannot be opened`);
    const free = this.#entries.indexOf(undefined);
    const index = at ?? (free < 0 ? this.#entries.length : free);
    // Who holds the other end of a port goes on holding it when the port is opened anew.
    const end = this.ends.get(wish.key) ?? MemoryEnd.create(1 << 20);
    const spec = { kind: 'memory', name: wish.name, handles: end.handles(), offloads: 0 } as const;
    const entry = {
      index,
      wish,
      open: {
        link: null,
        specs: [spec],
        inboxes: [],
        owner: 0,
        memory: end,
        netns: null,
        impaired: null,
        linkChanged: () => {},
        followMtu: () => {},
        adjust: () => {},
        undo: () => {},
        close: () => {},
      },
    };
    const { impair } = wish.device;
    const impaired = impair === null ? null : { impairment: impair, mtu: wish.mtu };
    await this.#workers.tell({ type: 'add-device', index, spec, shared: wish.shared, impaired, inboxes: [] });
    this.#entries[index] = entry;
    this.ends.set(wish.key, end);
    return entry;
  }

  async close({ index, wish }: DeviceEntry): Promise<void> {
    await this.#workers.tell({ type: 'remove-device', index });
    this.#entries[index] = undefined;
    if (this.find(wish.key) === undefined) this.ends.delete(wish.key);
  }

  adjust({ index, open, wish: before }: DeviceEntry, wish: DeviceWish): () => void {
    this.#entries[index] = { index, open, wish };
    return () => {
      this.#entries[index] = { index, open, wish: before };
    };
  }

  lookAtLinks(): void {}
}
