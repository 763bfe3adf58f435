import { mkdtempSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ip, setLink } from '../../native-free/links.ts';
import { createNetns, deleteNetns, listNetns } from '../../native-free/netns.ts';
import { joinDevice, type Redirect } from '../../native-free/redirect.ts';
import { openTap, type Tap } from '../../native-free/tap.ts';
import { closeSocket, SocketAddress } from '../../native-free/unix-socket.ts';
import { Batch } from '../../src/frame/batch.ts';
import { Pool } from '../../src/frame/pool.ts';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { CapEnd, CapPort } from '../../src/port/cap-port.ts';
import { ImpairPort } from '../../src/port/impair-port.ts';
import type { Io, IoOptions } from '../../src/port/io.ts';
import { MemoryEnd, MemoryPort } from '../../src/port/memory-port.ts';
import { openIo } from '../../src/port/open-io.ts';
import { PcapPort } from '../../src/port/pcap-port.ts';
import { Offload, type Port, type TxSink } from '../../src/port/port.ts';
import { type QemuNews, QemuPort } from '../../src/port/qemu-port.ts';
import { pcapFile, pcapFrames } from './pcap-file.ts';
import { StreamEnd } from './stream-end.ts';

/** A frame as it is on the wire, with its virtio-net header. */
export interface Wire {
  readonly frame: Uint8Array;
  readonly vnet: Uint8Array;
}

export const NO_VNET = new Uint8Array(10);

/** Remembers what became of each frame. */
export class Books implements TxSink {
  readonly sentTo: { tenant: number; row: number; port: number; bytes: number }[] = [];
  readonly lostFor: { tenant: number; row: number; reason: number }[] = [];
  sent(tenant: number, row: number, port: number, frames: number, bytes: number): void {
    for (let k = 0; k < frames; k++) this.sentTo.push({ tenant, row, port, bytes: bytes / frames });
  }
  clones = 0;
  cloned(): void {
    this.clones++;
  }
  lost(tenant: number, row: number, reason: number): void {
    this.lostFor.push({ tenant, row, reason });
  }
  get count(): number {
    return this.sentTo.length + this.lostFor.length;
  }
}

/** A port, what it works with, and the far end of its cable. */
export interface Rig {
  readonly port: Port;
  readonly pool: Pool;
  readonly books: Books;
  readonly batch: Batch;
  readonly queue: TxQueue;
  /** One turn of the worker's loop. */
  turn(): void;
  /** Sends one more frame to the port, if it is live. */
  send(wire: Wire): void;
  /** What has left by the port since the last call. */
  collect(): Wire[];
  readonly device: Device | null;
  close(): void;
}

/** What can be done to a device of the kernel. */
export interface Device {
  readonly io: Io;
  vanish(): void;
  link(up: boolean): void;
  /** Another port onto the same device, after the first was closed. */
  reopen(): Port;
}

export interface Kind {
  readonly name: string;
  /** Whether super-frames and partial checksums pass. */
  readonly superFrames: boolean;
  /** Whether frames can be sent while the port is open. */
  readonly live: boolean;
  /** Whether a device of the kernel is behind it: it can vanish, and refuses frames shorter than an Ethernet header. */
  readonly real: boolean;
  /** Whether there are frames without a byte, and such as are longer than slots. */
  readonly anyLength: boolean;
  /** Makes a port at which these frames wait. */
  open(input: readonly Wire[], heads?: number): Rig;
  /** Removes what rigs have in common. */
  end(): void;
}

const BODIES = 128;
let laid = 0;

function parts(heads = 2048) {
  const pool = new Pool(heads, BODIES, 4);
  return { pool, books: new Books(), batch: new Batch(), queue: new TxQueue(4096) };
}

