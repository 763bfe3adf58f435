import { FailMode, FragmentMode, LogRecord, PortConfig, type RulesImage } from '../../path/rules/log.ts';
import { refuse } from '../codec/errors.ts';
import { PortReason, type RemovedReason } from '../codec/messages.ts';
import type { FlowStats, GroupStats, MeterStats, PortDesc, PortStats, TableStats } from '../codec/stats.ts';
import {
  ALL_TABLES,
  FlowFlag,
  type FlowMod,
  type GroupMod,
  Groups,
  type MeterMod,
  Meters,
  type PacketOut,
  type PortMod,
  Ports,
  type TableMod,
} from '../model.ts';
import { checkFreeActions, type Surroundings } from './check.ts';
import { compileActions, type Indices } from './compile.ts';
import { Counters } from './counters.ts';
import { FlowTables, type RuleFilter } from './flow-tables.ts';
import { type Group, GroupTable } from './groups.ts';
import type { IndexPool } from './indices.ts';
import { MeterTable } from './meters.ts';
import type { Owner, Rule } from './rule.ts';
import { RuleLog } from './rule-log.ts';

export const TABLES = 254 + 1;

/** A port as the tenant's bridge has it. */
export interface DatapathPort {
  readonly number: number;
  readonly name: string;
  /** Six bytes. */
  readonly address: Uint8Array;
  /** Row in the tenant's books, and index among its ports. */
  readonly row: number;
  up: boolean;
  /** OFPPC_*. */
  config: number;
  readonly createdMs: number;
}

/** Frames and bytes of a port, from the tenant's books. */
export interface PortCounts {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly rxDropped: number;
}

export interface DatapathHost {
  /** Milliseconds of the workers' clock. */
  readonly nowMs: () => number;
  readonly wake: (worker: number) => void;
  readonly portCounts: (row: number) => PortCounts;
  /** Lets a frame out through the workers. @returns false when there is no room for it */
  readonly inject: (inPort: number, program: readonly number[], frame: Uint8Array) => boolean;
}

/** What a datapath tells whoever listens. */
export interface DatapathEvents {
  removed(event: FlowRemovedEvent): void;
  port(reason: number, port: PortDesc): void;
}

export interface FlowRemovedEvent {
  readonly rule: Rule;
  /** `RemovedReason`. */
  readonly reason: number;
  readonly packets: number;
  readonly bytes: number;
  readonly durationMs: number;
}

interface Limbo {
  readonly clear: () => void;
}

/**
 * A tenant's OpenFlow datapath on the control side: what its rules, groups, meters and ports mean and may be; compiled into the log
 * that every worker carries out. Each change is whole: what is refused has changed nothing.
 * Source: OpenFlow Switch Specification 1.3.5, sections 5 to 7.
 */
export class Datapath {
  readonly id: bigint;
  readonly name: string;
  readonly flows: FlowTables;
  readonly groups: GroupTable;
  readonly meters: MeterTable;
  readonly ports = new Map<number, DatapathPort>();
  readonly log: RuleLog;
  readonly listeners = new Set<DatapathEvents>();
  /** OFPC_FRAG_* and bytes of a frame that go to a controller. */
  config = { flags: 0, missSendLength: 128 };
  readonly #counters: Counters;
  readonly #host: DatapathHost;
  readonly #around: Surroundings;
  readonly #indices: Indices;
  readonly #tableConfig = new Uint32Array(TABLES);
  #limbo: Limbo[] = [];
  #reclaiming = false;
  #standalone = false;

