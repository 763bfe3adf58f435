/**
 * A switch in one thread with memory ports, for test/acceptance/steady.ts: frames of 64 flows are bridged and routed. Warms up, then
 * measures what handling `frames` of them allocates, and what as many turns without a frame do; then a neighbour changes. Prints one line, `steady {…}`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { parseConfig } from '../../src/control/config/load.ts';
import { VNET_SIZE } from '../../src/frame/layout.ts';
import { Ring } from '../../src/frame/ring.ts';
import { Ledger } from '../../src/observe/ledger.ts';
import { MemoryEnd, MemoryPort } from '../../src/port/memory-port.ts';
import { Epochs } from '../../src/table/epoch.ts';
import { NeighborState } from '../../src/table/neighbor-table.ts';
import { SharedBuckets } from '../../src/table/shared-buckets.ts';
import { Policers } from '../../src/tenant/policers.ts';
import { Tenant } from '../../src/tenant/tenant.ts';
import { frame } from '../../src/wire/build.ts';
import { parseMac } from '../../src/wire/ethernet.ts';
import { Engine } from '../../src/worker/engine.ts';

const [warm, frames] = process.argv.slice(2).map(Number);
const FLOWS = 64;
/** Times that a neighbour changes, and turns after each: entries prove themselves anew in between. */
const CHANGES = 16;
const AFTER_A_CHANGE = 2000;
const APART_MS = 500;
const macOf = (port: number) => `02:00:00:00:00:0${port + 1}`;

const parsed = parseConfig(
  `
version: 1
tenants:
  red:
    bridge:
      storm_control: 100000000
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 10}
        c: {memory: true, vlan: 20}
    router:
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:10::1/64']}
        db: {vlan: 20, addresses: [10.0.20.1/24, 'fd00:20::1/64']}
    acls:
      web-in: {rules: [{deny: {proto: tcp, dport: 22}}, {allow: any}], ingress: [a]}
    quota: {pps: 100M, rate: 1000G}
`,
  'steady',
);
if (parsed.model === undefined) throw new Error(JSON.stringify(parsed.diagnostics));
const [model] = parsed.model.tenants;
const gateways = model.router!.interfaces.map(({ mac }) => mac);

/** So that its isolate can be told by the trace. */
globalThis.gc?.();
let nowUs = 1;
const buckets = SharedBuckets.create(64);
const epochs = Epochs.create(1);
const engine = new Engine({
  worker: 0,
  heads: 2048,
  bodies: 64,
  tenants: 16,
  devices: 16,
  buckets,
  epochs,
  linkUp: new Int32Array(new SharedArrayBuffer(64)).fill(1),
  uplinks: new Ledger(1),
  clock: (into) => {
    into[0] = nowUs;
  },
  ring: () => {},
});
const ends = model.bridge.ports.map((port, i) => {
  const end = MemoryEnd.create(1 << 20);
  engine.devices.add(i, new MemoryPort(port.name, end.handles(), engine.pool, engine.tenants), null);
  return end;
});
const tenant = await Tenant.create({
  model,
  index: 1,
  workers: 1,
  attachments: ends.map((_, device) => ({ device, outerVlan: 0, outerTpid: 0 })),
  policers: new Policers(buckets, () => nowUs),
  clock: { nowMs: () => nowUs / 1000, wake: () => {} },
  epochs,
  indexOf: () => 1,
});
engine.tenants.set(tenant.image);
for (const i of ends.keys()) engine.devices.assign(i, 0, 1, i);
const { high, low } = parseMac(macOf(2));
/** @param last byte of the MAC of c, which is behind both addresses */
function answer(last: number): void {
  for (const address of [
    [0, 0, 0xffff, 0x0a001402],
    [0xfd000020, 0, 0, 2],
  ] as const)
    tenant.neighbors.set(1, address, NeighborState.Reachable, high, (low & ~0xff) | last);
}
answer(low & 0xff);

/** A frame a flow: IPv4 and IPv6, UDP and TCP, bridged to b and routed to c. */
const made = Array.from({ length: FLOWS }, (_, flow) => {
  const routed = (flow & 1) === 1;
  const ports = { source: 1000 + flow, destination: 7000 };
  return frame({
    ethernet: { source: macOf(0), destination: routed ? gateways[0] : macOf(1) },
    ...((flow & 2) === 0
      ? { ipv4: { source: '10.0.10.2', destination: routed ? '10.0.20.2' : '10.0.10.3' } }
      : { ipv6: { source: 'fd00:10::2', destination: routed ? 'fd00:20::2' : 'fd00:10::3' } }),
    ...((flow & 4) === 0 ? { udp: ports } : { tcp: ports }),
    payload: 18 + flow,
  });
});
const records = made.map((bytes) => Uint8Array.from([...new Uint8Array(VNET_SIZE), ...bytes]));

/** The far ends without the copies that tests make: rings as they are. */
const into = new Ring(ends[0].handles().in);
const outOf = ends.map((end) => new Ring(end.handles().out));

function send(count: number, from: number): void {
  for (let i = 0; i < count; i++) {
    const record = records[(from + i) & (FLOWS - 1)];
    const at = into.reserve(record.length);
    const { octets } = into;
    for (let k = 0; k < record.length; k++) octets[at + k] = record[k];
    into.commit();
  }
}

function drain(): number {
  let received = 0;
  for (let p = 0; p < outOf.length; p++) for (; outOf[p].peek() >= 0; received++) outOf[p].pop();
  return received;
}

/** @param size frames a turn @returns frames that came out */
function run(turns: number, size: number): number {
  let received = 0;
  for (let t = 0; t < turns; t++) {
    send(size, t * size);
    nowUs += 20;
    engine.turn(false);
    received += drain();
  }
  return received;
}

// b and c say who they are, so that what is sent to them is not flooded.
ends[1].send(frame({ ethernet: { source: macOf(1), destination: macOf(0) }, payload: 46 }));
ends[2].send(frame({ ethernet: { source: macOf(2), destination: gateways[1] }, payload: 46 }));
run(10, 0);

const size = 32;
const until = performance.now() + warm * 1000;
while (performance.now() < until) for (let i = 0; i < 5; i++) run(200, i % 2 === 0 ? size : 0);

function allocated(turns: number, size: number): { bytes: number; received: number; from: number; to: number } {
  const from = performance.now();
  const before = getHeapStatistics().total_allocated_bytes;
  const received = run(turns, size);
  return { bytes: getHeapStatistics().total_allocated_bytes - before, received, from, to: performance.now() };
}

const turns = Math.ceil(frames / size);
const idle = allocated(turns, 0);
const loaded = allocated(turns, size);
/** A neighbour has another MAC, and has it back: flows to it are decided anew, and go on. */
// V8's log counts from a moment after `performance` does: what is seen here must not seem to be of the time before.
await sleep(APART_MS);
const from = performance.now();
for (let change = 0; change < CHANGES; change++) {
  answer((low & 0xff) ^ (change & 1 ? 0 : 1));
  run(AFTER_A_CHANGE, size);
}
const changed = { from, to: performance.now() };
process.stdout.write(`\nsteady ${JSON.stringify({ turns, frames: turns * size, idle, loaded, changed })}\n`);
