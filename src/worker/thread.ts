import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { clockSince, microsecondsSince, processorTime } from '../../native-free/clock.ts';
import { alignedWords, preferHugePages } from '../../native-free/huge-pages.ts';
import { runFirst } from '../../native-free/priority.ts';
import { Bell } from '../frame/bell.ts';
import { Ledger } from '../observe/ledger.ts';
import { CapPort } from '../port/cap-port.ts';
import { ImpairPort } from '../port/impair-port.ts';
import { IoStat } from '../port/io.ts';
import { MemoryPort } from '../port/memory-port.ts';
import { openIo } from '../port/open-io.ts';
import { PcapPort } from '../port/pcap-port.ts';
import type { Port } from '../port/port.ts';
import { type QemuNews, QemuPort } from '../port/qemu-port.ts';
import { RemoteInbox, RemotePort } from '../port/remote-port.ts';
import { ReplayPort } from '../port/replay-port.ts';
import { Epochs } from '../table/epoch.ts';
import { SharedBuckets } from '../table/shared-buckets.ts';
import { Engine } from './engine.ts';
import {
  Control,
  type DeviceSpec,
  type Envelope,
  type FromWorker,
  type Impaired,
  type WorkerSettings,
} from './messages.ts';
import { Orders } from './orders.ts';
import { Precedence } from './precedence.ts';
import { WarmUp } from './warm-up.ts';

const settings = workerData as WorkerSettings;
const control = new Int32Array(settings.control);
const bell = new Bell(control, Control.Bell);
const post = (message: FromWorker): void => settings.channel.postMessage(message);

const linkUp = new Int32Array(settings.linkUp);

const engine = new Engine({
  worker: settings.worker,
  heads: settings.heads,
  bodies: settings.bodies,
  tenants: settings.tenants,
  devices: settings.devices,
  buckets: SharedBuckets.attach(settings.buckets),
  epochs: Epochs.attach(settings.epochs),
  linkUp,
  uplinks: new Ledger(settings.uplinkRows, settings.uplinks),
  clock: clockSince(settings.origin),
  processor: processorTime,
  words: alignedWords,
  ring: () => bell.ring(),
});
const io = openIo(
  engine.pool,
  engine.tenants,
  { ports: settings.devices, wakeFd: settings.wakeFd },
  settings.io ?? undefined,
);
engine.io = io;
preferHugePages(engine.pool.memory);

const orders = new Orders({
  engine,
  makePort,
  impair,
  makeInbox: (memory) => new RemoteInbox(memory, engine.pool, engine.tenants),
});

/** Says whether a device has a peer: to our own stages at once, then to the main thread. */
function tellOfPeer(index: number, news: QemuNews, fd: number): void {
  if (news !== 'refused') Atomics.store(linkUp, index, news === 'connected' ? 1 : 0);
  post({ type: 'peer', index, news, fd });
}

function makePort(spec: DeviceSpec, index: number): Port {
  const clock = microsecondsSince(settings.origin);
  switch (spec.kind) {
    case 'memory':
      return new MemoryPort(spec.name, spec.handles, engine.pool, engine.tenants, spec.offloads);
    case 'replay':
      return new ReplayPort(spec.name, spec.handles, engine.pool, engine.tenants, clockSince(settings.origin));
    case 'pcap':
      return new PcapPort(spec.name, spec, engine.pool, engine.tenants, clock);
    case 'cap':
      return new CapPort(spec.name, spec.handles, engine.pool, engine.tenants);
    case 'qemu':
      Atomics.store(linkUp, index, 0);
      return new QemuPort(spec.name, spec.endpoint, io, engine.pool, engine.tenants, clock, (news, fd) =>
        tellOfPeer(index, news, fd),
      );
    case 'remote':
      return new RemotePort(spec.name, spec.outbox, spec.ownerWakeFd, engine.pool, engine.tenants);
    default:
      return io.openTap(spec.fd, spec.name, spec.offloads, spec.kind);
  }
}

function impair(port: Port, { impairment, mtu }: Impaired): Port {
  return new ImpairPort(port, impairment, mtu, engine.pool, engine.tenants, microsecondsSince(settings.origin));
}

function readMessages(): void {
  for (;;) {
    const received = receiveMessageOnPort(settings.channel);
    if (received === undefined) return;
    const { number, message } = received.message as Envelope;
    if (message.type === 'fail') fail(message.how);
    let error: string | null = null;
    let done = true;
    try {
      done = orders.carryOut(message, number);
    } catch (problem) {
      error = problem instanceof Error ? problem.message : String(problem);
    }
    Atomics.store(control, Control.Done, number);
    if (done) post({ type: 'done', number, error, audit: message.type === 'audit' ? engine.pool.audit() : null });
  }
}

/** Dies on purpose, for tests. */
function fail(how: 'throw' | 'exit' | 'memory' | 'spin'): void {
  if (how === 'exit') process.exit(3);
  const taken: number[][] = [];
  while (how !== 'throw') if (how === 'memory') taken.push(new Array<number>(1_000_000).fill(taken.length));
  throw new Error('on purpose');
}

function reportLeft(): void {
  orders.left((number) => post({ type: 'done', number, error: null, audit: null }));
}

/** Before the first frame can come; not where the predecessor has died, whose ports are waiting, and whose death may come again. */
function warmUp(): void {
  if (Atomics.load(control, Control.Done) > 0) return;
  const play = new WarmUp(settings);
  while (Atomics.load(control, Control.Stop) === 0 && play.step());
  play.close();
}

/** Runs until asked to stop. Every wait in it is bounded, and ended by the eventfd. */
function run(): void {
  Atomics.store(control, Control.State, 1);
  const precedence = new Precedence(runFirst);
  post({ type: 'ready', io: io.mode, fallback: io.fallback, ring: io.remains });
  for (;;) {
    const { waiting } = orders;
    engine.turn(!waiting);
    precedence.turned(io.stats[IoStat.Waits]);
    if (Atomics.load(control, Control.Sent) !== control[Control.Done]) readMessages();
    if (waiting || orders.waiting) reportLeft();
    if (Atomics.load(control, Control.Stop) === 1) break;
    control[Control.Turns] = engine.turns;
    control[Control.IdleTurns] = engine.idleTurns;
    control[Control.Enters] = io.stats[IoStat.Enters];
  }
  engine.close();
  io.close();
  Atomics.store(control, Control.State, 2);
  Atomics.notify(control, Control.State);
}

try {
  warmUp();
  run();
} catch (problem) {
  // What is left open is the main thread's to close: as after a death that nobody could catch.
  post({ type: 'failed', error: problem instanceof Error ? (problem.stack ?? problem.message) : String(problem) });
}
settings.channel.close();
