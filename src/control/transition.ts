import { isDeepStrictEqual } from 'node:util';
import { failpoint } from '../../native-free/failpoint.ts';
import { UserError } from '../errors.ts';
import type { SlowEvent } from '../slow/events.ts';
import type { SlowPath } from '../slow/slow-path.ts';
import type { SlowTenant } from '../slow/tenant.ts';
import type { Epochs } from '../table/epoch.ts';
import type { Attachment } from '../tenant/compile-bridge.ts';
import type { DatapathClock } from '../tenant/datapath.ts';
import type { Numbers } from '../tenant/numbers.ts';
import type { Policers } from '../tenant/policers.ts';
import { Tenant } from '../tenant/tenant.ts';
import { parseMac } from '../wire/ethernet.ts';
import { headsFor } from '../worker/tenant-set.ts';
import type { PortModel, SwitchModel, TenantModel } from './config/model.ts';
import { loadRoutesFile, type RoutesFile } from './config/routes-file.ts';
import { DeviceChange } from './device-change.ts';
import type { DeviceStore, DeviceWish } from './devices.ts';
import type { WorkerGroup } from './workers.ts';

/** Whose frames a device carries, or an outer VLAN of it does. */
export interface Assignment {
  readonly index: number;
  readonly vid: number;
  readonly tenant: number;
  readonly row: number;
}

/** The parts of a running switch that a transition changes. */
export interface Parts {
  readonly workers: WorkerGroup;
  readonly devices: DeviceStore;
  readonly slowPath: SlowPath;
  readonly policers: Policers;
  readonly epochs: Epochs;
  /** What happens on the slow path. */
  readonly onSlow: (tenant: string, event: SlowEvent) => void;
  readonly tenants: Map<string, Tenant>;
  readonly tenantNumbers: Numbers;
  readonly uplinkRows: Numbers;
  /** What workers have been told, by device and VLAN. */
  readonly assigned: Map<string, Assignment>;
  readonly limits: { readonly heads: number; readonly devices: number };
  readonly nowMs: () => number;
  /** Something could not be done that had been checked. */
  readonly onTrouble: (message: string) => void;
  /** Lets workers have all that they must know of a tenant's datapath, and who may connect to it be as its model says. */
  readonly openDatapath: (tenant: Tenant) => Promise<void>;
  /** Ends what is open for a tenant's datapath. */
  readonly shutDatapath: (tenant: Tenant) => Promise<void>;
}

/**
 * One change of a switch from a model to another. What can fail comes first: limits, files of routes, devices; what was opened is
 * closed again when something does, and nothing else has been touched. Then tenants change one after the other: no worker reads
 * a port that goes, all have the new image, shared tables follow, and what is no longer needed is given back.
 */
export class Transition {
  readonly #parts: Parts;
  readonly #from: SwitchModel;
  readonly #to: SwitchModel;

  constructor(parts: Parts, from: SwitchModel, to: SwitchModel) {
    this.#parts = parts;
    this.#from = from;
    this.#to = to;
  }

