import type { FlowStats } from '../codec/stats.ts';
import { ALL_TABLES, FlowFlag, type FlowMod, Groups, type Match, Ports } from '../model.ts';
import { DEFAULT_PRIORITY } from './flow.ts';
import { formatPort, type PortNames } from './ports.ts';
import { formatInstructions } from './print-action.ts';
import { formatMatch } from './print-match.ts';
import { hex } from './print-value.ts';

/** A flow entry: what of it stands in a dump. */
export type FlowEntry = Omit<FlowStats, 'durationSec' | 'durationNsec' | 'packets' | 'bytes'>;

/** All ones: not counted. */
export const NOT_COUNTED = 0xffff_ffff_ffff_ffffn;

/** A line of `ovs-ofctl dump-flows`: `cookie=0x0, duration=1.200s, table=0, n_packets=3, n_bytes=180, priority=5,ip actions=drop`. */
export function formatFlowStats(flow: FlowStats, names?: PortNames): string {
  const duration = formatDuration(flow.durationSec, flow.durationNsec);
  const counts =
    (flow.packets === NOT_COUNTED ? '' : `n_packets=${flow.packets}, `) +
    (flow.bytes === NOT_COUNTED ? '' : `n_bytes=${flow.bytes}, `);
  return `cookie=${formatCookie(flow.cookie)}, duration=${duration}, table=${flow.table}, ${counts}${rest(flow, names)}`;
}

/** A flow as it can be added again, as of `ovs-ofctl --no-stats dump-flows`: `table=3, priority=5,ip actions=drop`. */
export function formatFlow(flow: FlowEntry, names?: PortNames): string {
  const cookie = flow.cookie === 0n ? '' : `cookie=${formatCookie(flow.cookie)}, `;
  const table = flow.table === 0 ? '' : `table=${flow.table}, `;
  return cookie + table + rest(flow, names);
}

/** A flow mod as a line of a bundle: `delete_strict table=3,priority=5,ip`. */
export function formatFlowMod(mod: FlowMod, names?: PortNames): string {
  const deletes = mod.command === 'delete' || mod.command === 'delete_strict';
  const words: string[] = [];
  if (mod.table !== (deletes ? ALL_TABLES : 0)) words.push(`table=${mod.table}`);
  if (mod.cookieMask !== 0n) words.push(`cookie=${formatCookie(mod.cookie)}/${hex(mod.cookieMask)}`);
  else if (mod.cookie !== 0n && !deletes) words.push(`cookie=${formatCookie(mod.cookie)}`);
  if (mod.outPort !== Ports.Any) words.push(`out_port=${formatPort(mod.outPort, names)}`);
  if (mod.outGroup !== Groups.Any) words.push(`out_group=${mod.outGroup === Groups.All ? 'all' : mod.outGroup}`);
  if (!deletes) words.push(...timeouts(mod), ...flagNames(mod.flags));
  const match = matchWithPriority(mod.command === 'delete' ? DEFAULT_PRIORITY : mod.priority, mod.match, names);
  if (match !== '') words.push(match);
  if (!deletes) words.push(`actions=${formatInstructions(mod.instructions, names)}`);
  return [mod.command, words.join(',')].join(' ').trimEnd();
}

function rest(flow: FlowEntry, names: PortNames | undefined): string {
  const limits = timeouts(flow).map((text) => `${text}, `);
  const flags = flagNames(flow.flags).map((text) => `${text} `);
  const match = matchWithPriority(flow.priority, flow.match, names);
  return `${limits.join('')}${flags.join('')}${match === '' ? '' : `${match} `}actions=${formatInstructions(flow.instructions, names)}`;
}

function matchWithPriority(priority: number, match: Match, names: PortNames | undefined): string {
  const fields = formatMatch(match, names);
  if (priority === DEFAULT_PRIORITY) return fields;
  return fields === '' ? `priority=${priority}` : `priority=${priority},${fields}`;
}

function timeouts({ idleTimeout, hardTimeout }: { idleTimeout: number; hardTimeout: number }): string[] {
  const idle = idleTimeout === 0 ? [] : [`idle_timeout=${idleTimeout}`];
  return hardTimeout === 0 ? idle : [...idle, `hard_timeout=${hardTimeout}`];
}

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [FlowFlag.SendFlowRemoved, 'send_flow_rem'],
  [FlowFlag.CheckOverlap, 'check_overlap'],
  [FlowFlag.ResetCounts, 'reset_counts'],
  [FlowFlag.NoPacketCounts, 'no_packet_counts'],
  [FlowFlag.NoByteCounts, 'no_byte_counts'],
];

export function flagNames(flags: number): string[] {
  return FLAG_NAMES.flatMap(([flag, name]) => ((flags & flag) === 0 ? [] : [name]));
}

/** Cookies have their prefix always. */
function formatCookie(cookie: bigint): string {
  return `0x${cookie.toString(16)}`;
}

/** No decimals for whole seconds, three for whole milliseconds, else nine: so ovs-ofctl. */
export function formatDuration(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return `${seconds}s`;
  const millis = nanoseconds % 1_000_000 === 0;
  const digits = millis ? String(nanoseconds / 1_000_000).padStart(3, '0') : String(nanoseconds).padStart(9, '0');
  return `${seconds}.${digits}s`;
}
