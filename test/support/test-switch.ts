import { expect } from 'vitest';
import { parseConfig } from '../../src/control/config/load.ts';
import type { SwitchModel } from '../../src/control/config/model.ts';
import { type Parts, Transition } from '../../src/control/transition.ts';
import { DROP_REASONS } from '../../src/observe/drop.ts';
import { Column, Ledger } from '../../src/observe/ledger.ts';
import type { Datapath } from '../../src/openflow/datapath/datapath.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import type { RulesImage } from '../../src/path/rules/log.ts';
import type { MemoryEnd } from '../../src/port/memory-port.ts';
import type { SlowEvent } from '../../src/slow/events.ts';
import { SlowPath } from '../../src/slow/slow-path.ts';
import { Epochs } from '../../src/table/epoch.ts';
import { SharedBuckets } from '../../src/table/shared-buckets.ts';
import { Numbers } from '../../src/tenant/numbers.ts';
import { Policers } from '../../src/tenant/policers.ts';
import type { Tenant } from '../../src/tenant/tenant.ts';
import { Engine } from '../../src/worker/engine.ts';
import { InProcessWorkers, MemoryDevices } from './in-process.ts';

export interface TestSwitchOptions {
  /** The rule tables of each tenant begin empty; without it they begin as the configuration says. */
  readonly rules?: boolean;
  readonly heads?: number;
  readonly bodies?: number;
  readonly workers?: 1;
  /** Offloads of memory ports by name. */
  readonly offloads?: Readonly<Record<string, number>>;
}

/**
 * A whole switch in one thread, all of whose devices are memory ports whatever the configuration calls them, and whose time stands
 * still until a test moves it: engine, tenants and slow path as the real one has them.
 */
export class TestSwitch {
  readonly engine: Engine;
  readonly devices: MemoryDevices;
  readonly buckets: SharedBuckets;
  readonly epochs = Epochs.create(1);
  readonly events: SlowEvent[] = [];
  readonly slowPath = new SlowPath();
  readonly linkUp = new Int32Array(new SharedArrayBuffer(4 * 256));
  readonly uplinks: Ledger;
  nowUs = 1_000_000;
  readonly #parts: Parts;
  #model: SwitchModel;

  /** @param yaml configuration; its ports may be `{memory: true, …}` */
  static async of(yaml: string, options: TestSwitchOptions = {}): Promise<TestSwitch> {
    const model = modelOf(yaml);
    const made = new TestSwitch(model, options);
    await made.change(model);
    for (const end of made.devices.ends.values()) while (end.receive() !== null);
    return made;
  }

