import { FailMode, FragmentMode, LogRecord, PortConfig, type RulesImage } from '../../path/rules/log.ts';
import { SharedBuckets } from '../../table/shared-buckets.ts';
import { refuse } from '../codec/errors.ts';
import { PortReason } from '../codec/messages.ts';
import type { PortDesc } from '../codec/stats.ts';
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
import { checkFreeActions, type Surroundings, TABLES } from './check.ts';
import { compileActions, type Indices } from './compile.ts';
import { Counters } from './counters.ts';
import { FlowTables } from './flow-tables.ts';
import { GroupTable } from './groups.ts';
import type { DatapathHost } from './host.ts';
import type { IndexPool } from './indices.ts';
import { Journal } from './journal.ts';
import { MeterTable } from './meters.ts';
import { PacketInReader } from './packet-ins.ts';
import type { DatapathPort } from './port.ts';
import { QueueTable } from './queues.ts';
import type { Owner, Rule } from './rule.ts';
import { RuleLog } from './rule-log.ts';
import { descOf, Statistics } from './statistics.ts';

/** What a datapath tells whoever listens. */
export interface DatapathEvents {
  removed(event: FlowRemovedEvent): void;
  port(reason: number, port: PortDesc): void;
  packetIn(event: PacketInEvent): void;
}

/** A frame that a worker sends to controllers, from its ring of `PacketInRecord`s. */
export interface PacketInEvent {
  /** OFPR_*. */
  readonly reason: number;
  readonly table: number;
  readonly cookie: bigint;
  readonly inPort: number;
  readonly metadata: bigint;
  readonly tunnelId: bigint;
  /** Most bytes that the action asks for; 0xffff: all of them, without a buffer. */
  readonly maxLength: number;
  /** All of it, a copy. */
  readonly frame: Uint8Array;
}

export interface FlowRemovedEvent {
  readonly rule: Rule;
  /** `RemovedReason`. */
  readonly reason: number;
  readonly packets: number;
  readonly bytes: number;
  readonly durationMs: number;
}

/**
 * A tenant's OpenFlow datapath on the control side: what its rules, groups, meters and ports mean and may be; compiled into the log
 * that every worker carries out. Each change is whole: what is refused has changed nothing.
 * Source: OpenFlow Switch Specification 1.3.5, sections 5 to 7.
 */
export class Datapath {
  /** What controllers know it by. */
  id: bigint;
  readonly name: string;
  /** Most rules; those that are there stay when it is lowered. */
  mostRules: number;
  readonly flows: FlowTables;
  readonly groups: GroupTable;
  readonly meters: MeterTable;
  readonly queues: QueueTable;
  readonly ports = new Map<number, DatapathPort>();
  readonly log: RuleLog;
  readonly statistics: Statistics;
  readonly listeners = new Set<DatapathEvents>();
  /** OFPC_FRAG_* and bytes of a frame that go to a controller. */
  config = { flags: 0, missSendLength: 128 };
  /** Frames for controllers that nobody listened for. */
  unheard = 0;
  readonly #counters: Counters;
  readonly #packetIns: PacketInReader;
  readonly #host: DatapathHost;
  readonly #around: Surroundings;
  readonly #indices: Indices;
  readonly #journal = new Journal();
  #limbo: (() => void)[] = [];
  #reclaiming = false;
  #standalone = false;

  constructor(id: bigint, name: string, image: RulesImage, host: DatapathHost, mostRules: number) {
    this.id = id;
    this.mostRules = mostRules;
    this.name = name;
    this.#host = host;
    this.#counters = new Counters(image);
    this.log = new RuleLog(image, host.wake);
    const retire = (
      kind: 'groups' | 'buckets' | 'meters' | 'bands' | 'queues',
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
    this.groups = new GroupTable(this.log, retire, this.#journal);
    const rates = SharedBuckets.attach(image.rates);
    this.meters = new MeterTable(this.log, rates, host.nowMs, retire, this.#journal);
    this.queues = new QueueTable(this.log, rates, host.nowMs, retire);
    this.#packetIns = new PacketInReader(image);
    this.#around = {
      tables: TABLES,
      hasGroup: (group) => this.groups.groups.has(group),
      hasMeter: (meter) => this.meters.meters.has(meter),
    };
    this.#indices = { group: (group) => this.groups.indexOf(group), meter: (meter) => this.meters.indexOf(meter) };
    this.flows = new FlowTables({
      log: this.log,
      counters: this.#counters,
      journal: this.#journal,
      around: this.#around,
      indices: this.#indices,
      most: () => this.mostRules,
      nowMs: host.nowMs,
      removed: (rule, reason) => this.#removed(rule, reason),
    });
    const { flows, groups, meters, queues, ports } = this;
    this.statistics = new Statistics({
      flows,
      groups,
      meters,
      queues,
      ports,
      mostRules: () => this.mostRules,
      counters: this.#counters,
      host,
    });
  }

  /** @throws OpenFlowError; nothing has changed then, and so in all that follows */
  flowMod(mod: FlowMod, owner: Owner): void {
    this.flows.change(mod, owner);
  }

  /**
   * Makes several changes together: when one is refused, none has been made, and no worker and no listener has heard of any.
   * @param change calls the other methods; whatever it throws comes out again
   */
  together(change: () => void): void {
    const gone = this.#limbo.length;
    let done = false;
    this.#journal.begin();
    this.log.hold();
    try {
      change();
      done = true;
    } finally {
      if (!done) this.#limbo.length = gone;
      this.log.release(done);
      this.#journal.end(done);
    }
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
    if (mod.command === 'add') this.meters.add(mod, owner);
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
    const before = one.config;
    this.#journal.note(() => {
      one.config = before;
    });
    one.config = ((one.config & ~mask) | (config & mask)) >>> 0;
    this.#writePort(one);
    this.#tell(PortReason.Modify, one);
  }

