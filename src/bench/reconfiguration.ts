import { plainConfig, type Tapyard } from './rig/forwarders.ts';
import { Generator } from './rig/generator.ts';
import type { Rig } from './rig/rig.ts';
import { lookAtThreads, shareWaited } from './threads.ts';

/** What the queue of a device bears for a twentieth of a second: what is lost was not waiting for a moment. */
const MOST_PPS = 20_000;
const LEAST_PPS = 1000;

export interface Reconfiguration {
  /** Changes that were applied, and what one took, milliseconds. */
  readonly applies: number;
  readonly applyMs: number;
  readonly pps: number;
  readonly sent: number;
  readonly lost: number;
  /** Longest that a frame took while changes were applied, and for as long before, milliseconds: what is more is what they blocked. */
  readonly mostMs: number;
  readonly mostBeforeMs: number;
  /** Share of the time for which the switch waited for a processor, which is no doing of its own. */
  readonly waited: number;
}

const OTHERS = [
  plainOf(''),
  plainOf(`  other:
    bridge: {ports: {a: {memory: true, vlan: 10}, b: {memory: true, trunk: [10, 20]}}}
    router: {interfaces: {lan: {vlan: 10, addresses: [10.77.0.1/24]}}, routes: [{to: 192.0.2.0/24, via: 10.77.0.9}]}
    acls: {x: {rules: [{deny: {proto: tcp, dport: 22}}, {allow: any}], ingress: [a]}}
`),
];

function plainOf(tenants: string) {
  const port = tenants === '' ? '' : '        c: {memory: true, vlan: 7}\n';
  return (rig: Rig) => plainConfig(rig, port, tenants);
}

/**
 * Applies changes by turns, none of which names the flow that runs meanwhile: a tenant, its router and list, a port come and go.
 * @param rate frames/s of the flow, if that is not too many @param seconds before, and while, changes are applied
 */
export async function reconfigured(
  forwarder: Tapyard,
  rig: Rig,
  rate: number,
  seconds: number,
): Promise<Reconfiguration> {
  const pps = Math.round(Math.max(LEAST_PPS, Math.min(MOST_PPS, rate)));
  const before = await Generator.victim(rig, pps, seconds);
  const received = rig.received();
  const threads = lookAtThreads(forwarder.pid);
  let running = true;
  let applies = 0;
  let took = 0;
  const flow = Generator.victim(rig, pps, seconds).finally(() => {
    running = false;
  });
  while (running) took += await forwarder.apply(OTHERS[++applies % 2](rig));
  const { sent, probes, most } = await flow;
  const waited = shareWaited(threads, lookAtThreads(forwarder.pid));
  const all = sent + probes;
  const lost = Math.max(0, all - (rig.received() - received));
  return { applies, applyMs: took / applies, pps, sent: all, lost, mostMs: most, mostBeforeMs: before.most, waited };
}

export function reconfigurationLine(one: Reconfiguration): string {
  const { applies, applyMs, sent, lost, pps, mostMs, mostBeforeMs, waited } = one;
  const share = waited < 0.01 ? '' : `, the switch waited for a processor ${(waited * 100).toFixed(0)} % of the time`;
  return `${applies} times, ${applyMs.toFixed(0)} ms each, at ${pps} frames/s: ${lost} of ${sent} lost; a frame took ${mostMs.toFixed(3)} ms at most, ${mostBeforeMs.toFixed(3)} ms before${share}`;
}
