import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { spawnInNetns } from '../../native-free/netns.ts';
import { TOOL_ENVIRONMENT } from '../../native-free/tool.ts';
import type { Json } from '../json.ts';
import { NODE_FLAGS } from './node-flags.ts';

export type Said = { readonly [key: string]: Json };
export type ProgramName = 'tcp-send' | 'tcp-receive' | 'udp-blast' | 'udp-flood' | 'udp-sink';

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/**
 * A traffic program at work in a namespace. Each line it says is a JSON document; the last is its report. It ends with us, however we
 * end: its stdin is a leash.
 */
export class Program {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #waiting: ((said: Said | null) => void)[] = [];
  readonly #said: Said[] = [];
  readonly #done: Promise<number | null>;
  #last: Said | null = null;
  #ended = false;

  constructor(netns: string, name: ProgramName, options: Readonly<Record<string, string | number>>) {
    const file = fileURLToPath(
      new URL(`./traffic/${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
    );
    const words = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
    this.#name = name;
    this.#child = spawnInNetns(netns, process.execPath, [...NODE_FLAGS, file, ...words], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...TOOL_ENVIRONMENT, NODE_OPTIONS: '', TAPYARD_LEASH: '1' },
    });
    alive.add(this.#child);
    this.#child.stdin?.on('error', () => {});
    const lines = createInterface({ input: this.#child.stdout! });
    lines.on('line', (line) => this.#hear(JSON.parse(line) as Said));
    this.#done = new Promise((resolve) => {
      this.#child.on('error', () => resolve(null));
      this.#child.on('close', (code) => resolve(code));
    });
    void this.#done.then(() => this.#close());
  }

  /** @returns the next thing it says. @throws when it ends without a word */
  async next(): Promise<Said> {
    const ready = this.#said.shift();
    if (ready !== undefined) return ready;
    const said = this.#ended ? null : await new Promise<Said | null>((resolve) => this.#waiting.push(resolve));
    if (said === null) throw new Error(`${this.#name} ended without a word`);
    return said;
  }

  /** @returns its report, once it has ended */
  async report(): Promise<Said> {
    await this.#done;
    if (this.#last === null) throw new Error(`${this.#name} ended without a report`);
    return this.#last;
  }

  /** Asks it to end and report. */
  stop(): void {
    this.#child.kill('SIGTERM');
  }

  /** Ends it at once; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#done;
  }

  #hear(said: Said): void {
    this.#last = said;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#said.push(said);
    else waiting(said);
  }

  #close(): void {
    this.#ended = true;
    alive.delete(this.#child);
    for (const waiting of this.#waiting.splice(0)) waiting(null);
  }
}

export interface StreamResult {
  readonly gbits: number;
  readonly bytes: number;
  /** Block numbers that the receiver compared, and those that were wrong. */
  readonly compared: number;
  readonly wrong: number;
}

/** One TCP stream between two namespaces for some seconds. */
export async function stream(
  from: string,
  to: string,
  address: string,
  seconds: number,
  signal: AbortSignal,
): Promise<StreamResult> {
  const sender = new Program(from, 'tcp-send', { seconds, port: STREAM_PORT });
  let receiver: Program | undefined;
  const giveUp = () => {
    void sender.kill();
    void receiver?.kill();
  };
  signal.addEventListener('abort', giveUp);
  try {
    await sender.next();
    receiver = new Program(to, 'tcp-receive', { from: address, port: STREAM_PORT, seconds: seconds + 5 });
    const { gbits, bytes, compared, wrong } = await receiver.report();
    return { gbits: Number(gbits), bytes: Number(bytes), compared: Number(compared), wrong: Number(wrong) };
  } finally {
    signal.removeEventListener('abort', giveUp);
    await Promise.all([sender.kill(), receiver?.kill()]);
    signal.throwIfAborted();
  }
}

const STREAM_PORT = 7001;
