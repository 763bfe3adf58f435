import { happenedOf, LiveEntry } from '../../src/control/trace/happened.ts';
import { type Trace, traceFrame } from '../../src/control/trace/tracer.ts';
import { Ring } from '../../src/frame/ring.ts';
import type { TestSwitch } from './test-switch.ts';

/** What `tapyard trace` says of a frame that a port of a test switch received now. */
export function traced(net: TestSwitch, tenant: string, port: string, frame: Uint8Array, vnet?: Uint8Array): Trace {
  const { tenants, linkUp, buckets, nowUs } = net;
  const context = {
    tenants,
    offloads: net.engine.devices.offloads.slice(0, net.devices.ends.size),
    linkUp,
    buckets,
    nowUs,
  };
  return traceFrame(context, net.tenant(tenant), port, frame, vnet);
}

/** A live trace of a tenant of a test switch, read by the test itself. */
export class TestLiveTrace {
  readonly #net: TestSwitch;
  readonly #tenant: string;
  readonly #ring = Ring.create(1 << 20);
  readonly #id: number;
  static #ids = 1000;

  constructor(net: TestSwitch, tenant: string, most: number, filter: Int32Array = new Int32Array(0)) {
    this.#net = net;
    this.#tenant = tenant;
    this.#id = ++TestLiveTrace.#ids;
    const order = { id: this.#id, row: -1, filter, most, ring: this.#ring.memory };
    net.engine.tenants.trace(net.tenant(tenant).index, order);
  }

  /** The frames that have been told of since the last call, what the trace says of them now, and what happened. */
  read() {
    const found = [];
    const tenant = this.#net.tenant(this.#tenant);
    for (let at = this.#ring.peek(); at >= 0; at = this.#ring.peek()) {
      const entry = LiveEntry.read(this.#ring, at);
      this.#ring.pop();
      const port = tenant.ports.at(entry.row) ?? '?';
      const trace = traced(this.#net, this.#tenant, port, entry.frame, entry.vnet);
      found.push({ port, frame: entry.frame, trace, happened: happenedOf(entry, trace, tenant) });
    }
    return found;
  }

  end(): void {
    this.#net.engine.tenants.release(this.#net.tenant(this.#tenant).index, this.#id);
  }
}
