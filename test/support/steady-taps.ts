/**
 * A switch on real TAPs under load, in a process of its own, for test/acceptance/steady.ts: warms up at full load, then measures
 * what its worker does at full load and at a low one. Prints one line, `steady {…}`.
 */
import { execFileSync } from 'node:child_process';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { parseConfig } from '../../src/control/config/load.ts';
import { Program } from '../../src/lab/program.ts';
import { Socket, SocketOption } from '../../src/lab/traffic/sockets.ts';
import { Column } from '../../src/observe/ledger.ts';
import { own } from './switch-process.ts';

const [warm, seconds, lowRate] = process.argv.slice(2).map(Number);
const [a, b, c] = ['a', 'b', 'c'].map(own);
const PORT = 7000;
const NO_IPV6 = 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6';

const parsed = parseConfig(
  `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {tap: ${a}, netns: ${a}, vlan: 10, address: 10.0.10.11/24, gateway: 10.0.10.1}
        b: {tap: ${b}, netns: ${b}, vlan: 10, address: 10.0.10.12/24, gateway: 10.0.10.1}
        c: {tap: ${c}, netns: ${c}, vlan: 20, address: 10.0.20.11/24, gateway: 10.0.20.1}
    router:
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24]}
        db: {vlan: 20, addresses: [10.0.20.1/24]}
    acls:
      web-in: {rules: [{deny: {proto: tcp, dport: 22}}, {allow: any}], ingress: [a, b]}
`,
  'steady',
);
if (parsed.model === undefined) throw new Error(JSON.stringify(parsed.diagnostics));

/** The switch keeps its workers to itself; here they are seen as they are made. */
const threads = createRequire(import.meta.url)('node:worker_threads') as { Worker: typeof Worker };
const seen: Worker[] = [];
const born: number[] = [];
threads.Worker = class extends threads.Worker {
  constructor(...words: ConstructorParameters<typeof Worker>) {
    super(...words);
    seen.push(this);
    born.push(performance.now());
  }
};
syncBuiltinESMExports();
const { Switch } = await import('../../src/control/switch.ts');

/** Before there is a worker: the isolate that these collections name is the main thread's. */
globalThis.gc?.();
const running = await Switch.start(parsed.model, { io: process.env['TAPYARD_IO'] ?? null });
const [tenant] = running.tenants;
// What kernels say of themselves, seldom and of another kind than the load, would be met for the first time while it is measured.
for (const netns of [a, b, c]) execFileSync('ip', ['netns', 'exec', netns, 'sh', '-c', NO_IPV6]);

interface Mark {
  readonly ms: number;
  readonly bytes: number;
  readonly turns: number;
  readonly enters: number;
  readonly frames: number;
  readonly sent: number;
}

async function mark(): Promise<Mark> {
  const sum = (column: number) => tenant.rows.reduce((all, row) => all + tenant.ledgers[0].get(row, column), 0);
  const heap = (await seen[0].getHeapStatistics()) as unknown as { total_allocated_bytes: number };
  return {
    ms: performance.now() - born[0],
    bytes: heap.total_allocated_bytes,
    turns: running.workers[0].turns.all,
    enters: running.workers[0].turns.enters,
    frames: sum(Column.Received),
    sent: sum(Column.Sent),
  };
}

/** Sockets that take what comes and are never read: the kernel drops what does not fit. */
const holes = [b, c].map((netns) => {
  const socket = new Socket('udp', 4, netns);
  socket.set(SocketOption.SendBuffer, 1);
  socket.bind('0.0.0.0', PORT);
  return socket;
});

function load(pps: number): Program[] {
  const options = { port: PORT, flows: 16, seconds: 3600, pps, super: 20 };
  return [
    new Program(a, 'udp-flood', { ...options, to: '10.0.20.11' }),
    new Program(a, 'udp-flood', { ...options, from: 21000, to: '10.0.10.12' }),
  ];
}

/** What comes with time and not with turns (compilation, statistics) must not weigh where others leave us few of them. */
const LEAST_FULL = 20_000;
const LEAST_LOW = 5000;
const MOST_MEASURED_MS = 25_000;

async function measure(leastTurns: number): Promise<readonly [Mark, Mark]> {
  const before = await mark();
  await sleep(seconds * 1000);
  const few = () => running.workers[0].turns.all - before.turns < leastTurns;
  // Marks allocate on the worker: one at each end, however long it takes.
  while (few() && performance.now() - born[0] - before.ms < MOST_MEASURED_MS) await sleep(100);
  return [before, await mark()];
}

/** Optimisation comes with calls, not with time: so many turns, in case somebody else uses the machine. */
const LEAST_TURNS = 30_000;
const MOST_WARM_MS = 60_000;

async function warmUp(): Promise<void> {
  await sleep(warm * 1000);
  while (running.workers[0].turns.all < LEAST_TURNS && performance.now() - born[0] < MOST_WARM_MS) await sleep(100);
}

const flood = load(0);
await warmUp();
const full = await measure(LEAST_FULL);
for (const program of flood) await program.kill();
const trickle = load(lowRate);
await sleep(2000);
const low = await measure(LEAST_LOW);
for (const program of trickle) await program.kill();
for (const hole of holes) hole.close();
const io = running.workers[0].io;
await running.stop();
process.stdout.write(`\nsteady ${JSON.stringify({ io, full, low })}\n`);
