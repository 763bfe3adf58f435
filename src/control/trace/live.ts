import { UserError } from '../../errors.ts';
import { Ring } from '../../frame/ring.ts';
import type { Json } from '../../json.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import { filterWords, readMatch } from '../capture/filter.ts';
import type { Look, LookParts } from '../looks.ts';
import type { Params } from '../rpc.ts';
import type { Stream, StreamSink } from '../rpc-stream.ts';
import { happenedOf, LiveEntry } from './happened.ts';
import type { Trace } from './tracer.ts';

const MOST = 10_000;
const RING = 1 << 20;
/** The rings are looked at so often. */
const POLL_MS = 10;

export interface LiveParts extends LookParts {
  /** @throws UserError */
  readonly trace: (tenant: Tenant, port: string, frame: Uint8Array, vnet: Uint8Array) => Trace;
}

/**
 * The next frames of a tenant that match, told stage by stage. Workers write down what a frame was and what became of it, and let it go
 * its way as ever; the trace is made of copies of the tables as they are right afterwards, and says so where it differs.
 */
export class LiveTrace implements Stream, Look {
  readonly head: Json;
  readonly #id: number;
  readonly #parts: LiveParts;
  readonly #tenant: Tenant;
  readonly #row: number;
  readonly #filter: Int32Array;
  readonly #most: number;
  readonly #onEnd: () => void;
  readonly #rings: Ring[] = [];
  readonly #ended = new AbortController();
  #abandoned = false;

  /** @throws UserError */
  constructor(id: number, tenant: Tenant, params: Params, parts: LiveParts, onEnd: () => void) {
    const { filter, port, count } = params;
    const { datapath } = tenant;
    this.#id = id;
    this.#tenant = tenant;
    this.#parts = parts;
    this.#onEnd = onEnd;
    this.#filter = filterWords(readMatch(typeof filter === 'string' ? filter : '', datapath), datapath);
    this.#row = typeof port === 'string' ? tenant.ports.of(port) : -1;
    if (typeof port === 'string' && this.#row < 0)
      throw new UserError('usage', `${tenant.model.name} has no port ${port}`, 'see tapyard show ports');
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > MOST)
      throw new UserError('usage', 'That many frames cannot be traced', `give a number from 1 to ${MOST}`);
    this.#most = count;
    this.head = { tenant: tenant.model.name };
  }

  async begin(): Promise<void> {
    const { workers } = this.#parts;
    for (let worker = 0; worker < workers.count; worker++) this.#rings.push(Ring.create(RING));
    const order = { id: this.#id, row: this.#row, filter: this.#filter, most: this.#most };
    await workers.tellEach((worker) => ({
      type: 'trace',
      tenant: this.#tenant.index,
      order: { ...order, ring: this.#rings[worker].memory },
    }));
  }

  async run(sink: StreamSink): Promise<Json> {
    const end = () => this.#ended.abort();
    sink.stopped.addEventListener('abort', end);
    sink.gone.addEventListener('abort', end);
    if (sink.stopped.aborted || sink.gone.aborted) end();
    let traced = 0;
    try {
      for (; traced < this.#most && !this.#ended.signal.aborted; await this.#pause()) {
        // One at a time: between two of them the main thread does what else is to be done.
        const line = this.#next();
        if (line === null) continue;
        traced++;
        await sink.write(Buffer.from(`${line}\n`));
      }
    } finally {
      if (!this.#abandoned)
        await this.#parts.workers.tell({ type: 'release', tenant: this.#tenant.index, id: this.#id });
      this.#onEnd();
    }
    return { traced };
  }

  follow(tenants: readonly Tenant[]): void {
    if (!tenants.includes(this.#tenant)) this.abandon();
  }

  abandon(): void {
    this.#abandoned = true;
    this.#ended.abort();
  }

  async #pause(): Promise<void> {
    const idle = this.#rings.every((ring) => ring.empty);
    await new Promise<void>((resolve) => {
      if (idle && !this.#ended.signal.aborted) setTimeout(resolve, POLL_MS);
      else setImmediate(resolve);
    });
  }

  /** The oldest frame that a worker has written down, as a line of JSON. */
  #next(): string | null {
    const waiting = this.#rings.filter((ring) => !ring.empty);
    const [ring] = waiting.sort((a, b) => LiveEntry.timeAt(a, a.peek()) - LiveEntry.timeAt(b, b.peek()));
    if (ring === undefined) return null;
    const entry = LiveEntry.read(ring, ring.peek());
    ring.pop();
    const tenant = this.#tenant;
    const port = tenant.ports.at(entry.row);
    // A port that has gone meanwhile.
    if (port === null) return null;
    const trace = this.#parts.trace(tenant, port, entry.frame, entry.vnet);
    const at = this.#parts.atMs(entry.timeUs);
    const frame = Buffer.from(entry.frame).toString('hex');
    return JSON.stringify({ at, port, frame, ...trace, happened: happenedOf(entry, trace, tenant) });
  }
}
