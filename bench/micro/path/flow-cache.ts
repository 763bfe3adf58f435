import { frame } from '../../../src/wire/build-frame.ts';
import { Lab } from '../lab.ts';
import { compare } from '../suite.ts';

const PASS = 4096;
const FEW = 64;
/** More than the cache has places: no frame finds its flow when it comes round again. */
const MANY = 1 << 20;
const ROUTER = '02:00:00:00:02:fe';
const HOST = '02:00:00:00:03:02';
const rules = Array.from({ length: 100 }, (_, i) => `{deny: {proto: udp, from: 192.0.2.${i}, dport: ${1 + i}}}`);

/** Bridge, VLANs, router and a list of rules. */
const CONFIG = `version: 1
tenants:
  red:
    bridge:
      ports: {a: {memory: true, vlan: 10}, b: {memory: true, vlan: 20}}
      static_macs: [{mac: '${HOST}', vlan: 20, port: b}]
    router:
      mac: '${ROUTER}'
      interfaces: {a: {vlan: 10, addresses: [10.0.0.1/8]}, b: {vlan: 20, addresses: [172.16.0.1/24]}}
      neighbors: [{address: 172.16.0.2, mac: '${HOST}', interface: b}]
    acls: {in: {rules: [${rules.join(', ')}], default: allow, ingress: [a]}}
`;

/** Flows that differ in address and port. */
function flows(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    frame({
      ethernet: { destination: ROUTER },
      ipv4: { source: [0x0a01_0000 + (i >>> 4)], destination: '172.16.0.2' },
      udp: { source: 1024 + (i & 15), destination: 5000, checksum: false },
      pad: true,
    }),
  );
}

/** Two labs with the same frames, one of which asks the stages. */
function sides(frames: readonly Uint8Array[]): { cached: Lab; staged: Lab } {
  const cached = new Lab(CONFIG, frames);
  const staged = new Lab(CONFIG, frames);
  staged.cached = false;
  for (const lab of [cached, staged]) lab.pass(PASS);
  if (cached.digest(PASS) !== staged.digest(PASS))
    throw new Error('the flow cache lets out other frames than the stages');
  return { cached, staged };
}

/** Frames of a pass that are not found in the cache. */
function missed({ cached }: { readonly cached: Lab }): number {
  const before = cached.decided;
  cached.pass(PASS);
  return cached.decided - before;
}

const hit = sides(flows(FEW));
const miss = sides(flows(MANY));
if (missed(hit) > 0) throw new Error(`frames of ${FEW} flows are no hits`);
if (missed(miss) < PASS * 0.9) throw new Error(`frames of ${MANY} flows are no misses`);

compare('path/flow-cache', [
  {
    name: `hits: ${PASS} frames of ${FEW} flows`,
    fast: () => hit.cached.pass(PASS),
    slow: () => hit.staged.pass(PASS),
    least: 5,
    reason: 'what is decided once is only to be carried out; the stages are the slow twin',
  },
  {
    name: `misses: ${PASS} frames, each of a flow that it does not know`,
    fast: () => miss.cached.pass(PASS),
    slow: () => miss.staged.pass(PASS),
    least: 0.5,
    reason: 'a sender who picks headers makes misses: one costs no more than twice what the stages do',
  },
]);
