import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createOwnNetns, deleteOwnNetns, spawnInNetns } from '../../../native-free/netns.ts';
import { runTool, TOOL_ENVIRONMENT } from '../../../native-free/tool.ts';
import { UserError } from '../../errors.ts';
import { NODE_FLAGS } from '../../lab/node-flags.ts';
import { Program, type Said } from '../../lab/program.ts';
import { Socket, SocketOption } from '../../lab/traffic/sockets.ts';

export const SINK_PORT = 7000;
/** Small: what nobody reads is to cost the kernel as little as can be. */
const SINK_BUFFER = 4096;
const QUEUE = 1000;
const LEARN_PINGS = 3;

/** One end of the rig: a namespace, and the device in it that the switch under test is behind. */
export interface End {
  readonly netns: string;
  readonly device: string;
  readonly mac: string;
  readonly address: string;
}

/**
 * Two namespaces with a device each, and what is measured between them: through UDP sockets, ICMP echo sockets and TCP of the kernel, as
 * any program would do it; no raw socket. Frames are counted by the devices, so that no receiver has to keep up.
 */
export class Rig {
  readonly a: End;
  readonly b: End;
  #sink: Socket | null = null;

  /** @param tag in the names of namespaces and devices, so that rigs do not meet: at most eight letters and digits */
  constructor(tag: string) {
    const end = (letter: string, n: number): End => ({
      netns: `${tag}-${letter}`,
      device: `${tag}${letter}`,
      mac: `02:00:00:00:00:0${n}`,
      address: `10.0.0.${n}`,
    });
    this.a = end('a', 1);
    this.b = end('b', 2);
  }

  open(): void {
    for (const { netns } of [this.a, this.b]) createOwnNetns(netns);
  }

  /** Gives the devices, which are in their namespaces by now, addresses and neighbours, and lets the switch learn both. */
  async join(): Promise<void> {
    for (const [own, other] of [
      [this.a, this.b],
      [this.b, this.a],
    ]) {
      runTool(
        'ip',
        ['-n', own.netns],
        [
          ['link', 'set', 'dev', own.device, 'down'],
          ['link', 'set', 'dev', own.device, 'address', own.mac],
          ['link', 'set', 'dev', own.device, 'txqueuelen', QUEUE, 'up'],
          ['address', 'replace', `${own.address}/24`, 'dev', own.device],
          ['neighbor', 'replace', other.address, 'lladdr', other.mac, 'dev', own.device],
        ],
      );
      // Super-datagrams would be one frame to one switch and many to another.
      spawnSync('ip', ['netns', 'exec', own.netns, 'ethtool', '-K', own.device, 'tx-udp-segmentation', 'off'], {
        env: TOOL_ENVIRONMENT,
        stdio: 'ignore',
      });
    }
    this.#listen();
    const times = await this.roundTrips(LEARN_PINGS, 0.1);
    if (times.length === 0)
      throw new UserError('peer-failed', 'nothing comes through the switch under test', 'see what it said');
  }

  /**
   * Gives the devices other MACs, and lets the switch learn that of B: nobody answers, and no kernel looks at what comes.
   * @param macs of A and B
   */
  async joinSilent(macs: readonly [string, string]): Promise<void> {
    for (const [i, { netns, device, address }] of [this.a, this.b].entries()) {
      const settings = [
        ['link', 'set', 'dev', device, 'down'],
        ['link', 'set', 'dev', device, 'address', macs[i]],
        ['link', 'set', 'dev', device, 'txqueuelen', QUEUE, 'up'],
        ['address', 'replace', `${address}/24`, 'dev', device],
      ];
      runTool('ip', ['-n', netns], settings);
    }
    const { netns, device } = this.b;
    runTool('ip', ['-n', netns, 'neighbor', 'replace', this.a.address, 'lladdr', macs[0], 'dev', device]);
    const socket = new Socket('udp', 4, netns);
    socket.connect(this.a.address, SINK_PORT);
    socket.send(new Uint8Array(18));
    socket.close();
    for (const end of [this.a, this.b]) runTool('ip', ['-n', end.netns, 'address', 'flush', 'dev', end.device]);
  }

