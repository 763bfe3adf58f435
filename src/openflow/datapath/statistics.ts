import { PortConfig } from '../../path/rules/log.ts';
import { refuse } from '../codec/errors.ts';
import type { QueueConfig } from '../codec/queue.ts';
import type { FlowStats, GroupStats, MeterStats, PortDesc, PortStats, QueueStats, TableStats } from '../codec/stats.ts';
import type { TableFeatures } from '../codec/table-features.ts';
import { ALL_TABLES, FlowFlag, Groups, type MeterMod, Meters, Ports } from '../model.ts';
import { checkMatch, TABLES } from './check.ts';
import type { Counters } from './counters.ts';
import { tableFeatures } from './features.ts';
import type { FlowTables, RuleFilter } from './flow-tables.ts';
import type { Group, GroupTable } from './groups.ts';
import type { DatapathHost } from './host.ts';
import type { Meter, MeterTable } from './meters.ts';
import type { DatapathPort } from './port.ts';
import type { Queue, QueueTable } from './queues.ts';
import type { Rule } from './rule.ts';

/** What statistics are read from. */
export interface StatisticsContext {
  readonly flows: FlowTables;
  readonly groups: GroupTable;
  readonly meters: MeterTable;
  readonly queues: QueueTable;
  readonly mostRules: () => number;
  readonly ports: ReadonlyMap<number, DatapathPort>;
  readonly counters: Counters;
  readonly host: DatapathHost;
}

/** A datapath's answers to multipart requests: what its tables hold and what its workers counted. Source: 1.3.5, section 7.3.5. */
export class Statistics {
  readonly #context: StatisticsContext;

  constructor(context: StatisticsContext) {
    this.#context = context;
  }

  countsOf(rule: Rule): { packets: number; bytes: number } {
    const { packets, bytes } = this.#context.counters.pair('rules', rule.index);
    return { packets: packets - rule.basePackets, bytes: bytes - rule.baseBytes };
  }

  /** Rows are made as they are taken; a rule that is gone by then is left out. @throws OpenFlowError */
  flowStats(filter: RuleFilter): Iterable<FlowStats> {
    checkMatch(filter.match);
    return this.#flowRows(this.#context.flows.select(filter));
  }

