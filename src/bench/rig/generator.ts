import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { spawnInNetns } from '../../../native-free/netns.ts';
import { TOOL_ENVIRONMENT } from '../../../native-free/tool.ts';
import { NODE_FLAGS } from '../../lab/node-flags.ts';
import type { Said } from '../../lab/program.ts';
import { type End, number, type Rig, SINK_PORT } from './rig.ts';

/**
 * All generators run on one processor, so that the switch has the others; an attacker's only while no other wants it (SCHED_IDLE, sched(7)):
 * else the victim's would be late, and send in bursts.
 */
const PROCESSOR = ['-c', '0'];
const LAST = ['chrt', '--idle', '0'];
/** What an attacker sends before and behind what is measured: it ends by itself only if nobody ends it. */
const MOST_AROUND_S = 120;

export interface VictimReport {
  readonly sent: number;
  readonly took: number;
  readonly probes: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly most: number;
}

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** A program of `src/bench` that sends frames from within a namespace. It ends with us: its stdin is a leash. */
export class Generator {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    netns: string,
    program: string,
    prefix: readonly string[],
    options: Readonly<Record<string, string | number>>,
  ) {
    const name = `../${program}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`;
    const file = fileURLToPath(new URL(name, import.meta.url));
    const words = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
    const node = [process.execPath, ...NODE_FLAGS, file, ...words];
    this.#child = spawnInNetns(netns, 'taskset', [...PROCESSOR, ...prefix, ...node], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...TOOL_ENVIRONMENT, NODE_OPTIONS: '', TAPYARD_LEASH: '1' },
    });
    alive.add(this.#child);
    this.#child.on('close', () => alive.delete(this.#child));
    this.#child.stdin?.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async #next(): Promise<Said> {
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error('a generator ended without a word');
    return JSON.parse(value) as Said;
  }

  /** Sends datagrams at a rate, and measures how long they take. */
  static async victim(rig: Rig, pps: number, seconds: number): Promise<VictimReport> {
    const options = { to: rig.b.address, port: SINK_PORT, pps, seconds, sink: rig.b.netns };
    const said = await new Generator(rig.a.netns, 'probe-run', [], options).#next();
    const of = (key: string) => number(said, key);
    const [p50, p99, p999, most] = [of('p50'), of('p99'), of('p999'), of('most')];
    return { sent: of('sent'), took: of('seconds'), probes: of('probes'), p50, p99, p999, most };
  }

  /** @param seconds for which it sends at least, until it is stopped @returns when it sends */
  static async attacker({ netns, device }: End, attack: string, seconds: number): Promise<Generator> {
    const made = new Generator(netns, 'frame-run', LAST, { device, attack, seconds: seconds + MOST_AROUND_S });
    await made.#next();
    return made;
  }

  /** Ends an attacker. @returns frames/s that it offered */
  async stop(): Promise<number> {
    this.#child.stdin?.end();
    const said = await this.#next();
    return Math.round(number(said, 'sent') / number(said, 'seconds'));
  }
}
