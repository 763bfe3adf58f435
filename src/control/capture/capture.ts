import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { Ring } from '../../frame/ring.ts';
import type { Json } from '../../json.ts';
import { ROUTER_ROW } from '../../path/image.ts';
import { CaptureCount } from '../../path/tap/record.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import type { Look, LookParts } from '../looks.ts';
import type { Stream, StreamSink } from '../rpc-stream.ts';
import { startThread } from '../start-thread.ts';
import type { CaptureOptions } from './options.ts';
import type { CaptureThreadSettings, FromCapture, Tally, ToCapture } from './settings.ts';

/** Longer than any frame. */
const WHOLE = 0x7fffffff;
const ROWS = ROUTER_ROW + 1;

/** Names of a tenant's ports by row, and of its router. */
function namesOf(tenant: Tenant): ReadonlyMap<number, string> {
  const ports = tenant.model.bridge.ports.map(({ name }) => [tenant.ports.of(name), name] as const);
  return new Map([...ports, [ROUTER_ROW, 'router']]);
}

/** One capture: it has a ring from every worker, and a thread of its own that makes a file of what comes. */
export class Capture implements Stream, Look {
  readonly head: Json;
  readonly #id: number;
  readonly #options: CaptureOptions;
  readonly #parts: LookParts;
  readonly #onEnd: () => void;
  readonly #rings: SharedArrayBuffer[] = [];
  readonly #counts: SharedArrayBuffer[] = [];
  #beganUs = 0;
  #thread: Worker | undefined;
  #channel: MessagePort | undefined;
  #ending = false;
  #abandoned = false;
  readonly #ended = Promise.withResolvers<Tally | null>();

  /** @param onEnd called when it has ended */
  constructor(id: number, options: CaptureOptions, parts: LookParts, onEnd: () => void) {
    this.#id = id;
    this.#options = options;
    this.#parts = parts;
    this.#onEnd = onEnd;
    this.#ended.promise.catch(() => {});
    this.head = { tenant: options.tenant.model.name, workers: parts.workers.count };
  }

  async begin(): Promise<void> {
    const { tenant, points, row, filter, snap, ring } = this.#options;
    const { workers } = this.#parts;
    this.#beganUs = this.#parts.clockUs();
    for (let worker = 0; worker < workers.count; worker++) {
      this.#rings.push(Ring.create(ring).memory);
      this.#counts.push(new SharedArrayBuffer(ROWS * CaptureCount.WIDTH * 8));
    }
    const order = { id: this.#id, points, row, filter, snap: snap ?? WHOLE };
    await workers.tellEach((worker) => ({
      type: 'capture',
      tenant: tenant.index,
      order: { ...order, ring: this.#rings[worker], counts: this.#counts[worker] },
    }));
  }

  async run(sink: StreamSink): Promise<Json> {
    this.#start(sink);
    try {
      sink.stopped.addEventListener('abort', () => void this.#finish());
      sink.gone.addEventListener('abort', () => this.#ended.resolve(null));
      if (sink.stopped.aborted) void this.#finish();
      return { ...(sink.gone.aborted ? null : await this.#ended.promise) };
    } finally {
      await this.#release();
      await this.#thread?.terminate();
      this.#onEnd();
    }
  }

  follow(tenants: readonly Tenant[]): void {
    const { tenant } = this.#options;
    if (tenants.includes(tenant)) this.#post({ type: 'names', names: namesOf(tenant) });
    else void this.#finish();
  }

  abandon(): void {
    this.#abandoned = true;
    this.#ended.resolve(null);
  }

  #start(sink: StreamSink): void {
    const { tenant, row, format, snap, most } = this.#options;
    const { port1, port2 } = new MessageChannel();
    const names = namesOf(tenant);
    const settings: CaptureThreadSettings = {
      ...{ names, format, snap, most },
      rings: this.#rings,
      counts: this.#counts,
      beganUs: this.#beganUs,
      tenant: tenant.model.name,
      rows: row >= 0 ? [row] : [...names.keys()].filter((one) => one !== ROUTER_ROW),
      originNs: BigInt(Math.round(this.#parts.atMs(0) * 1000)) * 1000n,
      application: 'tapyard capture',
      channel: port2,
    };
    this.#channel = port1;
    this.#thread = startThread('./thread', import.meta.url, {
      workerData: settings,
      transferList: [port2],
      name: `tapyard-capture-${this.#id}`,
    });
    this.#thread.on('error', (error) => this.#ended.reject(error));
    port1.on('message', (message: FromCapture) => this.#hear(message, sink));
  }

  #hear(message: FromCapture, sink: StreamSink): void {
    switch (message.type) {
      case 'piece':
        sink.write(message.bytes).then(
          () => this.#post({ type: 'written' }),
          () => this.#ended.resolve(null),
        );
        break;
      case 'enough':
        void this.#finish();
        break;
      default:
        this.#ended.resolve(message.tally);
    }
  }

  /** Workers write no more; what they have written is the rest. */
  async #finish(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    try {
      await this.#tellWorkers();
      this.#post({ type: 'finish' });
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  async #release(): Promise<void> {
    this.#channel?.close();
    if (this.#ending) return;
    this.#ending = true;
    await this.#tellWorkers();
  }

  async #tellWorkers(): Promise<void> {
    if (this.#abandoned) return;
    await this.#parts.workers.tell({ type: 'release', tenant: this.#options.tenant.index, id: this.#id });
  }

  #post(message: ToCapture): void {
    this.#channel?.postMessage(message);
  }
}