  *#flowRows(rules: readonly Rule[]): Generator<FlowStats> {
    for (const rule of rules) {
      if (!this.#context.flows.has(rule)) continue;
      const { packets, bytes } = this.countsOf(rule);
      const { table, priority, idleTimeout, hardTimeout, flags, cookie, match, instructions, createdMs } = rule;
      yield {
        ...{ table, priority, idleTimeout, hardTimeout, cookie, match, instructions },
        ...duration(this.#context.host.nowMs() - createdMs),
        flags: flags & ~FlowFlag.CheckOverlap & ~FlowFlag.ResetCounts,
        packets: BigInt(packets),
        bytes: BigInt(bytes),
      };
    }
  }

  /** @throws OpenFlowError */
  aggregate(filter: RuleFilter): { packets: bigint; bytes: bigint; flows: number } {
    checkMatch(filter.match);
    const rules = this.#context.flows.select(filter);
    const counts = rules.map((rule) => this.countsOf(rule));
    return {
      packets: BigInt(counts.reduce((sum, { packets }) => sum + packets, 0)),
      bytes: BigInt(counts.reduce((sum, { bytes }) => sum + bytes, 0)),
      flows: rules.length,
    };
  }

  tableStats(): TableStats[] {
    return Array.from({ length: TABLES }, (_, table) => {
      const { packets: lookups, bytes: matches } = this.#context.counters.pair('tables', table);
      return { table, active: this.#context.flows.sizeOf(table), lookups: BigInt(lookups), matches: BigInt(matches) };
    });
  }

  tableFeatures(): TableFeatures[] {
    return tableFeatures(this.#context.mostRules());
  }

  portDescs(): PortDesc[] {
    return this.#sorted().map(descOf);
  }

  /** @param number OFPP_ANY for all @throws OpenFlowError */
  portStats(number: number): PortStats[] {
    const chosen = number === Ports.Any ? this.#sorted() : [this.#context.ports.get(number)];
    return chosen.map((port) => {
      if (port === undefined) throw refuse('BAD_REQUEST', 'BAD_PORT', `there is no port ${number}`);
      const counts = this.#context.host.portCounts(port.row);
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
        ...duration(this.#context.host.nowMs() - port.createdMs),
      };
    });
  }

  /** @param number OFPP_ANY for all @param id OFPQ_ALL for all @throws OpenFlowError */
  queueStats(number: number, id: number): QueueStats[] {
    const found = this.#queuesOf(number).filter((queue) => id === ALL_QUEUES || queue.id === id);
    if (id !== ALL_QUEUES && found.length === 0)
      throw refuse('QUEUE_OP_FAILED', 'BAD_QUEUE', `there is no queue ${id}`);
    return found.map((queue) => {
      const { packets, bytes } = this.#context.counters.pair('queues', queue.index);
      return {
        port: queue.port,
        queue: queue.id,
        txBytes: BigInt(bytes),
        txPackets: BigInt(packets),
        txErrors: BigInt(this.#context.counters.errors(queue.index)),
        ...duration(this.#context.host.nowMs() - queue.createdMs),
      };
    });
  }

  /** Bodies of queue-get-config. @param number OFPP_ANY for all @throws OpenFlowError */
  queueConfigs(number: number): QueueConfig[] {
    return this.#queuesOf(number).map(({ id, port, rate }) => ({
      ...{ queue: id, port, minRate: null, maxRate: thousandths(rate) },
    }));
  }

  #queuesOf(number: number): Queue[] {
    if (number !== Ports.Any && !this.#context.ports.has(number))
      throw refuse('QUEUE_OP_FAILED', 'BAD_PORT', `there is no port ${number}`);
    return this.#context.queues.all.filter(({ port }) => number === Ports.Any || port === number);
  }

  #sorted(): DatapathPort[] {
    return [...this.#context.ports.values()].sort((a, b) => a.number - b.number);
  }

  groupStats(id: number): GroupStats[] {
    return this.#groupsOf(id).map((group) => {
      const { packets, bytes } = this.#context.counters.pair('groups', group.index);
      const every = { table: ALL_TABLES, match: [], cookie: 0n, cookieMask: 0n, outPort: Ports.Any };
      return {
        group: group.id,
        references:
          this.#context.flows.select({ ...every, outGroup: group.id }).length +
          this.#context.groups.namersOf(group.id).length,
        packets: BigInt(packets),
        bytes: BigInt(bytes),
        ...duration(this.#context.host.nowMs() - group.createdMs),
        buckets: group.places.map((place) => big(this.#context.counters.pair('buckets', place))),
      };
    });
  }

  groupDescs(): readonly Group[] {
    return this.#groupsOf(Groups.All);
  }

  #groupsOf(id: number): Group[] {
    if (id === Groups.All || id === Groups.Any)
      return [...this.#context.groups.groups.values()].sort((a, b) => a.id - b.id);
    const group = this.#context.groups.groups.get(id);
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
      flows: this.#context.flows
        .select(every)
        .filter(({ instructions }) => instructions.some((one) => one.type === 'meter' && one.meter === meter.id))
        .length,
      ...big(this.#context.counters.pair('meters', meter.index)),
      ...duration(this.#context.host.nowMs() - meter.createdMs),
      bands: meter.places.map((place) => big(this.#context.counters.pair('bands', place))),
    }));
  }

  meterConfigs(id: number): MeterMod[] {
    return this.#metersOf(id).map(({ id: meter, flags, bands }) => ({ command: 'add', meter, flags, bands }));
  }

  #metersOf(id: number): Meter[] {
    if (id === Meters.All) return [...this.#context.meters.meters.values()].sort((a, b) => a.id - b.id);
    const meter = this.#context.meters.meters.get(id);
    if (meter === undefined) throw refuse('METER_MOD_FAILED', 'UNKNOWN_METER', `there is no meter ${id}`);
    return [meter];
  }
}

/** OFPQ_ALL. */
const ALL_QUEUES = 0xffffffff;

/** A rate in bits a second as thousandths of the speed that ports are said to have. */
function thousandths(rate: number): number {
  return Math.min(1000, Math.max(1, Math.round(rate / KBPS)));
}

/** OFPPS_LINK_DOWN, OFPPS_LIVE. */
const LINK_DOWN = 1;
const LIVE = 4;
/** OFPPF_10GB_FD, OFPPF_COPPER: what a TAP says of itself. */
const FEATURES = 0x840;
const KBPS = 10_000_000;

/** A port as port-desc and port-status tell it. */
export function descOf({ number, name, address, config, up }: DatapathPort): PortDesc {
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
