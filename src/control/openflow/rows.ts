import type { FlowStats } from '../../openflow/codec/stats.ts';
import type { Datapath } from '../../openflow/datapath/datapath.ts';
import type { RuleFilter } from '../../openflow/datapath/flow-tables.ts';
import type { Rule } from '../../openflow/datapath/rule.ts';
import { FlowFlag, Groups, Meters } from '../../openflow/model.ts';
import type { PortNames } from '../../openflow/text/ports.ts';
import { formatInstructions } from '../../openflow/text/print-action.ts';
import { flagNames, formatFlowStats } from '../../openflow/text/print-flow.ts';
import { formatGroup, formatGroupStats } from '../../openflow/text/print-group.ts';
import { formatMatch } from '../../openflow/text/print-match.ts';
import { formatMeter, formatMeterStats } from '../../openflow/text/print-meter.ts';
import { formatTableStats } from '../../openflow/text/print-ports.ts';
import type { Row } from '../show.ts';

/**
 * What a datapath holds as rows of JSON. `text`, and `stats` where there are some, are as ovs-ofctl prints them.
 * @param names of ports, where they are to stand in the place of numbers
 */
export function flowRows(datapath: Datapath, filter: RuleFilter, nowMs: number, names?: PortNames): Row[] {
  return datapath.flows.select(filter).map((rule) => flowRow(datapath, rule, nowMs, names));
}

function flowRow(datapath: Datapath, rule: Rule, nowMs: number, names: PortNames | undefined): Row {
  const { table, priority, idleTimeout, hardTimeout, cookie, match, instructions, owner } = rule;
  const { packets, bytes } = datapath.statistics.countsOf(rule);
  const age = Math.max(0, nowMs - rule.createdMs);
  const flags = rule.flags & ~FlowFlag.CheckOverlap & ~FlowFlag.ResetCounts;
  const stats: FlowStats = {
    ...{ table, priority, idleTimeout, hardTimeout, flags, cookie, match, instructions },
    durationSec: Math.floor(age / 1000),
    durationNsec: Math.floor(age % 1000) * 1e6,
    packets: BigInt(packets),
    bytes: BigInt(bytes),
  };
  return {
    table,
    priority,
    cookie: `0x${cookie.toString(16)}`,
    match: formatMatch(match, names),
    actions: formatInstructions(instructions, names),
    packets,
    bytes,
    duration_s: Math.round(age) / 1000,
    idle_timeout: idleTimeout,
    hard_timeout: hardTimeout,
    flags: flagNames(flags),
    owner,
    text: formatFlowStats(stats, names),
  };
}

export function groupRows({ groups, statistics }: Datapath, names?: PortNames): Row[] {
  const owners = groups.groups;
  return statistics.groupStats(Groups.All).map((stats) => {
    const group = owners.get(stats.group);
    if (group === undefined) throw new Error(`no group ${stats.group}`);
    return {
      group: stats.group,
      type: group.type,
      buckets: group.buckets.length,
      references: stats.references,
      packets: Number(stats.packets),
      bytes: Number(stats.bytes),
      owner: group.owner,
      text: formatGroup({ ...group, group: group.id }, names),
      stats: formatGroupStats(stats),
    };
  });
}

export function meterRows({ meters, statistics }: Datapath): Row[] {
  return statistics.meterStats(Meters.All).map((stats) => {
    const meter = meters.meters.get(stats.meter);
    if (meter === undefined) throw new Error(`no meter ${stats.meter}`);
    return {
      meter: stats.meter,
      bands: meter.bands.length,
      flows: stats.flows,
      packets: Number(stats.packets),
      bytes: Number(stats.bytes),
      owner: meter.owner,
      text: formatMeter({ ...meter, meter: meter.id }),
      stats: formatMeterStats(stats),
    };
  });
}

/** Tables that hold rules, or that frames have been looked up in; and all of them as text. */
export function tableRows({ statistics }: Datapath): { readonly tables: readonly Row[]; readonly text: string } {
  const all = statistics.tableStats();
  const tables = all
    .filter(({ active, lookups }) => active > 0 || lookups > 0n)
    .map(({ table, active, lookups, matches }) => ({
      table,
      active,
      lookups: Number(lookups),
      matched: Number(matches),
    }));
  return { tables, text: formatTableStats(all) };
}
