import { UserError } from '../../errors.ts';
import { Batch } from '../../frame/batch.ts';
import { VNET_SIZE } from '../../frame/layout.ts';
import type { TxQueue } from '../../frame/tx-queue.ts';
import { DROP_COUNT, DROP_REASONS, Drop } from '../../observe/drop.ts';
import { COLUMNS, Column, type Ledger } from '../../observe/ledger.ts';
import { ROUTER_ROW } from '../../path/image.ts';
import { type LeakSink, takeLeaked } from '../../path/leak.ts';
import { RuleStore } from '../../path/rules/store.ts';
import { TenantPath } from '../../path/tenant-path.ts';
import { arriveCopy } from '../../port/arrival.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import { headsFor } from '../../worker/tenant-set.ts';
import { Narrator, type Step } from './narrator.ts';
import { clearStand, makeStand, shadowOf } from './shadow.ts';

export interface TraceContext {
  readonly tenants: readonly Tenant[];
  /** Offloads of each device, by index. */
  readonly offloads: Int32Array;
  readonly linkUp: Int32Array;
  readonly buckets: Parameters<typeof makeStand>[2];
  readonly nowUs: number;
}

export interface Trace {
  readonly steps: readonly Step[];
  /** Reasons why the frame, or a copy of it, is dropped. */
  readonly drops: readonly string[];
  /** Frames that would have left: port and bytes. */
  readonly outputs: readonly { readonly tenant: string; readonly port: string; readonly frame: string }[];
}

/**
 * What would happen to a frame that the port received now: the stages themselves run, on copies of all that they may change. Nothing
 * is sent, learned or counted.
 * @param frame from the Ethernet header on @param vnet its virtio-net header; none: nothing is left to be done to it
 * @throws UserError when the port is not there or the frame too long
 */
export function traceFrame(
  context: TraceContext,
  tenant: Tenant,
  port: string,
  frame: Uint8Array,
  vnet: Uint8Array = new Uint8Array(VNET_SIZE),
): Trace {
  const { ports } = tenant.model.bridge;
  const row = tenant.ports.of(port);
  if (row < 0) {
    const names = ports.map(({ name }) => name).join(', ');
    throw new UserError('usage', `${tenant.model.name} has no port ${port}`, `it is one of ${names}`);
  }
  const { nowUs } = context;
  const stand = makeStand(
    context.offloads,
    context.linkUp,
    context.buckets,
    new Map(context.tenants.map((one) => [one.index, roomOf(one)])),
  );
  const { pool } = stand;
  const steps: Step[] = [];
  const stamp = (batch: Batch, index: number) => {
    batch.tenant = index;
    batch.nowUs = nowUs;
    batch.nowMs = (nowUs / 1000) | 0;
  };
  const pathOf = (one: Tenant, leaks: LeakSink): { path: TenantPath; narrator: Narrator } => {
    const image = shadowOf(one.image);
    const narrator = new Narrator(pool, one.model, image, one.datapath);
    const store = image.rules === null ? null : new RuleStore(image.rules.workers[0]);
    store?.load(one.datapath.records());
    const path = new TenantPath(pool, image, 0, stand.devices, stand.buckets, leaks, store, {
      observer: narrator,
      taps: null,
      clock: null,
    });
    path.setCache(false);
    return { path, narrator };
  };
  const batch = new Batch(1);
  const leaked = new Batch(1);
  let taker: Tenant | undefined;
  const leaks: LeakSink = {
    leak: (from, i) => {
      taker = context.tenants.find(({ image }) => image.index === from.leakTo[i]);
      if (taker === undefined) return false;
      takeLeaked(leaked, from, i, ROUTER_ROW);
      return true;
    },
  };
  const first = pathOf(tenant, leaks);
  stamp(batch, tenant.image.index);
  load(batch, pool, tenant.image.index, frame, vnet);
  batch.port[0] = row;
  first.path.receive(batch);
  steps.push(...first.narrator.steps);
  const drops = dropsOf(first.path.ledger, tenant);
  const paths = [first.path];
  const other = taker as Tenant | undefined;
  if (other !== undefined) {
    const second = pathOf(other, { leak: () => false });
    stamp(leaked, other.image.index);
    second.path.route(leaked);
    steps.push(...second.narrator.steps);
    drops.push(...dropsOf(second.path.ledger, other));
    paths.push(second.path);
  }
  const outputs = outputsOf(context, stand.devices.queues, pool.octets);
  for (const { hold } of paths) hold?.clear(Drop.PortClosed);
  clearStand(stand);
  return { steps, drops, outputs };
}

/** Heads that a worker would let the tenant take now. */
function roomOf({ image, ledgers, rows }: Tenant): number {
  const held = rows.reduce((sum, row) => sum + ledgers[0].get(row, Column.Held), 0);
  return Math.max(0, headsFor(image.frames) - held);
}

function dropsOf(ledger: Ledger, { rows }: Tenant): string[] {
  const reasons = new Set<number>();
  for (const row of rows)
    for (let reason = 0; reason < DROP_COUNT; reason++)
      if (ledger.cells[row * COLUMNS + Column.Drops + reason] > 0) reasons.add(reason);
  return [...reasons].map((reason) => DROP_REASONS[reason].name);
}

function load(
  batch: Batch,
  pool: Parameters<typeof arriveCopy>[1],
  tenant: number,
  frame: Uint8Array,
  vnet: Uint8Array,
): void {
  const record = new Uint8Array(VNET_SIZE + frame.length);
  record.set(vnet);
  record.set(frame, VNET_SIZE);
  if (!arriveCopy(batch, pool, tenant, new DataView(record.buffer), 0, record.length)) throw new Error('no slot');
}

function outputsOf({ tenants }: TraceContext, queues: readonly TxQueue[], octets: Uint8Array): Trace['outputs'] {
  return queues.flatMap((queue) =>
    Array.from({ length: queue.count }, (_, k) => {
      const owner = tenants.find(({ image }) => image.index === queue.tenant[k]);
      const head = octets.subarray(queue.start[k], queue.start[k] + queue.headLength[k]);
      const body = octets.subarray(
        queue.bodyStart[k],
        queue.bodyStart[k] + (queue.body[k] < 0 ? 0 : queue.bodyLength[k]),
      );
      return {
        tenant: owner?.model.name ?? '?',
        port: owner?.ports.at(queue.port[k]) ?? '?',
        frame: Buffer.concat([head, body]).toString('hex'),
      };
    }),
  );
}
