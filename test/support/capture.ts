import { Entry } from '../../src/control/capture/entry.ts';
import { Ring } from '../../src/frame/ring.ts';
import { DROP_REASONS } from '../../src/observe/drop.ts';
import { ROUTER_ROW } from '../../src/path/image.ts';
import { CaptureCount, Point } from '../../src/path/tap/record.ts';
import type { TestSwitch } from './test-switch.ts';

export const ALL_POINTS = (1 << Point.Ingress) | (1 << Point.Egress) | (1 << Point.Drop);
const ROWS = ROUTER_ROW + 1;
const NAMES = { [Point.Void]: 'void', [Point.Ingress]: 'ingress', [Point.Egress]: 'egress', [Point.Drop]: 'drop' };

/** One captured frame, as a test speaks of it. */
export interface Captured {
  readonly point: string;
  readonly port: string;
  readonly reason: string | null;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly comment: string;
}

/** A capture of a tenant of a test switch, read by the test itself. */
export class TestCapture {
  readonly ring: Ring;
  readonly counts = new Float64Array(new SharedArrayBuffer(ROWS * CaptureCount.WIDTH * 8));
  readonly #net: TestSwitch;
  readonly #tenant: string;
  readonly #id: number;
  static #ids = 0;

  private constructor(net: TestSwitch, tenant: string, ring: number) {
    this.#net = net;
    this.#tenant = tenant;
    this.#id = ++TestCapture.#ids;
    this.ring = Ring.create(ring);
  }

  static of(
    net: TestSwitch,
    tenant: string,
    { points = ALL_POINTS, row = -1, filter = new Int32Array(0) as Int32Array, snap = 1 << 20, ring = 1 << 20 } = {},
  ): TestCapture {
    const made = new TestCapture(net, tenant, ring);
    const order = { id: made.#id, points, row, filter, snap, ring: made.ring.memory, counts: made.counts.buffer };
    net.engine.tenants.capture(net.tenant(tenant).index, order);
    return made;
  }

  end(): void {
    this.#net.engine.tenants.release(this.#net.tenant(this.#tenant).index, this.#id);
  }

  /** What has come since the last call. */
  read(): Captured[] {
    const found: Captured[] = [];
    const entry = new Entry();
    const nameOf = (row: number) => this.#net.tenant(this.#tenant).rowName(row);
    for (let at = this.ring.peek(); at >= 0; at = this.ring.peek()) {
      entry.read(this.ring, at, 0);
      if (entry.point !== Point.Void)
        found.push({
          point: NAMES[entry.point as Point],
          port: nameOf(entry.place),
          reason: entry.point === Point.Drop ? DROP_REASONS[entry.reason].name : null,
          bytes: entry.bytes(),
          length: entry.length,
          comment: entry.comment(nameOf),
        });
      this.ring.pop();
    }
    return found;
  }

  /** Frames seen, and those of them that found no room. */
  get tally(): { readonly seen: number; readonly lost: number } {
    let [seen, lost] = [0, 0];
    for (let row = 0; row < ROWS; row++) {
      seen += this.counts[row * CaptureCount.WIDTH + CaptureCount.Seen];
      lost += this.counts[row * CaptureCount.WIDTH + CaptureCount.Lost];
    }
    return { seen, lost };
  }
}
