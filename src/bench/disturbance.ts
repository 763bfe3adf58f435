import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../lab/node-flags.ts';
import { CHANGES_PER_SECOND, type Disturbance } from './attacks.ts';
import type { StormReport } from './storm-controller.ts';

const GARBAGE_OBJECTS = 20_000;
const GARBAGE_KEPT = 40;

/** Something that goes on besides frames, until it is stopped. */
export interface Disturber {
  /** Ends it. @returns what it did, in words */
  stop(): Promise<string>;
}

/** @param socket where the tenant's datapath listens */
export function disturb(kind: Disturbance, socket: string): Disturber {
  return kind === 'garbage' ? new Garbage() : new Controller(kind, socket);
}

/** A controller in a process of its own. */
class Controller implements Disturber {
  readonly #child: ChildProcess;
  readonly #kind: Exclude<Disturbance, 'garbage'>;
  readonly #said: Promise<string>;
  readonly #began = performance.now();

  constructor(kind: Exclude<Disturbance, 'garbage'>, socket: string) {
    const name = import.meta.url.endsWith('.ts') ? './storm-run.ts' : './storm-run.js';
    const program = fileURLToPath(new URL(name, import.meta.url));
    const words = [...NODE_FLAGS, program, socket, kind, String(CHANGES_PER_SECOND)];
    this.#kind = kind;
    this.#child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#said = text(this.#child.stdout as NodeJS.ReadableStream);
  }

  async stop(): Promise<string> {
    const seconds = (performance.now() - this.#began) / 1000;
    this.#child.stdin?.end();
    const said = await this.#said;
    if (said === '') throw new Error('the controller of the attack ended without a word');
    const { due, done, packetIns, answers } = JSON.parse(said) as StormReport;
    if (this.#kind === 'packet-ins') return `${Math.round(packetIns / seconds)} packet-ins/s`;
    if (this.#kind === 'questions') return `asked for all rules ${answers} times in ${seconds.toFixed(1)} s`;
    // A switch that makes its controllers wait bounds what they cost: no shortcoming of the attack.
    return `${Math.round(done / seconds)} changes/s of ${Math.round(due / seconds)}`;
  }
}

/** Objects by the thousand on the thread that this is called on, which is the control thread. */
class Garbage implements Disturber {
  readonly #kept: object[][] = [];
  #made = 0;
  #stopped = false;
  readonly #began = performance.now();

  constructor() {
    this.#make();
  }

  #make(): void {
    if (this.#stopped) return;
    this.#kept.push(Array.from({ length: GARBAGE_OBJECTS }, (_, i) => ({ i, text: `${i}`, more: [i] })));
    if (this.#kept.length > GARBAGE_KEPT) this.#kept.shift();
    this.#made += GARBAGE_OBJECTS;
    setImmediate(() => this.#make());
  }

  stop(): Promise<string> {
    this.#stopped = true;
    const rate = this.#made / (performance.now() - this.#began) / 1000;
    return Promise.resolve(`${rate.toFixed(1)} million objects/s`);
  }
}