  tableMod({ table, config }: TableMod): void {
    if (table !== ALL_TABLES && table >= TABLES)
      throw refuse('TABLE_MOD_FAILED', 'BAD_TABLE', `there is no table ${table}`);
    // What is left of it in 1.3 are two bits without a meaning (OFPTC_DEPRECATED_MASK).
    if ((config & ~3) !== 0) throw refuse('TABLE_MOD_FAILED', 'BAD_CONFIG', 'there is no such configuration');
  }

  /** @param frame what the packet-out, or the buffer that it names, holds */
  packetOut({ inPort, actions }: PacketOut, frame: Uint8Array): void {
    const known = inPort === Ports.Controller || inPort === Ports.Local || inPort === Ports.Any;
    if (!known && (inPort === 0 || inPort > Ports.Max))
      throw refuse('BAD_REQUEST', 'BAD_PORT', `there is no port ${inPort}`);
    checkFreeActions(actions, this.#around, true);
    if (frame.length < 14) throw refuse('BAD_REQUEST', 'BAD_PACKET', 'a frame has at least an Ethernet header');
    this.log.packetOut(inPort, compileActions(actions, this.#indices), frame);
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
    this.log.write(this.#modeRecord());
  }

  #modeRecord(): number[] {
    const fail = this.#standalone ? FailMode.Standalone : FailMode.None;
    const fragments = this.config.flags === 1 ? FragmentMode.Drop : FragmentMode.Normal;
    return [LogRecord.Mode, fail, fragments, this.config.missSendLength];
  }

  /** All that a worker must be told to be as those that have carried out everything. */
  *records(): Generator<Int32Array> {
    for (const port of this.ports.values()) yield Int32Array.from(portRecord(port));
    for (const record of this.meters.records()) yield Int32Array.from(record);
    for (const record of this.groups.records(this.#indices)) yield Int32Array.from(record);
    for (const record of this.queues.records()) yield Int32Array.from(record);
    yield* this.flows.records();
    yield Int32Array.from(this.#modeRecord());
  }

  /** A worker has died: who begins in its place is told all. */
  refill(worker: number): void {
    this.log.refill(worker, this.records());
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

  #writePort(port: DatapathPort): void {
    this.log.write(portRecord(port));
  }

  #tell(reason: number, port: DatapathPort): void {
    const desc = descOf(port);
    this.#journal.afterwards(() => {
      for (const listener of this.listeners) listener.port(reason, desc);
    });
  }

  /** Sets what the device says its hardware address is. */
  portAddress(number: number, address: Uint8Array): void {
    const port = this.ports.get(number);
    if (port === undefined || Buffer.compare(port.address, address) === 0) return;
    port.address = address;
    this.#tell(PortReason.Modify, port);
  }

  /**
   * Hands the frames that workers have for controllers to who listens, at most so many of each worker.
   * @returns whether there are more
   */
  readPacketIns(most: number): boolean {
    return this.#packetIns.read(most, (event) => {
      if (this.listeners.size === 0) this.unheard++;
      for (const listener of this.listeners) listener.packetIn(event);
    });
  }

  /** @returns when every later frame sees all that was changed until now; null: it does */
  barrier(): Promise<void> | null {
    return this.log.barrier();
  }

  /** Turns time-outs; to be called a few times a second. */
  tick(): void {
    this.flows.expire(this.#host.nowMs());
    this.log.flush();
  }

  /** The workers are told nothing any more; who waits for them is let go. */
  close(): void {
    this.log.close();
  }

  #removed(rule: Rule, reason: number | null): void {
    const nowMs = this.#host.nowMs();
    this.#later(() => {
      if (reason !== null && (rule.flags & FlowFlag.SendFlowRemoved) !== 0) {
        const { packets, bytes } = this.statistics.countsOf(rule);
        const event = { rule, reason, packets, bytes, durationMs: nowMs - rule.createdMs };
        for (const listener of this.listeners) listener.removed(event);
      }
      this.#counters.clear('rules', rule.index);
      this.flows.give(rule);
    });
  }

  /** Does it when no worker can count there any more: behind a barrier, one for all that has come together. */
  #later(clear: () => void): void {
    this.#limbo.push(clear);
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
      for (const clear of gone) clear();
    }
    this.#reclaiming = false;
  }
}

function portRecord({ number, row, config }: DatapathPort): number[] {
  return [LogRecord.Port, number, row, config];
}