  /** Frames that the device of A has handed to the switch. */
  handed(): number {
    return statsOf(this.a).tx.packets;
  }

  close(): void {
    this.#sink?.close();
    for (const { netns } of [this.a, this.b]) deleteOwnNetns([netns]);
  }

  /** Frames that the device of B has received. */
  received(): number {
    return statsOf(this.b).rx.packets;
  }

  /** Sends datagrams from A to B. @returns what the generator says it sent, and what the device of B received */
  async blast(options: Readonly<Record<string, number>>): Promise<Blast> {
    const before = this.received();
    const said = await new Program(this.a.netns, 'udp-blast', {
      to: this.b.address,
      port: SINK_PORT,
      ...options,
    }).report();
    await settled(() => this.received());
    const seconds = number(said, 'seconds');
    const sent = number(said, 'sent');
    const received = Math.min(sent, this.received() - before);
    return { sent, received, seconds, offeredPps: sent / seconds, pps: received / seconds };
  }

  /** The same to a receiver that checks every byte and the order of every flow. */
  async checked(options: Readonly<Record<string, number>>): Promise<Said> {
    this.#sink?.close();
    const sink = new Program(this.b.netns, 'udp-sink', { port: SINK_PORT, idle: 0.5, seconds: 30 });
    await sink.next();
    await new Program(this.a.netns, 'udp-blast', { to: this.b.address, port: SINK_PORT, ...options }).report();
    const report = await sink.report();
    this.#listen();
    return report;
  }

  /** A socket that takes what is sent and throws it away: without one the kernel of B would answer with ICMP. */
  #listen(): void {
    this.#sink?.close();
    this.#sink = new Socket('udp', 4, this.b.netns);
    this.#sink.set(SocketOption.ReceiveBuffer, SINK_BUFFER);
    this.#sink.bind(this.b.address, SINK_PORT);
  }

  /** Gbit/s of so many TCP streams for some seconds, as the receivers saw it; the numbers in the streams are compared. */
  async tcp(streams: number, seconds: number): Promise<number> {
    const pairs = await Promise.all(
      Array.from({ length: streams }, async (_, i) => {
        const sender = new Program(this.a.netns, 'tcp-send', { port: 7100 + i, seconds });
        await sender.next();
        return new Program(this.b.netns, 'tcp-receive', { from: this.a.address, port: 7100 + i });
      }),
    );
    const reports = await Promise.all(pairs.map((receiver) => receiver.report()));
    for (const report of reports) {
      if (number(report, 'wrong') > 0)
        throw new UserError('check-failed', 'a TCP stream came out damaged', 'report it');
    }
    return reports.reduce((sum, report) => sum + number(report, 'gbits'), 0);
  }

  /** @returns milliseconds of each echo that came back */
  async roundTrips(count: number, intervalSeconds: number): Promise<number[]> {
    const name = import.meta.url.endsWith('.ts') ? '../../lab/traffic/ping.ts' : '../../lab/traffic/ping.js';
    const file = fileURLToPath(new URL(name, import.meta.url));
    const words = [...NODE_FLAGS, file, '-c', String(count), '-i', String(intervalSeconds)];
    const child = spawnInNetns(this.a.netns, process.execPath, [...words, this.b.address], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    child.stdout?.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
    });
    await new Promise((resolve) => child.on('close', resolve));
    return [...text.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms));
  }
}

function statsOf({ netns, device }: End) {
  const text = runTool('ip', ['-n', netns, '-s', '-j', 'link', 'show', 'dev', device]);
  const [link] = JSON.parse(text) as { stats64: { rx: { packets: number }; tx: { packets: number } } }[];
  return link.stats64;
}

export interface Blast {
  readonly sent: number;
  readonly received: number;
  readonly seconds: number;
  readonly offeredPps: number;
  readonly pps: number;
}

export function number(said: Said, key: string): number {
  const value = said[key];
  if (typeof value !== 'number') throw new Error(`a traffic program did not say ${key}`);
  return value;
}

/** Waits until a counter stands still. */
async function settled(read: () => number): Promise<void> {
  for (let before = -1, tries = 0; tries < 50; tries++) {
    const now = read();
    if (now === before) return;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
