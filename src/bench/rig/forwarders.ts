import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawnTied } from '../../../native-free/tied.ts';
import { runTool, TOOL_ENVIRONMENT } from '../../../native-free/tool.ts';
import { UserError } from '../../errors.ts';
import { NODE_FLAGS } from '../../lab/node-flags.ts';
import { buildPeer, hasCompiler } from '../c-program.ts';
import { OpenVswitch } from './open-vswitch.ts';
import type { Rig } from './rig.ts';

export const FORWARDERS = ['tapyard', 'ovs', 'ovs-tso', 'ovs-dpdk', 'bridge', 'c'] as const;
export type ForwarderName = (typeof FORWARDERS)[number];

/** The kernel shares processors between sessions, and heeds niceness only within one (sched(7), autogroup): generators are in ours. */
const IN_OUR_SESSION = { detached: false };

/** A switch under test between the two devices of a rig. */
export interface Forwarder {
  /** Makes the devices, each in its namespace by the end. */
  start(rig: Rig): Promise<void>;
  stop(): Promise<void>;
}

/** @returns why this forwarder cannot be had here, or null */
export function missing(name: ForwarderName): string | null {
  if (name === 'c') {
    if (!hasCompiler()) return 'gcc is not there';
    return existsSync('/usr/include/liburing.h') ? null : 'liburing-dev is not there';
  }
  if (name === 'ovs-dpdk') return OpenVswitch.missing(true);
  return name.startsWith('ovs') ? OpenVswitch.missing(false) : null;
}

/** @param folder for what it writes, kept until it has stopped */
export function forwarderOf(name: ForwarderName, folder: string): Forwarder {
  switch (name) {
    case 'tapyard':
      return new Tapyard(folder);
    case 'ovs':
      return new OpenVswitch(folder, 'default');
    case 'ovs-tso':
      return new OpenVswitch(folder, 'tso');
    case 'ovs-dpdk':
      return new OpenVswitch(folder, 'dpdk');
    case 'bridge':
      return new LinuxBridge();
    case 'c':
      return new CTwin(folder);
  }
}

/** One bridge of two ports, and what else there may be in it. */
export function plainConfig({ a, b }: Rig, ports = '', tenants = ''): string {
  const port = ({ device, netns }: Rig['a']) => `{tap: ${device}, netns: ${netns}}`;
  return `version: 1
tenants:
  rig:
    bridge:
      ports:
        a: ${port(a)}
        b: ${port(b)}
${ports}${tenants}`;
}

/** Tapyard itself: a process of its own, as a user starts it. */
export class Tapyard implements Forwarder {
  readonly #folder: string;
  readonly #config: ((rig: Rig) => string) | undefined;
  #child: ChildProcess | null = null;

  /** @param config of the switch; absent: one bridge of two ports */
  constructor(folder: string, config?: (rig: Rig) => string) {
    this.#folder = folder;
    this.#config = config;
  }

  async start(rig: Rig): Promise<void> {
    const file = join(this.#folder, 'rig.yaml');
    writeFileSync(file, this.#config?.(rig) ?? plainConfig(rig));
    const words = [...NODE_FLAGS, process.argv[1], 'up', file];
    const child = spawnTied(process.execPath, [...words, '--socket', join(this.#folder, 'sock')], {
      ...IN_OUR_SESSION,
      env: process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    await isReady(child, 'tapyard');
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Makes the running switch another, as a user does it. @returns milliseconds that it took */
  async apply(config: string): Promise<number> {
    const file = join(this.#folder, 'applied.yaml');
    writeFileSync(file, config);
    const words = [...NODE_FLAGS, process.argv[1], 'apply', file];
    const began = performance.now();
    const child = spawn(process.execPath, [...words, '--socket', join(this.#folder, 'sock')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    if (code !== 0) throw new UserError('peer-failed', `tapyard apply failed: ${said.trim()}`, 'report it as a bug');
    return performance.now() - began;
  }

  async stop(): Promise<void> {
    await ended(this.#child);
  }
}

class CTwin implements Forwarder {
  readonly #folder: string;
  #child: ChildProcess | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async start({ a, b }: Rig): Promise<void> {
    const built = join(this.#folder, 'forward');
    const program = existsSync(built) ? built : buildPeer('forward', this.#folder, ['-luring']);
    this.#child = spawnTied(program, [a.device, b.device], { ...IN_OUR_SESSION, stdio: ['ignore', 'pipe', 'pipe'] });
    await isReady(this.#child, 'the C twin');
    moveIn({ a, b });
  }

  async stop(): Promise<void> {
    await ended(this.#child);
  }
}

/** The bridge of the kernel over two pairs of veth: no userspace at all. */
class LinuxBridge implements Forwarder {
  #made: string[] = [];

  async start({ a, b }: Rig): Promise<void> {
    const bridge = `${a.device}br`;
    this.#made = [bridge];
    runTool(
      'ip',
      [],
      [
        ['link', 'add', bridge, 'type', 'bridge'],
        ['link', 'set', bridge, 'up'],
      ],
    );
    for (const { device } of [a, b]) {
      const peer = `${device}v`;
      this.#made.push(peer);
      runTool(
        'ip',
        [],
        [
          ['link', 'add', peer, 'type', 'veth', 'peer', 'name', device],
          ['link', 'set', peer, 'master', bridge],
          ['link', 'set', peer, 'up'],
        ],
      );
    }
    moveIn({ a, b });
  }

  async stop(): Promise<void> {
    for (const name of this.#made) spawnSync('ip', ['link', 'del', name], { env: TOOL_ENVIRONMENT, stdio: 'ignore' });
  }
}

/** Moves devices that were made in our namespace into those of the rig. */
export function moveIn({ a, b }: Pick<Rig, 'a' | 'b'>): void {
  for (const { device, netns } of [a, b]) runTool('ip', ['link', 'set', 'dev', device, 'netns', netns]);
}

/** Waits for a line «ready». */
async function isReady(child: ChildProcess, name: string): Promise<void> {
  let said = '';
  child.stderr?.on('data', (piece: Buffer) => {
    said = (said + piece.toString()).slice(-2000);
  });
  if (child.stdout === null) throw new Error('its output is not ours');
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => line.includes('ready') && resolve());
    child.on('close', () => reject(new UserError('peer-failed', `${name} did not start: ${said.trim()}`, 'mend that')));
  });
}

async function ended(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 8000);
  await gone;
  clearTimeout(late);
}
