import { Batch } from '../../src/frame/batch.ts';
import * as layout from '../../src/frame/layout.ts';
import { Pool } from '../../src/frame/pool.ts';

/** What a virtio-net header says of a frame; positions count from its Ethernet header. */
export interface Vnet {
  readonly gsoType?: number;
  readonly ecn?: boolean;
  readonly gsoSize?: number;
  /** Present: NEEDS_CSUM. */
  readonly csumStart?: number;
  readonly csumOffset?: number;
}

export interface PushOptions {
  /** Bytes of the frame that lie in its head; as many as fit, if not given. The rest lies in a body. */
  readonly headSplit?: number;
  readonly vnet?: Vnet;
  readonly tenant?: number;
  /** Row in the ledger that the frame came from. */
  readonly port?: number;
}

/** A pool small enough that a test can run it dry. */
export function poolOf(heads = 64, bodies = 8, tenants = 1): Pool {
  return new Pool(heads, bodies, tenants);
}

export function batchOf(...frames: [pool: Pool, bytes: Uint8Array, options?: PushOptions][]): Batch {
  const batch = new Batch();
  for (const [pool, bytes, options] of frames) pushFrame(batch, pool, bytes, options);
  return batch;
}

/** Puts a frame into slots of the pool, as a port would have read it, and appends it to the batch. @returns its index */
export function pushFrame(batch: Batch, pool: Pool, bytes: Uint8Array, options: PushOptions = {}): number {
  const inHead = Math.min(options.headSplit ?? layout.HEAD_ROOM, bytes.length, layout.HEAD_ROOM);
  const head = pool.takeHead(options.tenant ?? 0);
  if (head < 0) throw new Error('the pool of the test has no free head');
  const start = pool.frameStart(head);
  pool.octets.set(bytes.subarray(0, inHead), start);
  let body = -1;
  let bodyStart = 0;
  if (inHead < bytes.length) {
    body = pool.takeBody();
    if (body < 0) throw new Error('the pool of the test has no free body');
    bodyStart = pool.position(body);
    pool.octets.set(bytes.subarray(inHead), bodyStart);
  }
  const i = batch.push(head, start, inHead, body, bodyStart, bytes.length - inHead);
  batch.port[i] = options.port ?? 0;
  const { vnet } = options;
  if (vnet !== undefined) {
    batch.gsoType[i] = vnet.gsoType ?? 0;
    batch.gsoEcn[i] = vnet.ecn === true ? 0x80 : 0;
    batch.gsoSize[i] = vnet.gsoSize ?? 0;
    if (vnet.csumStart !== undefined) {
      batch.csumStart[i] = start + vnet.csumStart;
      batch.csumOffset[i] = vnet.csumOffset ?? 0;
    }
  }
  return i;
}

/** The frame as it would be written: a copy of its bytes in head and body. */
export function bytesOf(
  pool: Pool,
  _head: number,
  start: number,
  headLength: number,
  body: number,
  bodyStart: number,
  bodyLength: number,
): Uint8Array {
  const bytes = new Uint8Array(headLength + (body < 0 ? 0 : bodyLength));
  bytes.set(pool.octets.subarray(start, start + headLength));
  if (body >= 0) bytes.set(pool.octets.subarray(bodyStart, bodyStart + bodyLength), headLength);
  return bytes;
}

/** Frame i of a batch, or of a queue, as it would be written. */
export function frameBytes(
  pool: Pool,
  from: Pick<Batch, 'head' | 'start' | 'headLength' | 'body' | 'bodyStart' | 'bodyLength'>,
  i: number,
): Uint8Array {
  const { head, start, headLength, body, bodyStart, bodyLength } = from;
  return bytesOf(pool, head[i], start[i], headLength[i], body[i], bodyStart[i], bodyLength[i]);
}