  constructor(id: bigint, name: string, image: RulesImage, host: DatapathHost, mostRules: number) {
    this.id = id;
    this.name = name;
    this.#host = host;
    this.#counters = new Counters(image);
    this.log = new RuleLog(image, host.wake);
    const retire = (
      kind: 'groups' | 'buckets' | 'meters' | 'bands',
      indices: readonly number[],
      pool: IndexPool,
    ): void => {
      this.#later(() => {
        for (const index of indices) {
          this.#counters.clear(kind, index);
          pool.give(index);
        }
      });
    };
    this.groups = new GroupTable(this.log, retire);
    this.meters = new MeterTable(this.log, retire);
    this.#around = {
      tables: TABLES,
      hasGroup: (group) => this.groups.groups.has(group),
      hasMeter: (meter) => this.meters.meters.has(meter),
    };
    this.#indices = { group: (group) => this.groups.indexOf(group), meter: (meter) => this.meters.indexOf(meter) };
    this.flows = new FlowTables({
      log: this.log,
      counters: this.#counters,
      around: this.#around,
      indices: this.#indices,
      most: mostRules,
      nowMs: host.nowMs,
      removed: (rule, reason) => this.#removed(rule, reason),
    });
  }

  /** @throws OpenFlowError; nothing has changed then, and so in all that follows */
  flowMod(mod: FlowMod, owner: Owner): void {
    this.flows.change(mod, owner);
  }

  groupMod(mod: GroupMod, owner: Owner): void {
    if (mod.command === 'add') this.groups.add(mod, owner, this.#host.nowMs(), this.#around, this.#indices);
    else if (mod.command === 'modify') this.groups.modify(mod, this.#around, this.#indices);
    else if (mod.group === Groups.All) for (const id of [...this.groups.groups.keys()]) this.#removeGroup(id);
    else if (mod.group > Groups.Max)
      throw refuse('GROUP_MOD_FAILED', 'INVALID_GROUP', `there is no group ${mod.group}`);
    else this.#removeGroup(mod.group);
  }

  /** With it go the rules that name it, and the groups that do. */
  #removeGroup(id: number): void {
    if (!this.groups.groups.has(id)) return;
    this.flows.removeNaming('group', id, 3);
    const namers = this.groups.namersOf(id);
    this.groups.remove(id);
    for (const namer of namers) this.#removeGroup(namer);
  }

  meterMod(mod: MeterMod, owner: Owner): void {
    if (mod.command === 'add') this.meters.add(mod, owner, this.#host.nowMs());
    else if (mod.command === 'modify') this.meters.modify(mod);
    else {
      const all = mod.meter === Meters.All;
      if (!all && !this.meters.meters.has(mod.meter)) {
        if (mod.meter === 0 || mod.meter > Meters.Max)
          throw refuse('METER_MOD_FAILED', 'INVALID_METER', `there is no meter ${mod.meter}`);
        return;
      }
      for (const id of all ? [...this.meters.meters.keys()] : [mod.meter]) {
        this.flows.removeNaming('meter', id, 2);
        this.meters.remove(id);
      }
    }
  }

  portMod({ port, address, config, mask }: PortMod): void {
    const one = this.ports.get(port);
    if (one === undefined) throw refuse('PORT_MOD_FAILED', 'BAD_PORT', `there is no port ${port}`);
    if (Buffer.compare(address, one.address) !== 0)
      throw refuse('PORT_MOD_FAILED', 'BAD_HW_ADDR', `port ${port} has another hardware address`);
    const known = PortConfig.Down | PortConfig.NoReceive | PortConfig.NoForward | PortConfig.NoPacketIn;
    if ((config & mask & ~known) !== 0) throw refuse('PORT_MOD_FAILED', 'BAD_CONFIG', 'there is no such configuration');
    one.config = ((one.config & ~mask) | (config & mask)) >>> 0;
    this.#writePort(one);
    this.#tell(PortReason.Modify, one);
  }

  tableMod({ table, config }: TableMod): void {
    if (table !== ALL_TABLES && table >= TABLES)
      throw refuse('TABLE_MOD_FAILED', 'BAD_TABLE', `there is no table ${table}`);
    if (table === ALL_TABLES) this.#tableConfig.fill(config);
    else this.#tableConfig[table] = config;
  }

  /** @param frame what the packet-out, or the buffer that it names, holds */
  packetOut({ inPort, actions }: PacketOut, frame: Uint8Array): void {
    const known = inPort === Ports.Controller || inPort === Ports.Local || inPort === Ports.Any;
    if (!known && (inPort === 0 || inPort > Ports.Max))
      throw refuse('BAD_REQUEST', 'BAD_PORT', `there is no port ${inPort}`);
    checkFreeActions(actions, this.#around, true);
    if (frame.length < 14) throw refuse('BAD_REQUEST', 'BAD_PACKET', 'a frame has at least an Ethernet header');
    this.#host.inject(inPort, compileActions(actions, this.#indices), frame);
  }

  setConfig(flags: number, missSendLength: number): void {
    if ((flags & ~3) !== 0 || (flags & 3) > 1)
      throw refuse('SWITCH_CONFIG_FAILED', 'BAD_FLAGS', 'fragments are let pass or dropped');
    this.config = { flags, missSendLength };
    this.#writeMode();
  }

  /** Whether everything is forwarded as by `NORMAL`, whatever the rules say: after all controllers were lost. */
  set standalone(on: boolean) {
    this.#standalone = on;
    this.#writeMode();
  }

  get standalone(): boolean {
    return this.#standalone;
  }

  #writeMode(): void {
    const fail = this.#standalone ? FailMode.Standalone : FailMode.None;
    const fragments = this.config.flags === 1 ? FragmentMode.Drop : FragmentMode.Normal;
    this.log.write([LogRecord.Mode, fail, fragments]);
  }

  addPort(port: DatapathPort): void {
    this.ports.set(port.number, port);
    this.#writePort(port);
    this.#tell(PortReason.Add, port);
  }

  removePort(number: number): void {
    const port = this.ports.get(number);
    if (port === undefined) return;
    this.ports.delete(number);
    this.log.write([LogRecord.Port, number, -1, 0]);
    this.#tell(PortReason.Delete, port);
  }

  portChanged(number: number, up: boolean): void {
    const port = this.ports.get(number);
    if (port === undefined || port.up === up) return;
    port.up = up;
    this.#tell(PortReason.Modify, port);
  }

  #writePort({ number, row, config }: DatapathPort): void {
    this.log.write([LogRecord.Port, number, row, config]);
  }

  #tell(reason: number, port: DatapathPort): void {
    const desc = descOf(port);
    for (const listener of this.listeners) listener.port(reason, desc);
  }

  /** @returns when every later frame sees all that was changed until now */
  barrier(): Promise<void> {
    return this.log.barrier();
  }

  /** Turns time-outs; to be called a few times a second. */
  tick(): void {
    this.flows.expire(this.#host.nowMs());
    this.log.flush();
  }

  // Statistics.

  countsOf(rule: Rule): { packets: number; bytes: number } {
    const { packets, bytes } = this.#counters.pair('rules', rule.index);
    return { packets: packets - rule.basePackets, bytes: bytes - rule.baseBytes };
  }

  flowStats(filter: RuleFilter): FlowStats[] {
    const nowMs = this.#host.nowMs();
    return this.flows.select(filter).map((rule) => {
      const { packets, bytes } = this.countsOf(rule);
      const { table, priority, idleTimeout, hardTimeout, flags, cookie, match, instructions, createdMs } = rule;
      return {
        ...{ table, priority, idleTimeout, hardTimeout, cookie, match, instructions, ...duration(nowMs - createdMs) },
        flags: flags & ~FlowFlag.CheckOverlap & ~FlowFlag.ResetCounts,
        packets: BigInt(packets),
        bytes: BigInt(bytes),
      };
    });
  }

  aggregate(filter: RuleFilter): { packets: bigint; bytes: bigint; flows: number } {
    const rules = this.flows.select(filter);
    const counts = rules.map((rule) => this.countsOf(rule));
    return {
      packets: BigInt(counts.reduce((sum, { packets }) => sum + packets, 0)),
      bytes: BigInt(counts.reduce((sum, { bytes }) => sum + bytes, 0)),
      flows: rules.length,
    };
  }

  tableStats(): TableStats[] {
    return Array.from({ length: TABLES }, (_, table) => {
      const { packets: lookups, bytes: matches } = this.#counters.pair('tables', table);
      return { table, active: this.flows.sizeOf(table), lookups: BigInt(lookups), matches: BigInt(matches) };
    });
  }

  portDescs(): PortDesc[] {
    return this.#sorted().map(descOf);
  }

  /** @param number OFPP_ANY for all @throws OpenFlowError */
  portStats(number: number): PortStats[] {
    const chosen = number === Ports.Any ? this.#sorted() : [this.ports.get(number)];
    return chosen.map((port) => {
      if (port === undefined) throw refuse('BAD_REQUEST', 'BAD_PORT', `there is no port ${number}`);
      const counts = this.#host.portCounts(port.row);
      const errors = {
        rxErrors: 0n,
        txErrors: 0n,
        rxFrameErrors: 0n,
        rxOverErrors: 0n,
        rxCrcErrors: 0n,
        collisions: 0n,
      };
      return {
        port: port.number,
        rxPackets: BigInt(counts.rxPackets),
        txPackets: BigInt(counts.txPackets),
        rxBytes: BigInt(counts.rxBytes),
        txBytes: BigInt(counts.txBytes),
        rxDropped: BigInt(counts.rxDropped),
        txDropped: 0n,
        ...errors,
        ...duration(this.#host.nowMs() - port.createdMs),
      };
    });
  }

  #sorted(): DatapathPort[] {
    return [...this.ports.values()].sort((a, b) => a.number - b.number);
  }

  groupStats(id: number): GroupStats[] {
    return this.#groupsOf(id).map((group) => {
      const { packets, bytes } = this.#counters.pair('groups', group.index);
      const every = { table: ALL_TABLES, match: [], cookie: 0n, cookieMask: 0n, outPort: Ports.Any };
      return {
        group: group.id,
        references: this.flows.select({ ...every, outGroup: group.id }).length + this.groups.namersOf(group.id).length,
        packets: BigInt(packets),
        bytes: BigInt(bytes),
        ...duration(this.#host.nowMs() - group.createdMs),
        buckets: group.places.map((place) => big(this.#counters.pair('buckets', place))),
      };
    });
  }

  groupDescs(): readonly Group[] {
    return this.#groupsOf(Groups.All);
  }

  #groupsOf(id: number): Group[] {
    if (id === Groups.All || id === Groups.Any) return [...this.groups.groups.values()].sort((a, b) => a.id - b.id);
    const group = this.groups.groups.get(id);
    return group === undefined ? [] : [group];
  }

  meterStats(id: number): MeterStats[] {
    const every = {
      table: ALL_TABLES,
      match: [],
      cookie: 0n,
      cookieMask: 0n,
      outPort: Ports.Any,
      outGroup: Groups.Any,
    };
    return this.#metersOf(id).map((meter) => ({
      meter: meter.id,
      flows: this.flows
        .select(every)
        .filter(({ instructions }) => instructions.some((one) => one.type === 'meter' && one.meter === meter.id))
        .length,
      ...big(this.#counters.pair('meters', meter.index)),
      ...duration(this.#host.nowMs() - meter.createdMs),
      bands: meter.places.map((place) => big(this.#counters.pair('bands', place))),
    }));
  }

  meterConfigs(id: number): MeterMod[] {
    return this.#metersOf(id).map(({ id: meter, flags, bands }) => ({ command: 'add', meter, flags, bands }));
  }

  #metersOf(id: number) {
    if (id === Meters.All) return [...this.meters.meters.values()].sort((a, b) => a.id - b.id);
    const meter = this.meters.meters.get(id);
    if (meter === undefined) throw refuse('METER_MOD_FAILED', 'UNKNOWN_METER', `there is no meter ${id}`);
    return [meter];
  }

  #removed(rule: Rule, reason: (typeof RemovedReason)[keyof typeof RemovedReason] | number): void {
    const nowMs = this.#host.nowMs();
    this.#later(() => {
      const { packets, bytes } = this.countsOf(rule);
      if ((rule.flags & FlowFlag.SendFlowRemoved) !== 0) {
        const event = { rule, reason, packets, bytes, durationMs: nowMs - rule.createdMs };
        for (const listener of this.listeners) listener.removed(event);
      }
      this.#counters.clear('rules', rule.index);
      this.flows.give(rule.index);
    });
  }

  /** Does it when no worker can count there any more: behind a barrier, one for all that has come together. */
  #later(clear: () => void): void {
    this.#limbo.push({ clear });
    if (this.#reclaiming) return;
    this.#reclaiming = true;
    void this.#reclaim();
  }

  async #reclaim(): Promise<void> {
    // What else goes in this turn of the event loop goes behind the same barrier.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#limbo.length > 0) {
      const gone = this.#limbo;
      this.#limbo = [];
      await this.log.barrier();
      for (const { clear } of gone) clear();
    }
    this.#reclaiming = false;
  }
}

/** OFPPS_LINK_DOWN, OFPPS_LIVE. */
const LINK_DOWN = 1;
const LIVE = 4;
/** OFPPF_10GB_FD, OFPPF_COPPER: what a TAP says of itself. */
const FEATURES = 0x840;
const KBPS = 10_000_000;

function descOf({ number, name, address, config, up }: DatapathPort): PortDesc {
  const live = up && (config & PortConfig.Down) === 0;
  return {
    ...{ port: number, address, name, config, state: (up ? 0 : LINK_DOWN) | (live ? LIVE : 0) },
    ...{ current: FEATURES, advertised: 0, supported: 0, peer: 0, currentSpeed: KBPS, maxSpeed: 0 },
  };
}

function duration(ms: number): { durationSec: number; durationNsec: number } {
  const whole = Math.max(0, ms);
  return { durationSec: Math.floor(whole / 1000), durationNsec: Math.floor((whole % 1000) * 1e6) };
}

function big({ packets, bytes }: { packets: number; bytes: number }): { packets: bigint; bytes: bigint } {
  return { packets: BigInt(packets), bytes: BigInt(bytes) };
}
