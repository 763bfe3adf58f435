import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { deleteLink, listLinks } from '../../native-free/links.ts';
import { deleteAllNetns, listNetns } from '../../native-free/netns.ts';
import { call, type Params } from '../../src/control/rpc.ts';
import type { Row } from '../../src/control/show.ts';

export const LAUNCHER = fileURLToPath(new URL('../../bin/tapyard', import.meta.url));
const NODE = fileURLToPath(new URL('../../bin/node-pinned', import.meta.url));
/** Much longer than anything takes on a busy machine. */
const PATIENCE_MS = 60_000;

/** Names of devices and namespaces that say which test process made them: `rl`, its pid in base 36, what they are. */
const PREFIX = `rl${process.pid.toString(36)}`;
const OURS = /^rl([0-9a-z]{1,5})-/;

/** @param what at most 6 bytes */
export const own = (what: string): string => `${PREFIX}-${what}`;

/** Removes what test processes left that were killed. */
export function sweep(): void {
  const dead = (name: string) => {
    const pid = OURS.exec(name)?.[1];
    return pid !== undefined && !isAlive(Number.parseInt(pid, 36));
  };
  deleteAllNetns(listNetns().filter(dead));
  for (const { ifname } of listLinks()) if (dead(ifname)) deleteLink(ifname);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** @returns what `look` found. @throws when it has found nothing (undefined, false, null) in time */
export async function eventually<Found>(
  what: string,
  look: () => Found | Promise<Found>,
  patienceMs: number = PATIENCE_MS,
): Promise<NonNullable<Found>> {
  for (const start = performance.now(); ; ) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found as NonNullable<Found>;
    if (performance.now() - start > patienceMs) throw new Error(`in vain: ${what}`);
    await sleep(20);
  }
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of the pinned Node that ends, in good order, with whoever started it: SIGTERM is sent by the kernel then. */
export class Process {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(command: string, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn('setpriv', ['--pdeathsig', 'TERM', 'sh', command, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => resolve({ code, signal }));
    });
  }

  /** Runs one of our scripts under the pinned Node. */
  static node(file: URL, words: readonly string[]): Process {
    return new Process(NODE, [fileURLToPath(file), ...words]);
  }

  /** @throws when it ends, or takes too long, before it has said that on stdout */
  async said(text: string): Promise<void> {
    await eventually(`«${text}»; stderr: ${this.stderr}`, () => {
      if (this.stdout.includes(text)) return true;
      if (this.child.exitCode !== null) throw new Error(`it ended with ${this.child.exitCode}: ${this.stderr}`);
      return false;
    });
  }

  /** @returns how it ended, and after how many milliseconds */
  async end(signal: NodeJS.Signals): Promise<Ended & { readonly ms: number }> {
    const start = performance.now();
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS);
    const ended = await this.ended;
    clearTimeout(timer);
    return { ...ended, ms: performance.now() - start };
  }
}

/** A switch started as its user starts it: `bin/tapyard up FILE --socket PATH`. */
export class SwitchProcess extends Process {
  readonly socket: string;
  readonly folder: string;

  /** @param more files of the configuration's folder by name @param command what starts it */
  constructor(
    yaml: string,
    env: Readonly<Record<string, string>> = {},
    more: Readonly<Record<string, Uint8Array>> = {},
    command: readonly string[] = ['up'],
  ) {
    const folder = mkdtempSync(join(tmpdir(), `${PREFIX}-`));
    for (const [name, bytes] of Object.entries(more)) writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, 'tapyard.yaml'), yaml);
    const socket = join(folder, 'control.sock');
    super(LAUNCHER, [...command, join(folder, 'tapyard.yaml'), '--socket', socket], env);
    this.folder = folder;
    this.socket = socket;
  }

  static async started(...words: ConstructorParameters<typeof SwitchProcess>): Promise<SwitchProcess> {
    const made = new SwitchProcess(...words);
    try {
      await made.said('ready\n');
    } catch (error) {
      await made.stop();
      throw error;
    }
    return made;
  }

  call(method: string, params: Params = {}): ReturnType<typeof call> {
    return call(this.socket, method, params);
  }

  async show(what: string, params: Params = {}): Promise<readonly Row[]> {
    return (await this.call('show', { what, ...params })) as readonly Row[];
  }

  /** Drops of a tenant, summed over ports. */
  async drops(tenant: string): Promise<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { reason, frames } of await this.show('drops', { tenant })) {
      sums[String(reason)] = (sums[String(reason)] ?? 0) + Number(frames);
    }
    return sums;
  }

  /** Ends it if it still runs, and removes its folder. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a command of `tapyard` to its end. */
export function tapyard(
  words: readonly string[],
  prefix: readonly string[] = [],
): { code: number | null; stdout: string; stderr: string } {
  const [command, ...rest] = [...prefix, 'sh', LAUNCHER, ...words];
  const { status, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8', timeout: PATIENCE_MS });
  return { code: status, stdout, stderr };
}

/** CPU time that a process has used, in seconds. Source: proc(5), /proc/pid/stat, fields 14 and 15; USER_HZ is 100. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
