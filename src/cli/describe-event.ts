import type { QuotaEvent, SwitchEvent } from '../control/events.ts';
import type { ChannelEvent } from '../openflow/channel/options.ts';

const PEER_NEWS = {
  connected: 'has connected',
  closed: 'has closed the connection',
  'bad-length': 'has sent a length that no frame has: disconnected',
  refused: 'is there already: another one was turned away',
} as const;

/** An event as one line for people: what, whose, and what is known of it. */
export function describeEvent(event: SwitchEvent): string {
  if (event.type === 'link') {
    const where = event.netns === null ? '' : ` in namespace ${event.netns}`;
    return `link ${event.device}${where} is ${event.state}`;
  }
  if (event.type === 'peer') return `peer of ${event.device} ${PEER_NEWS[event.news]}`;
  if (event.type === 'server') {
    const { tenant, server, state, detail } = event;
    return `server ${tenant}/${server} is ${state}${detail === '' ? '' : `: ${detail}`}`;
  }
  if (event.type === 'worker')
    return event.state === 'died'
      ? `worker ${event.worker} has died, with ${event.lost} frames, and is started again: ${event.detail}`
      : `worker ${event.worker} forwards again`;
  if (event.type === 'quota') return describeQuota(event);
  if (event.type === 'trouble') return event.message;
  if (event.type === 'rolled-back') return `nobody confirmed the change within ${event.seconds} s: it was taken back`;
  if (event.type === 'openflow') return `openflow tenant=${event.tenant} ${describeChannel(event.event)}`;
  const { tenant, suppressed, kind, ...rest } = event.event;
  const named = event.port === null ? rest : { ...rest, port: event.port };
  const details = Object.entries(named)
    .filter(([, value]) => value !== null && !(value instanceof Uint8Array))
    .map(([name, value]) => `${name}=${value}`);
  const more = suppressed > 0 ? ` (${suppressed} more like it were left out)` : '';
  return `${kind} tenant=${tenant} ${details.join(' ')}${more}`;
}

const QUOTAS = {
  macs: 'source MACs were not learned',
  frames: 'frames were dropped: too many in flight',
  rate: 'frames were dropped: too many packets or bits a second',
} as const;

function describeQuota({ tenant, quota, frames }: QuotaEvent): string {
  return `quota tenant=${tenant} quota=${quota}: ${frames} ${QUOTAS[quota]}`;
}

function describeChannel(event: ChannelEvent): string {
  switch (event.kind) {
    case 'listening':
      return `listens at ${event.target}`;
    case 'standalone':
      return event.on ? 'no controller is left: everything goes as by NORMAL' : 'the rules are in force again';
    case 'connected':
      return `is connected to ${event.peer}`;
    case 'unreachable':
      return `cannot reach ${event.peer}: ${event.reason}`;
    default:
      return 'reason' in event ? `${event.kind} ${event.peer}: ${event.reason}` : `${event.kind} ${event.peer}`;
  }
}

/** An event with its time, a line for people. @param at milliseconds since the epoch */
export function lineOf(at: number, event: SwitchEvent): string {
  return `${new Date(at).toISOString()} ${describeEvent(event)}\n`;
}