const memory: Kind = {
  name: 'memory',
  superFrames: true,
  live: true,
  real: false,
  anyLength: true,
  end: () => {},
  open(input, heads) {
    const all = parts(heads);
    const end = MemoryEnd.create(1 << 19);
    const offloads = Offload.Checksum | Offload.Tso4;
    const port = new MemoryPort('memory', end.handles(), all.pool, all.books, offloads);
    const send = ({ frame, vnet }: Wire) => {
      if (!end.send(frame, vnet)) throw new Error('the ring is too small');
    };
    input.forEach(send);
    const collect = () => {
      const out: Wire[] = [];
      for (let frame = end.receive(); frame !== null; frame = end.receive()) out.push({ frame, vnet: end.vnet });
      return out;
    };
    return { ...all, port, device: null, send, collect, turn: () => {}, close: () => {} };
  },
};

/** A line that keeps every frame for two milliseconds, before a memory port. */
const impaired: Kind = {
  ...memory,
  name: 'impaired',
  superFrames: false,
  open(input, heads) {
    const rig = memory.open(input, heads);
    let now = 0;
    const line = { delayUs: 2000, jitterUs: 0, loss: 0, duplicate: 0, reorder: 0, rate: null, queue: 1000, seed: 1 };
    const port = new ImpairPort(rig.port, line, 9000, rig.pool, rig.books, () => now);
    const turn = () => {
      now += 1000;
    };
    return { ...rig, port, turn };
  },
};

const pcap: Kind = {
  name: 'pcap',
  superFrames: false,
  live: false,
  real: false,
  anyLength: true,
  end: () => {},
  open(input, heads) {
    const all = parts(heads);
    const folder = mkdtempSync(join(tmpdir(), 'tapyard-ports-'));
    const read = join(folder, 'in.pcap');
    const write = join(folder, 'out.pcap');
    writeFileSync(read, pcapFile(input.map(({ frame }) => frame)));
    let now = 0;
    const options = { read, write, pace: 'speed', loops: 1 } as const;
    const port = new PcapPort('pcap', options, all.pool, all.books, () => now);
    let seen = 0;
    const collect = () => {
      now += 1e6;
      port.request(0, 0);
      const { frames, end } = pcapFrames(readFileSync(write), seen);
      seen = end;
      return frames.map((frame) => ({ frame, vnet: NO_VNET }));
    };
    return {
      ...all,
      port,
      device: null,
      send: () => {},
      collect,
      turn: () => {},
      close: () => rmSync(folder, { recursive: true }),
    };
  },
};

/** libpcap is not asked: its side of the rings is the test's. */
const cap: Kind = {
  name: 'cap',
  superFrames: false,
  live: true,
  real: false,
  anyLength: false,
  end: () => {},
  open(input, heads) {
    const all = parts(heads);
    const end = new CapEnd();
    const port = new CapPort('cap', end.handles, all.pool, all.books);
    const send = ({ frame }: Wire) => {
      if (!end.push(frame, false)) throw new Error('the ring is too small');
    };
    input.forEach(send);
    const sent: Wire[] = [];
    const buffer = new Uint8Array(1 << 17);
    const turn = () => {
      end.drain(buffer, (length) => sent.push({ frame: buffer.slice(0, length), vnet: NO_VNET }) > 0);
    };
    return { ...all, port, device: null, send, collect: () => sent.splice(0), turn, close: () => {} };
  },
};

const buffer = Buffer.alloc(70000);

