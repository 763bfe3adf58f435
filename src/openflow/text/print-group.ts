import type { GroupDesc, GroupStats } from '../codec/stats.ts';
import { type Bucket, type GroupMod, Groups, Ports } from '../model.ts';
import { formatPort, type PortNames } from './ports.ts';
import { formatActions } from './print-action.ts';
import { formatDuration } from './print-flow.ts';

/** A group as a line of `ovs-ofctl dump-groups`: `group_id=1,type=all,bucket=actions=output:1`. */
export function formatGroup({ group, type, buckets }: GroupDesc, names?: PortNames): string {
  return [`group_id=${group}`, `type=${type}`, ...buckets.map((bucket) => formatBucket(bucket, type, names))].join(',');
}

/** A group mod as a line of a bundle. */
export function formatGroupMod(mod: GroupMod, names?: PortNames): string {
  if (mod.command !== 'delete') return `${mod.command} ${formatGroup(mod, names)}`;
  return `delete group_id=${mod.group === Groups.All ? 'all' : mod.group}`;
}

/** A line of `ovs-ofctl dump-group-stats`. */
export function formatGroupStats(group: GroupStats): string {
  const counts = (packets: bigint, bytes: bigint) => `packet_count=${packets},byte_count=${bytes}`;
  const duration = formatDuration(group.durationSec, group.durationNsec);
  const total = `group_id=${group.group},duration=${duration},ref_count=${group.references},${counts(group.packets, group.bytes)}`;
  return [total, ...group.buckets.map(({ packets, bytes }, i) => `bucket${i}:${counts(packets, bytes)}`)].join(',');
}

function formatBucket({ weight, watchPort, watchGroup, actions }: Bucket, type: string | number, names?: PortNames) {
  // What a bucket that says nothing has is left out.
  const parts = weight === (type === 'select' ? 1 : 0) ? [] : [`weight:${weight}`];
  if (watchPort !== Ports.Any) parts.push(`watch_port:${formatPort(watchPort, names)}`);
  if (watchGroup !== Groups.Any) parts.push(`watch_group:${watchGroup}`);
  return `bucket=${[...parts, `actions=${formatActions(actions, names)}`].join(',')}`;
}
