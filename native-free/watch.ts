import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { runTool, TOOL_ENVIRONMENT } from './tool.ts';

export type LinkState = 'up' | 'down' | 'gone';

/** A device came, went, or changed its state. `netns` is undefined for the namespace that we run in. */
export interface LinkEvent {
  readonly netns: string | undefined;
  readonly name: string;
  readonly state: LinkState;
  readonly mtu: number;
}

/** [nsid 0]Deleted 3: eth0@if2: <BROADCAST,UP,LOWER_UP> … */
const LINE = /^(?:\[nsid (\d+|current)\])?(Deleted )?\d+: ([^:@\s]+)(?:@[^:\s]+)?: <([^>]*)> mtu (\d+)/;

/** How long a monitor that died is left alone. */
const PAUSE_MS = 1000;

/** @returns what a line of `ip -o monitor link all-nsid` says, or undefined: not about a link */
export function parseLinkLine(line: string): (Omit<LinkEvent, 'netns'> & { nsid: number | undefined }) | undefined {
  const found = LINE.exec(line);
  if (found === null) return undefined;
  const [, nsid, deleted, name, flags, mtu] = found;
  const up = `,${flags},`.includes(',UP,') && `,${flags},`.includes(',LOWER_UP,');
  return {
    nsid: nsid === undefined || nsid === 'current' ? undefined : Number(nsid),
    name,
    state: deleted !== undefined ? 'gone' : up ? 'up' : 'down',
    mtu: Number(mtu),
  };
}

/**
 * Tells of link changes in our namespace and in every one given to `add`, with one child for all: the kernel numbers
 * namespaces (nsid), and `ip monitor all-nsid` hears all that have a number here. The child dies with us, even after kill -9
 * (setpriv --pdeathsig). It is started again when it ends; changes in between are not told, so look at the links yourself
 * on `restarted`.
 */
export class LinkWatch {
  readonly #tell: (event: LinkEvent) => void;
  readonly #restarted: () => void;
  readonly #names = new Map<number, string>();
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(tell: (event: LinkEvent) => void, restarted: () => void = () => {}) {
    this.#tell = tell;
    this.#restarted = restarted;
    this.#start();
  }

  /** Watches a namespace too; again after a namespace of that name has been made anew. */
  add(netns: string): void {
    // The kernel gives a number by itself when a device moves between the two.
    if (!this.#learn(netns)) runTool('ip', ['netns', 'set', netns, 'auto']);
    this.#learn(netns);
  }

  /** Reads all numbers. @returns whether this namespace has one */
  #learn(netns: string): boolean {
    const text = runTool('ip', ['-j', 'netns', 'list-id']).trim();
    const ids = (text === '' ? [] : JSON.parse(text)) as { nsid: number; name?: string }[];
    this.#names.clear();
    for (const { nsid, name } of ids) if (name !== undefined) this.#names.set(nsid, name);
    return ids.some(({ name }) => name === netns);
  }

  #start(): void {
    const monitor = ['ip', '-o', 'monitor', 'link', 'all-nsid'];
    const tied = existsSync('/usr/bin/setpriv') ? ['setpriv', '--pdeathsig', 'KILL', ...monitor] : monitor;
    const child = spawn(tied[0], tied.slice(1), { stdio: ['ignore', 'pipe', 'ignore'], env: TOOL_ENVIRONMENT });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
    child.on('error', () => {});
    child.on('close', () => {
      if (this.#closed) return;
      this.#timer = setTimeout(() => {
        this.#start();
        this.#restarted();
      }, PAUSE_MS);
      this.#timer.unref();
    });
    child.unref();
  }

  #hear(line: string): void {
    const found = parseLinkLine(line);
    if (found === undefined || this.#closed) return;
    const netns = found.nsid === undefined ? undefined : this.#names.get(found.nsid);
    if (found.nsid !== undefined && netns === undefined) return;
    this.#tell({ netns, name: found.name, state: found.state, mtu: found.mtu });
  }

  /** Ends the child. Idempotent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#child?.kill('SIGKILL');
  }
}
