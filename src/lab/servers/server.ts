import type { ChildProcess, StdioOptions } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { spawnTied, spawnTiedInNetns } from '../../../native-free/tied.ts';
import type { ServerModel } from '../../control/config/model.ts';
import { Console } from './console.ts';
import { MachineFd, qemuCommand } from './qemu-command.ts';
import { makeShare, type Share } from './share.ts';

/** there: a namespace in which nothing is to run. */
export type ServerState = 'there' | 'running' | 'waiting' | 'ended' | 'failed';

export interface ServerContext {
  readonly tenant: string;
  /** File descriptor of the machine's TAP; null: it has none. */
  readonly tap: number | null;
  /** Hears of every change of the state, with what there is to say of it. */
  readonly onState: (state: ServerState, detail: string) => void;
  readonly onTrouble: (message: string) => void;
}

const FIRST_WAIT_MS = 1000;
const LAST_WAIT_MS = 30_000;
/** Who ran for so long is started again without a longer wait. */
const SETTLED_MS = 60_000;
/** How long a machine with a disk may take to shut down when it is asked to, and any server after SIGTERM. */
const SHUT_DOWN_MS = 10_000;
const TERM_MS = 1000;

/** One server: its process, started, started again and ended; it dies with us however we end. */
export class Server {
  readonly model: ServerModel;
  readonly console: Console;
  state: ServerState = 'ended';
  restarts = 0;
  startedAt = 0;
  readonly #context: ServerContext;
  readonly #share: Share | null;
  #child: ChildProcess | null = null;
  #gone: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #waitMs = FIRST_WAIT_MS;
  #stopping = false;

  constructor(model: ServerModel, context: ServerContext) {
    this.model = model;
    this.#context = context;
    this.console = new Console(model.kind === 'qemu' ? model.console : null, context.onTrouble);
    const { cpuShare } = model;
    this.#share = cpuShare === null ? null : makeShare(`${context.tenant}-${model.name}`, cpuShare);
    if (cpuShare !== null && this.#share === null)
      context.onTrouble(`${this.name}: no control group can be made here, so cpu_share has no effect`);
  }

  get name(): string {
    return `${this.#context.tenant}/${this.model.name}`;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Its share of the processors; null: it has none, or it is not held to. */
  get share(): Share | null {
    return this.#share;
  }

  start(): void {
    const { model } = this;
    if (this.#stopping) return;
    if (model.kind === 'namespace' && model.run.length === 0) {
      this.#become('there', '');
      return;
    }
    const child = this.#spawn(model);
    this.#child = child;
    this.startedAt = Date.now();
    let problem = '';
    const hear = (text: string) => this.console.add(text);
    child.stdout?.setEncoding('utf8').on('data', hear);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      problem = text.trim().split('\n').at(-1) ?? '';
      hear(text);
    });
    for (const stream of child.stdio) stream?.on('error', () => {});
    this.#gone = new Promise((resolve) => {
      const end = (detail: string, failed: boolean) => {
        if (this.#child !== child) return;
        this.#child = null;
        resolve();
        this.#ended(detail, failed);
      };
      child.on('error', (error) => end(error.message, true));
      child.on('close', (code, signal) => {
        const how = signal === null ? `exit code ${code}` : String(signal);
        end(code === 0 || problem === '' ? how : `${how}: ${problem}`, code !== 0);
      });
    });
    if (child.pid !== undefined) {
      this.#share?.take(child.pid);
      this.#become('running', `pid ${child.pid}`);
    }
  }

  /** Types text into the console. @returns false when nothing runs that could read it */
  type(text: string): boolean {
    return this.#child?.stdin?.write(text) !== undefined;
  }

  /** Ends it: a machine with a disk is asked to shut down first. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child !== null) {
      const { model } = this;
      if (model.kind === 'qemu' && model.disk !== null) {
        (child.stdio[MachineFd.Monitor] as Duplex | null)?.write('system_powerdown\n');
        await this.#within(SHUT_DOWN_MS);
      }
      child.kill('SIGTERM');
      await this.#within(TERM_MS);
      this.kill();
      await this.#gone;
    }
    this.console.close();
    this.#share?.remove();
  }

  /** Ends it at once: what an exit hook can do. */
  kill(): void {
    this.#stopping = true;
    this.#child?.kill('SIGKILL');
  }

  #spawn(model: ServerModel): ChildProcess {
    if (model.kind === 'namespace') {
      const [program, ...words] = model.run;
      return spawnTiedInNetns(model.netns, program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    }
    const { program, words } = qemuCommand(model, this.name);
    const stdio: StdioOptions = ['pipe', 'pipe', 'pipe'];
    stdio[MachineFd.Tap] = this.#context.tap ?? 'ignore';
    stdio[MachineFd.Monitor] = 'pipe';
    return spawnTied(program, words, { stdio });
  }

  #ended(detail: string, failed: boolean): void {
    const { restart } = this.model;
    const again = !this.#stopping && (restart === 'always' || (restart === 'on-failure' && failed));
    if (!again) {
      this.#become(failed && !this.#stopping ? 'failed' : 'ended', detail);
      return;
    }
    if (Date.now() - this.startedAt > SETTLED_MS) this.#waitMs = FIRST_WAIT_MS;
    this.#become('waiting', `${detail}; started again in ${this.#waitMs / 1000} s`);
    this.#timer = setTimeout(() => {
      this.restarts++;
      this.start();
    }, this.#waitMs);
    this.#waitMs = Math.min(2 * this.#waitMs, LAST_WAIT_MS);
  }

  #become(state: ServerState, detail: string): void {
    this.state = state;
    this.#context.onState(state, detail);
  }

  /** Waits for the end, and no longer than that. */
  async #within(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#gone, late]);
    clearTimeout(timer);
  }
}