  /** @param committed called when nothing can fail any more @throws UserError, LinuxError; nothing has changed then */
  async run(committed: () => void): Promise<void> {
    this.#checkLimits();
    const files = await this.#readFiles();
    const { uplinkRows, tenantNumbers } = this.#parts;
    const before = new Set(this.#from.uplinks.map(({ name }) => name));
    const fresh = this.#to.uplinks.map(({ name }) => name).filter((name) => !before.has(name));
    for (const name of fresh) uplinkRows.take(name);
    const devices = new DeviceChange(this.#parts.devices, this.#wishes(), (index) => this.#reassign(index));
    try {
      await devices.open();
    } catch (error) {
      for (const name of fresh) {
        const row = uplinkRows.of(name);
        uplinkRows.leave(name);
        uplinkRows.free(row);
      }
      throw error;
    }
    for (const { name } of this.#to.tenants) tenantNumbers.take(name);
    const gone = this.#from.tenants.filter(({ name }) => this.#toTenant(name) === undefined);
    const assignments = this.#assignmentsOfPorts();
    committed();
    failpoint('committed');
    for (const { name } of gone) this.#parts.slowPath.removeTenant(name);
    await this.#unassign(assignments, devices.opened);
    for (const model of this.#to.tenants) await this.#tenant(model, files.get(model.name) ?? null);
    failpoint('tenants');
    await this.#assign(devices.opened);
    failpoint('assigned');
    await devices.finish();
    for (const { name } of gone) await this.#remove(name);
    for (const row of uplinkRows.keep(this.#to.uplinks.map(({ name }) => name))) uplinkRows.free(row);
    this.#parts.devices.lookAtLinks();
  }

  #toTenant(name: string): TenantModel | undefined {
    return this.#to.tenants.find((tenant) => tenant.name === name);
  }

  #checkLimits(): void {
    const { limits, tenantNumbers, tenants, policers } = this.#parts;
    const { workers, metrics } = this.#from;
    if (this.#to.workers !== workers || !isDeepStrictEqual(this.#to.metrics, metrics)) {
      const what = this.#to.workers === workers ? 'metrics' : 'workers';
      throw new UserError(
        'needs-restart',
        `'${what}' cannot change while the switch runs`,
        'leave it, or stop and start',
      );
    }
    for (const { name, servers } of this.#to.tenants) {
      const before = this.#from.tenants.find((tenant) => tenant.name === name);
      if (before === undefined || isDeepStrictEqual(before.servers, servers)) continue;
      throw new UserError(
        'needs-restart',
        `servers of '${name}' cannot change while they run`,
        'leave them, or stop and start',
      );
    }
    const heads = this.#to.tenants.reduce((sum, { quota }) => sum + headsFor(quota.frames), 0);
    if (heads > limits.heads) {
      const most = limits.heads / 2;
      const message = `quotas of frames come to ${heads / 2}; the memory of this switch is made for ${most}`;
      throw new UserError('needs-restart', message, 'lower quota.frames of tenants, or stop and start');
    }
    const added = this.#to.tenants.filter(({ name }) => tenantNumbers.of(name) < 0).length;
    if (added > tenantNumbers.room) throw new UserError('needs-restart', 'there are too many tenants', 'remove some');
    for (const { name, bridge } of this.#to.tenants) {
      const ports = tenants.get(name)?.ports;
      const fresh = bridge.ports.filter((port) => (ports?.of(port.name) ?? -1) < 0).length;
      if (ports !== undefined && fresh > ports.room)
        throw new UserError('needs-restart', `tenant '${name}' has too many ports`, 'remove some, or wait a second');
    }
    if (this.#wishes().length > limits.devices)
      throw new UserError('needs-restart', `there are more than ${limits.devices} devices`, 'remove some ports');
    const rates = this.#to.tenants.flatMap(({ quota, bridge }) => [
      ...[quota.pps, quota.rate],
      ...bridge.ports.flatMap(({ pps, rate, storm }) => [pps, rate, storm]),
    ]);
    // Rates that stay have their policers already; that is not counted.
    if (rates.filter((rate) => rate !== null).length > policers.free + policers.used)
      throw new UserError('needs-restart', 'there are too many rates', 'remove some of pps, rate and storm_control');
  }

  /** The routes files of all tenants that have one, read, and held against their tenants. */
  async #readFiles(): Promise<ReadonlyMap<string, RoutesFile>> {
    const files = new Map<string, RoutesFile>();
    for (const model of this.#to.tenants) {
      const file = await loadRoutesFile(model, this.#parts.tenants.get(model.name)?.file ?? null);
      if (file !== null) files.set(model.name, file);
    }
    return files;
  }

  #wishes(): DeviceWish[] {
    const { uplinkRows } = this.#parts;
    const uplinks = this.#to.uplinks.map(({ name, device, mtu, ethertype }) => ({
      key: name,
      name,
      device,
      mtu,
      mac: null,
      shared: { row: uplinkRows.of(name), tpid: ethertype },
    }));
    const ports = this.#to.tenants.flatMap(({ name: tenant, bridge }) =>
      bridge.ports.flatMap((port) =>
        port.kind === 'uplink'
          ? []
          : [
              {
                key: `${tenant}/${port.name}`,
                name: port.name,
                device: deviceOf(port),
                mtu: port.mtu,
                mac: port.mac,
                shared: null,
              },
            ],
      ),
    );
    return [...uplinks, ...ports];
  }

  /** What carries a port; its device is open by now. */
  #attachment(tenant: string, port: PortModel): Attachment {
    const key = port.kind === 'uplink' ? port.uplink : `${tenant}/${port.name}`;
    const device = this.#parts.devices.find(key)?.index;
    if (device === undefined) throw new Error(`no device ${key}`);
    if (port.kind !== 'uplink') return { device, outerVlan: 0, outerTpid: 0 };
    const uplink = this.#to.uplinks.find(({ name }) => name === port.uplink);
    return { device, outerVlan: port.outerVlan, outerTpid: uplink?.ethertype ?? 0 };
  }

  /** Devices and VLANs that belong to a port of the new model, by whom. */
  #assignmentsOfPorts(): Map<string, string> {
    return new Map(
      this.#to.tenants.flatMap(({ name, bridge }) =>
        bridge.ports.map((port) => {
          const { device, outerVlan } = this.#attachment(name, port);
          return [`${device} ${outerVlan}`, `${name}/${port.name}`] as const;
        }),
      ),
    );
  }

  /** From now on no worker reads what goes to nobody, or to somebody else. */
  async #unassign(wanted: ReadonlyMap<string, string>, opened: ReadonlySet<number>): Promise<void> {
    const { assigned, workers, tenants } = this.#parts;
    const owners = new Map([...tenants].map(([name, { index }]) => [index, name]));
    for (const [key, { index, vid, tenant, row }] of [...assigned]) {
      const name = owners.get(tenant) ?? '';
      const is = `${name}/${tenants.get(name)?.ports.at(row) ?? ''}`;
      if (wanted.get(key) === is && !opened.has(index)) continue;
      assigned.delete(key);
      if (!opened.has(index)) await workers.tell({ type: 'assign', index, vid, tenant: 0, row: 0 });
    }
  }

  async #assign(opened: ReadonlySet<number>): Promise<void> {
    const { assigned, workers, tenants } = this.#parts;
    for (const { name, bridge } of this.#to.tenants) {
      const tenant = tenants.get(name);
      if (tenant === undefined) throw new Error(`no tenant ${name}`);
      for (const port of bridge.ports) {
        const { device: index, outerVlan: vid } = this.#attachment(name, port);
        const key = `${index} ${vid}`;
        if (assigned.has(key) && !opened.has(index)) continue;
        const assignment = { index, vid, tenant: tenant.index, row: tenant.ports.of(port.name) };
        assigned.set(key, assignment);
        await workers.tell({ type: 'assign', ...assignment });
      }
    }
  }

  /** A device had to be opened once more, as it was. */
  async #reassign(device: number): Promise<void> {
    for (const assignment of this.#parts.assigned.values())
      if (assignment.index === device) await this.#parts.workers.tell({ type: 'assign', ...assignment });
  }

  async #tenant(model: TenantModel, file: RoutesFile | null): Promise<void> {
    const { tenants, tenantNumbers, workers, policers, epochs, slowPath, nowMs, openDatapath } = this.#parts;
    const attachments = model.bridge.ports.map((port) => this.#attachment(model.name, port));
    const state = { model, attachments, indexOf: (name: string) => tenantNumbers.of(name) };
    const known = tenants.get(model.name);
    if (known === undefined) {
      const index = tenantNumbers.of(model.name);
      const made = new Tenant(
        { ...state, index, workers: workers.count, policers, epochs, clock: this.#clock() },
        file,
      );
      tenants.set(model.name, made);
      await workers.tell({ type: 'set-tenant', image: made.image });
      await openDatapath(made);
      slowPath.addTenant(this.#slow(made), nowMs());
      return;
    }
    if (known.file === file && isDeepStrictEqual(known.model, model) && this.#isSame(known, model, attachments)) return;
    const change = known.change(state, file, nowMs());
    this.#forgetStations(known, change.portsLeft);
    slowPath.changeTenant(this.#slow(known), nowMs());
    if (change.image !== null) await workers.tell({ type: 'set-tenant', image: change.image });
    const other = await change.settle();
    for (const fault of change.faults) this.#parts.onTrouble(`rules of ${model.name}: ${fault}`);
    if (other !== null) await workers.tell({ type: 'set-tenant', image: other });
    await openDatapath(known);
  }

  /** Whether the same devices, tenants and tags stand behind the same names. */
  #isSame(tenant: Tenant, model: TenantModel, attachments: readonly Attachment[]): boolean {
    const ports = model.bridge.ports.every(({ name }, i) => isDeepStrictEqual(tenant.attachment(name), attachments[i]));
    const imports = model.share.imports.every(({ tenant: name }) =>
      this.#from.tenants.some((one) => one.name === name),
    );
    return ports && imports;
  }

  /** Neighbours behind ports that go are asked for anew when they are needed. */
  #forgetStations({ macs, model }: Tenant, ports: readonly number[]): void {
    if (ports.length === 0) return;
    for (const { mac, vlan, port } of macs.entries(this.#parts.nowMs() | 0)) {
      if (ports.includes(port)) this.#parts.slowPath.forgetStation(model.name, vlan, parseMac(mac));
    }
  }

  #slow(tenant: Tenant): SlowTenant {
    const { workers, onSlow } = this.#parts;
    const { name } = tenant.model;
    return tenant.slow(
      (worker) => workers.all[worker].wake(),
      (event) => onSlow(name, event),
    );
  }

  #clock(): DatapathClock {
    const { workers, nowMs } = this.#parts;
    return { nowMs, wake: (worker) => workers.all[worker].wake() };
  }

  /** Its devices are closed by now. */
  async #remove(name: string): Promise<void> {
    const { tenants, tenantNumbers, workers } = this.#parts;
    const tenant = tenants.get(name);
    if (tenant === undefined) return;
    await this.#parts.shutDatapath(tenant);
    tenants.delete(name);
    await workers.tell({ type: 'remove-tenant', index: tenant.index });
    tenant.close();
    tenantNumbers.leave(name);
    tenantNumbers.free(tenant.index);
  }
}

/** The device of a port, without what is said of the port. */
function deviceOf(port: Exclude<PortModel, { kind: 'uplink' }>): DeviceWish['device'] {
  const { impair } = port;
  switch (port.kind) {
    case 'tap': {
      const { kind, device, netns, addresses, gateways, offloads, persistent } = port;
      return { kind, device, netns, addresses, gateways, offloads, persistent, impair };
    }
    case 'netdev':
      return { kind: port.kind, device: port.device, force: port.force, impair };
    case 'qemu':
      return { kind: port.kind, path: port.path, listen: port.listen, impair };
    case 'pcap':
      return { kind: port.kind, read: port.read, write: port.write, pace: port.pace, loops: port.loops, impair };
    case 'cap':
      return { kind: port.kind, device: port.device, impair };
    case 'memory':
      return { kind: port.kind, impair };
  }
}
