import { once } from 'node:events';
import { isBuiltin } from 'node:module';
import type { ConfigInput } from '../control/config/schema.ts';
import type { TimedEvent } from '../control/events.ts';
import type { Methods } from '../control/rpc.ts';
import type { Edit } from '../control/running/edits.ts';
import type { PlannedChange } from '../control/running/plan.ts';
import type { Running } from '../control/running/running.ts';
import type { Row, ViewName } from '../control/show.ts';
import type { Switch } from '../control/switch.ts';
import { UserError } from '../errors.ts';
import type { Cable, WaitOptions } from './cable.ts';
import { documentOf } from './config.ts';
import { TenantHandle } from './tenant.ts';

export interface StartOptions {
  /** What errors call the configuration; paths in it are relative to its folder. `config` unless given. */
  readonly name?: string;
  /** How frames move: `uring`, or `poll`; the best there is unless given. */
  readonly io?: 'uring' | 'poll';
  /** A worker has failed for good: the switch does not forward as it should any more, and is to be stopped. */
  readonly onFailure?: (error: Error) => void;
}

interface Parts {
  readonly running: Switch;
  readonly configuration: Running;
  readonly methods: Methods;
  readonly cable: (stopped: AbortSignal, tenant: string, port: string) => Cable;
}

/** A switch in this process, its workers in threads of it. */
export class Tapyard implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #stopping = new AbortController();

  /**
   * @param config an object, or the text of a configuration file; `servers` and `metrics` of it are not started
   * @returns when frames flow
   * @throws UserError: the configuration has errors (`config-invalid`), this Node cannot reach Linux (`wrong-node`);
   *   LinuxError: a device cannot be opened. Nothing is left open then.
   */
  static async start(config: ConfigInput | string, options: StartOptions = {}): Promise<Tapyard> {
    checkNode();
    const document = documentOf(config, options.name ?? 'config');
    const [{ Switch }, { Running }, { methods }, { Cable }] = await Promise.all([
      import('../control/switch.ts'),
      import('../control/running/running.ts'),
      import('../control/methods.ts'),
      import('./cable.ts'),
    ]);
    const { io = null, onFailure } = options;
    const running = await Switch.start(document.model, { io, ...(onFailure === undefined ? {} : { onFailure }) });
    const configuration = new Running(running, document.tree);
    return new Tapyard({
      running,
      configuration,
      methods: methods(running, configuration, () => {}),
      cable: (...words) => new Cable(running, ...words),
    });
  }

  /** Checks a configuration; touches nothing. @throws UserError `config-invalid` with all diagnostics */
  static check(config: ConfigInput | string, name = 'config'): void {
    documentOf(config, name);
  }

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Names, in the order of the configuration. */
  get tenants(): readonly string[] {
    return this.#parts.running.tenants.map(({ model }) => model.name);
  }

  /** @throws UserError `usage` when there is none of that name */
  tenant(name: string): TenantHandle {
    if (this.#parts.running.tenant(name) === undefined)
      throw new UserError('usage', `There is no tenant ${name}`, `it is one of ${this.tenants.join(', ')}`);
    return new TenantHandle(name, this.#parts.methods, (port) => this.port(name, port));
  }

  /** The far end of a memory port. @throws UserError `port-unusable` */
  port(tenant: string, port: string): Cable {
    return this.#parts.cable(this.#stopping.signal, tenant, port);
  }

  /** What `tapyard show WHAT --json` prints: `ports` and `drops` have the counters. */
  async show(what: ViewName): Promise<readonly Row[]> {
    return (await this.#parts.methods['show']({ what })) as readonly Row[];
  }

  /** Calls back with what happens: links, MAC flaps, neighbours, ACL logs. @returns what ends it */
  onEvent(listener: (event: TimedEvent) => void): () => void {
    return this.#parts.running.events.listen(listener);
  }

  /** What has happened, as much as is remembered, and what happens, until the signal or the end of the switch. */
  async *events(options: WaitOptions = {}): AsyncGenerator<TimedEvent, void, undefined> {
    const { events } = this.#parts.running;
    const stopping = this.#stopping.signal;
    const signal = options.signal === undefined ? stopping : AbortSignal.any([stopping, options.signal]);
    const news = new EventTarget();
    const stop = events.listen(() => news.dispatchEvent(new Event('news')));
    try {
      for (let seen = 0; !signal.aborted; ) {
        const coming = once(news, 'news', { signal }).catch(() => {});
        for (const event of events.after(seen)) {
          seen = event.number;
          yield event;
          if (signal.aborted) return;
        }
        if (events.after(seen).length === 0) await coming;
      }
    } finally {
      stop();
    }
  }

  /** What applying a configuration would change. @throws UserError with what is wrong with it */
  plan(config: ConfigInput | string, name = 'config'): Promise<readonly PlannedChange[]> {
    return this.#parts.configuration.plan(documentOf(config, name));
  }

  /**
   * Makes the running switch what a configuration says, while it forwards: whole, or not at all. What was added by `edit` stays.
   * @returns what has changed @throws UserError, LinuxError; nothing has changed then
   */
  async apply(config: ConfigInput | string, name = 'config'): Promise<readonly PlannedChange[]> {
    return await this.#parts.configuration.apply(documentOf(config, name));
  }

  /** Adds, deletes or sets a single port, route, neighbour, MAC address, list or rule. @throws UserError, LinuxError; nothing has changed then */
  edit(edit: Edit): Promise<readonly PlannedChange[]> {
    return this.#parts.configuration.edit(edit);
  }

  /** All that runs, as a configuration in YAML. */
  export(): string {
    return this.#parts.configuration.export();
  }

  /** Ends everything: iterators, workers, devices. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#parts.configuration.close();
    await this.#parts.running.stop();
  }

  /** `await using` stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function checkNode(): void {
  if (isBuiltin('node:ffi')) return;
  const cure = 'run the program with the Node that the package brings: node_modules/.bin/node PROGRAM';
  throw new UserError('wrong-node', `Node ${process.versions.node} has no node:ffi`, cure);
}