function readAll(tap: Tap): Wire[] {
  const out: Wire[] = [];
  for (;;) {
    try {
      const length = readSync(tap.fds[0], buffer);
      out.push({
        frame: new Uint8Array(buffer.subarray(10, length)),
        vnet: new Uint8Array(buffer.subarray(0, 10)),
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return out;
      throw error;
    }
  }
}

const NETNS = /^pp-ports-(\d+)-/;

/** Removes the namespaces that runs which were killed have left; all devices of a run are in its namespaces. */
export function sweep(): void {
  for (const name of listNetns()) {
    const pid = NETNS.exec(name)?.[1];
    if (pid === undefined) continue;
    try {
      process.kill(Number(pid), 0);
    } catch {
      deleteNetns(name);
    }
  }
}

interface Cable {
  readonly netns: string;
  readonly near: Tap;
  readonly far: Tap;
  cut(): void;
}

/** Makes both TAPs and joins them, in a namespace of their own. */
function lay(kind: 'tap' | 'netdev'): Cable {
  const netns = `pp-ports-${process.pid}-${laid++}`;
  createNetns(netns);
  const near = openTap({ name: 'near', netns, mtu: 9000 });
  const far = openTap({ name: 'far', netns, mtu: 9000 });
  const joins: Redirect[] = [];
  if (kind === 'tap') joins.push(joinDevice({ device: 'far', tap: 'near', netns }));
  else {
    ip(netns, [['link', 'add', 'pp0', 'mtu', 9000, 'type', 'veth', 'peer', 'name', 'pp1', 'mtu', 9000]]);
    joins.push(joinDevice({ device: 'pp0', tap: 'near', netns }), joinDevice({ device: 'pp1', tap: 'far', netns }));
  }
  const cut = () => {
    near.close();
    far.close();
    for (const join of joins) join.undo();
    deleteNetns(netns);
  };
  return { netns, near, far, cut };
}

/**
 * A TAP of ours (`near`) whose frames go to and from a second one (`far`) that the test holds: joined by redirects, directly, or
 * with a veth pair in between, the near half of which is then the device that the port stands for.
 */
function real(name: string, mode: 'uring' | 'poll', kind: 'tap' | 'netdev', options: IoOptions = {}): Kind {
  let cable: Cable | null = null;
  const open = (input: readonly Wire[], heads?: number): Rig => {
    const all = parts(heads);
    cable ??= lay(kind);
    const { netns, near, far } = cable;
    // What an earlier test has left.
    readAll(near);
    readAll(far);
    const io = openIo(all.pool, all.books, options, mode);
    const offloads = Offload.Checksum | Offload.Tso4 | Offload.Tso6;
    let whole = true;
    const reopen = () => io.openTap(near.fds[0], 'near', offloads, kind);
    const port = reopen();
    const send = ({ frame, vnet }: Wire) => void writeSync(far.fds[0], Buffer.concat([vnet, frame]));
    input.forEach(send);
    return {
      ...all,
      port,
      send,
      device: {
        io,
        reopen,
        link: (up) => setLink('near', { up }, netns),
        vanish: () => {
          ip(netns, [['link', 'del', 'near']]);
          whole = false;
        },
      },
      turn: () => void io.turn(5),
      collect: () => readAll(far),
      close: () => {
        io.close();
        if (!whole) end();
      },
    };
  };
  const end = () => {
    cable?.cut();
    cable = null;
  };
  return { name, superFrames: true, live: true, real: true, anyLength: false, open, end };
}

/** A unix socket in a folder of its own, and the port's end of it. */
export function openQemu(mode: 'uring' | 'poll', heads?: number) {
  const all = parts(heads);
  const folder = mkdtempSync(join(tmpdir(), 'tapyard-ports-'));
  const path = join(folder, 'vm.sock');
  const listening = new SocketAddress(path).listen();
  const io = openIo(all.pool, all.books, {}, mode);
  const clock = { us: 0 };
  const news: QemuNews[] = [];
  const port = new QemuPort(
    'vm',
    { listen: listening },
    io,
    all.pool,
    all.books,
    () => clock.us,
    (what) => {
      news.push(what);
    },
  );
  const close = () => {
    io.close();
    closeSocket(listening);
    rmSync(folder, { recursive: true });
  };
  return { ...all, port, path, io, clock, news, close };
}

function qemu(mode: 'uring' | 'poll'): Kind {
  const open = (input: readonly Wire[], heads?: number): Rig => {
    const { io, close, path, clock, ...rest } = openQemu(mode, heads);
    const end = StreamEnd.connect(path);
    for (let i = 0; i < 5; i++) {
      rest.port.request(0, 0);
      io.turn(1);
    }
    const arrived: Wire[] = [];
    const read = () => arrived.push(...end.receive().map((frame) => ({ frame, vnet: NO_VNET })));
    const send = ({ frame }: Wire) => end.send(frame);
    input.forEach(send);
    return {
      ...rest,
      device: null,
      send,
      turn: () => {
        clock.us += 20_000;
        end.push();
        read();
        io.turn(5);
      },
      collect: () => {
        read();
        return arrived.splice(0);
      },
      close: () => {
        end.close();
        close();
      },
    };
  };
  const name = `qemu by ${mode === 'uring' ? 'io_uring' : 'poll'}`;
  return { name, superFrames: false, live: true, real: false, anyLength: false, open, end: () => {} };
}

export const kinds: readonly Kind[] = [
  memory,
  impaired,
  cap,
  pcap,
  qemu('uring'),
  qemu('poll'),
  real('tap by io_uring', 'uring', 'tap'),
  real('tap by io_uring that no read waits for', 'uring', 'tap', { waiting: 0 }),
  real('tap by poll', 'poll', 'tap'),
  real('netdev by io_uring', 'uring', 'netdev'),
  real('netdev by poll', 'poll', 'netdev'),
];

/** An Ethernet frame (experimental EtherType) whose bytes all depend on its number. */
export function numbered(n: number, length: number): Wire {
  const frame = new Uint8Array(length);
  for (let i = 0; i < length; i++) frame[i] = (n * 31 + i * 7 + (i >> 8)) & 255;
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, n >> 8, n].slice(0, length));
  return { frame, vnet: NO_VNET };
}

