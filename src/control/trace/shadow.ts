import { Pool } from '../../frame/pool.ts';
import { Ring } from '../../frame/ring.ts';
import { TxColumns, TxQueue } from '../../frame/tx-queue.ts';
import { COLUMNS } from '../../observe/ledger.ts';
import { createRulesImage } from '../../openflow/datapath/counters.ts';
import type { Devices } from '../../path/devices.ts';
import { ROUTER_ROW, type TenantImage, WorkCount } from '../../path/image.ts';
import type { RulesImage } from '../../path/rules/log.ts';
import { SharedBuckets } from '../../table/shared-buckets.ts';
import { QUEUE } from '../../worker/device-set.ts';

const RING = 1 << 17;
/** Heads beyond those that tenants may hold. */
const SPARE = 64;
const BODIES = 64;

/**
 * A tenant's image in which everything that a frame may change is a copy: what was learned, neighbours, books, counters, rings. A
 * path that is made of it does exactly what the real one would do with the next frame, and nothing of it is left behind.
 */
export function shadowOf(image: TenantImage): TenantImage {
  const { bridge, router, acls, rules } = image;
  return {
    ...image,
    bridge: { ...bridge, macs: { memory: copyOf(bridge.macs.memory) } },
    router: router === null ? null : { ...router, neighbors: { memory: copyOf(router.neighbors.memory) } },
    rules: rules === null ? null : shadowRules(rules),
    acls: acls.map((acl) => ({ ...acl, before: null, hits: [new Float64Array(acl.hits[0].length)] })),
    workers: [
      {
        ...image.workers[0],
        ledger: new SharedArrayBuffer((ROUTER_ROW + 1) * COLUMNS * 8),
        punt: Ring.create(RING).memory,
        inject: Ring.create(64).memory,
        work: new SharedArrayBuffer(WorkCount.WIDTH * 8),
      },
    ],
  };
}

/** Counters, rates and a ring that all shadows use, one after the other: nobody reads what is counted there. */
let shared: RulesImage | undefined;

function shadowRules({ rates }: RulesImage): RulesImage {
  shared ??= createRulesImage(1);
  new Uint8Array(shared.rates.memory).set(new Uint8Array(rates.memory));
  // Frames that the shadow before gave to controllers.
  const ring = new Ring(shared.workers[0].packetIns);
  while (ring.peek() >= 0) ring.pop();
  return shared;
}

/** What paths of shadows share: memory for frames, devices that keep what leaves, rates. */
export interface Stand {
  readonly pool: Pool;
  readonly devices: Devices;
  readonly buckets: SharedBuckets;
}

const NO_COLUMNS = new TxColumns(0);

/** Queues that all shadows use, one after the other. */
const queues: TxQueue[] = [];

function emptyQueue(device: number): TxQueue {
  const queue = (queues[device] ??= new TxQueue(QUEUE));
  queue.count = 0;
  return queue;
}

/** Memory that shadows use, one after the other, if it is large enough and all of it was given back. */
let memory: Pool | undefined;

function poolOf(heads: number, tenants: number): Pool {
  const kept = memory;
  const fits = kept !== undefined && kept.heads >= heads && kept.limit.length >= tenants;
  if (!fits || kept.freeHeads < kept.heads || kept.freeBodies < kept.bodies) memory = new Pool(heads, BODIES, tenants);
  return memory ?? new Pool(heads, BODIES, tenants);
}

/**
 * @param offloads of each device, by index @param linkUp the real ones @param buckets the real ones, of which a copy is taken
 * @param room heads that each tenant may take now, by its index
 */
export function makeStand(
  offloads: Int32Array,
  linkUp: Int32Array,
  buckets: SharedBuckets,
  room: ReadonlyMap<number, number>,
): Stand {
  const handles = buckets.handles();
  const pool = poolOf(SPARE + Math.max(...room.values()), 1 + Math.max(...room.keys()));
  for (const [tenant, heads] of room) pool.limit[tenant] = heads;
  return {
    pool,
    devices: {
      count: offloads.length,
      offloads,
      linkUp,
      queues: Array.from(offloads, (_, device) => emptyQueue(device)),
      // For the flow cache, which a trace does without.
      columns: NO_COLUMNS,
    },
    buckets: SharedBuckets.attach({ memory: copyOf(handles.memory), count: handles.count }),
  };
}

/** Gives back what lies in the queues. */
export function clearStand({ pool, devices }: Stand): void {
  for (const queue of devices.queues) {
    for (let k = 0; k < queue.count; k++) {
      pool.release(queue.head[k]);
      pool.release(queue.body[k]);
    }
    queue.count = 0;
  }
}

function copyOf(memory: SharedArrayBuffer): SharedArrayBuffer {
  return memory.slice(0);
}