  private constructor(model: SwitchModel, options: TestSwitchOptions) {
    this.#model = { ...model, tenants: [], uplinks: [] };
    this.uplinks = new Ledger(16);
    this.buckets = SharedBuckets.create(1024);
    this.engine = new Engine({
      worker: 0,
      heads: options.heads ?? 1024,
      bodies: options.bodies ?? 64,
      tenants: 16,
      devices: 256,
      buckets: this.buckets,
      epochs: this.epochs,
      linkUp: this.linkUp.fill(1),
      uplinks: this.uplinks,
      clock: (into) => {
        into[0] = this.nowUs;
      },
      ring: () => {},
    });
    const workers = new InProcessWorkers(
      this.engine,
      (name) => options.offloads?.[name] ?? 0,
      () => this.nowUs,
      () => this.run(),
    );
    const emptied = new Set<Datapath>();
    this.devices = new MemoryDevices(workers);
    this.#parts = {
      workers,
      devices: this.devices,
      slowPath: this.slowPath,
      policers: new Policers(this.buckets, () => this.nowUs),
      epochs: this.epochs,
      onSlow: (_, event) => this.events.push(event),
      tenants: new Map(),
      tenantNumbers: new Numbers(16),
      uplinkRows: new Numbers(16),
      assigned: new Map(),
      limits: { heads: Number.POSITIVE_INFINITY, devices: 256 },
      nowMs: () => this.nowUs / 1000,
      onTrouble: (message) => {
        throw new Error(message);
      },
      openDatapath: async ({ datapath }) => {
        if (options.rules === true && !emptied.has(datapath)) datapath.flowMod(parseFlow('', 'delete'), 'cli');
        emptied.add(datapath);
      },
      shutDatapath: async () => {},
    };
    this.#parts.tenantNumbers.take('');
  }

  get model(): SwitchModel {
    return this.#model;
  }

  /** In the order of the model. */
  get tenants(): readonly Tenant[] {
    return this.#model.tenants.flatMap(({ name }) => this.#parts.tenants.get(name) ?? []);
  }

  /** Makes the switch another, as a configuration that is applied does. @throws what went wrong; nothing has changed then */
  async change(to: SwitchModel | string): Promise<void> {
    const model = typeof to === 'string' ? modelOf(to) : to;
    await new Transition(this.#parts, this.#model, model).run(() => {
      this.#model = model;
    });
    this.run();
  }

  /** What workers share of a tenant's rule tables. */
  rulesOf(name: string): RulesImage {
    return this.engine.tenants.paths[this.tenant(name).image.index]!.image.rules!;
  }

  /** The OpenFlow datapath of a tenant. Its ports have the numbers 1, 2, … in the order of the configuration. */
  datapath(name: string): Datapath {
    return this.tenant(name).datapath;
  }

  tenant(name: string): Tenant {
    return this.tenants.find(({ model }) => model.name === name)!;
  }

  /** The far end of a port, `red/web1`, or of an uplink, by its name. */
  end(name: string): MemoryEnd {
    const { ends } = this.devices;
    const end = ends.get(name);
    if (end === undefined) throw new Error(`no port ${name}: there are ${[...ends.keys()].join(', ')}`);
    return end;
  }

  /** Sends a frame into a port and lets the switch come to rest. */
  send(name: string, ...frames: Uint8Array[]): void {
    for (const frame of frames) if (!this.end(name).send(frame)) throw new Error(`${name} is full`);
    this.run();
  }

  /** All frames that have left by a port since the last call. */
  received(name: string): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let frame = this.end(name).receive(); frame !== null; frame = this.end(name).receive()) frames.push(frame);
    return frames;
  }

  /** Names of all ports that a frame has left by, with the frames; empties them. */
  everything(): Map<string, Uint8Array[]> {
    const all = new Map<string, Uint8Array[]>();
    for (const name of this.devices.ends.keys()) {
      const frames = this.received(name);
      if (frames.length > 0) all.set(name, frames);
    }
    return all;
  }

  /** Turns everything until nothing moves. */
  run(): void {
    for (let round = 0; round < 1000; round++) {
      const handled = this.engine.turn(false);
      this.slowPath.turn(this.nowUs / 1000);
      const waiting = this.tenants.some(({ injects, punts }) => !injects[0].empty || !punts[0].empty);
      if (handled === 0 && !waiting) return;
    }
    throw new Error('the switch does not come to rest');
  }

  /** Lets time pass in steps of 100 ms. */
  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed += 100) {
      this.nowUs += Math.min(100, ms - passed) * 1000;
      this.run();
    }
    for (const tenant of this.tenants) {
      tenant.keepHouse((this.nowUs / 1000) | 0);
      tenant.retire();
    }
  }

  /** Drops of a tenant, by reason; of one port only if it is named. */
  drops(tenant: string, port?: string): Record<string, number> {
    const one = this.tenant(tenant);
    const { ledgers, rows } = one;
    const found: Record<string, number> = {};
    for (const row of rows) {
      if (port !== undefined && one.rowName(row) !== port) continue;
      DROP_REASONS.forEach(({ name }, reason) => {
        const frames = ledgers[0].get(row, Column.Drops + reason);
        if (frames > 0) found[name] = (found[name] ?? 0) + frames;
      });
    }
    return found;
  }

  /** Holds the books against invariants 1 and 2 of the design: every frame accounted for, every slot free or referenced. */
  expectBooksToBalance(): void {
    for (const { ledgers, rows, model } of this.tenants) {
      for (const row of rows) expect(ledgers[0].imbalance(row), `${model.name}, row ${row}`).toBe(0);
    }
    for (let row = 0; row < this.uplinks.rows; row++) expect(this.uplinks.imbalance(row), `uplink ${row}`).toBe(0);
    const { heads, bodies, freeHeads, freeBodies, usedHeads, usedBodies } = this.engine.pool.audit();
    expect(freeHeads + usedHeads).toBe(heads);
    expect(freeBodies + usedBodies).toBe(bodies);
    let held = 0;
    for (const { ledgers, rows } of this.tenants) for (const row of rows) held += ledgers[0].get(row, Column.Held);
    expect(usedHeads, 'slots in use and frames held').toBe(held);
  }
}

/** @throws Error with what is wrong */
export function modelOf(yaml: string): SwitchModel {
  const parsed = parseConfig(yaml, '/test.yaml');
  if ('diagnostics' in parsed) throw new Error(JSON.stringify(parsed.diagnostics, null, 1));
  return parsed.model;
}
