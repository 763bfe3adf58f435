import { plainConfig, type Tapyard } from './rig/forwarders.ts';
import type { Rig } from './rig/rig.ts';

export interface Reconfiguration {
  /** Changes that were applied, and what one took, milliseconds. */
  readonly applies: number;
  readonly applyMs: number;
  readonly sent: number;
  readonly lost: number;
  /** What was lost as a time at the rate that was sent, as RFC 6201, section 4.1, reckons the time of a reset. */
  readonly blockedMs: number;
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

/** Applies changes by turns, none of which names the flow that runs meanwhile: a tenant, its router and list, a port come and go. */
export async function reconfigured(
  forwarder: Tapyard,
  rig: Rig,
  blast: { readonly seconds: number; readonly length: number; readonly flows: number; readonly pps: number },
): Promise<Reconfiguration> {
  let running = true;
  let applies = 0;
  let took = 0;
  const flood = rig.blast(blast).finally(() => {
    running = false;
  });
  while (running) took += await forwarder.apply(OTHERS[++applies % 2](rig));
  const { sent, received } = await flood;
  const lost = sent - received;
  return { applies, applyMs: took / applies, sent, lost, blockedMs: (lost / blast.pps) * 1000 };
}