/** A TCP super-frame of `payload` bytes, to be cut into segments of 1,448, its checksum still to be completed. */
export function superFrame(payload: number): Wire {
  const frame = Buffer.alloc(14 + 20 + 20 + payload, 0x5a);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0]);
  frame.writeUInt16BE(40 + payload, 16);
  frame.set([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 18);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += frame.readUInt16BE(i);
  frame.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 24);
  frame.set([0x10, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0], 34);
  const vnet = Buffer.alloc(10);
  vnet.set([1, 1]);
  vnet.writeUInt16LE(54, 2);
  vnet.writeUInt16LE(1448, 4);
  vnet.writeUInt16LE(34, 6);
  vnet.writeUInt16LE(16, 8);
  return { frame, vnet };
}

/** Bytes of frame i of a batch, head and body together. */
export function bytesOf(pool: Pool, batch: Batch, i: number): Uint8Array {
  const head = pool.octets.subarray(batch.start[i], batch.start[i] + batch.headLength[i]);
  const body = pool.octets.subarray(batch.bodyStart[i], batch.bodyStart[i] + batch.bodyLength[i]);
  return new Uint8Array([...head, ...body]);
}

/** Asks, turns and receives until so many frames are in the batch, or nothing comes any more. */
export function receive(rig: Rig, count: number): void {
  const { port, batch } = rig;
  for (let dry = 0; batch.count < count && dry < 20; dry++) {
    port.request(Math.min(64, count - batch.count), 1);
    rig.turn();
    if (port.receive(batch, batch.capacity) > 0) dry = 0;
  }
}

/** Puts the batch's frames into the queue, and empties the batch. */
export function enqueue(rig: Rig): void {
  const { batch, queue } = rig;
  for (let i = 0; i < batch.count; i++) {
    const { head, start, headLength, body, bodyStart, bodyLength } = batch;
    queue.push(head[i], start[i], headLength[i], body[i], bodyStart[i], bodyLength[i], 1, 2, 3);
  }
  batch.count = 0;
}

/** Hands the whole queue to the port, however often that takes. */
export function transmit(rig: Rig): Wire[] {
  const { port, queue, books } = rig;
  const all = books.count + queue.count;
  const out: Wire[] = [];
  for (let round = 0; books.count < all && round < 100; round++) {
    queue.shift(port.transmit(queue));
    port.request(0, 1);
    rig.turn();
    out.push(...rig.collect());
  }
  return out.concat(rig.collect());
}
