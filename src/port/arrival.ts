import type { Batch } from '../frame/batch.ts';
import * as layout from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import * as vnet from '../wire/vnet.ts';
import { copyBytes } from './copy.ts';

/** Bytes that a read puts into the head: the virtio-net header and the beginning of the frame. */
export const HEAD_FILL = layout.HEAD_SIZE - layout.READ_START;
/** Bytes that a read can put into head and body together; one that fills them all may have been cut off. */
export const LONGEST_READ = HEAD_FILL + layout.BODY_SIZE;

/**
 * Appends one frame that was read into a head (from READ_START) and a body (from its first byte), and gives the body back when
 * the frame did not reach into it. The virtio-net header is only taken apart here; whether it tells the truth about the
 * frame is for the path to check.
 * @param body slot, or -1 when none was taken @param length bytes read, the virtio-net header included
 */
function arrive(batch: Batch, pool: Pool, head: number, body: number, length: number): void {
  const start = pool.frameStart(head);
  let i: number;
  if (length <= HEAD_FILL) {
    pool.release(body);
    i = batch.push(head, start, length > layout.VNET_SIZE ? length - layout.VNET_SIZE : 0, -1, 0, 0);
    if (length < layout.VNET_SIZE) return;
  } else {
    i = batch.push(head, start, layout.HEAD_ROOM, body, pool.position(body), length - HEAD_FILL);
    if (length >= LONGEST_READ) batch.drop(i, Drop.Truncated);
  }
  const { bytes } = pool;
  const at = start - layout.VNET_SIZE;
  // Flags and GSO type in one look: nearly always there is nothing to do.
  if (bytes.getUint16(at) === 0) return;
  batch.plain = false;
  batch.gsoType[i] = vnet.gsoType(bytes, at);
  batch.gsoEcn[i] = vnet.gsoEcn(bytes, at);
  batch.gsoSize[i] = vnet.gsoSize(bytes, at);
  if ((vnet.flags(bytes, at) & vnet.Flag.NeedsChecksum) === 0) return;
  batch.csumStart[i] = start + vnet.checksumStart(bytes, at);
  batch.csumOffset[i] = vnet.checksumOffset(bytes, at);
}

/**
 * Copies a record (virtio-net header and frame) into fresh slots, laid out as a read would have left them, and appends it.
 * @returns false when there are not enough free slots; nothing has changed then
 */
export function arriveCopy(
  batch: Batch,
  pool: Pool,
  tenant: number,
  from: DataView,
  at: number,
  length: number,
): boolean {
  const whole = length > LONGEST_READ ? LONGEST_READ : length;
  let body = -1;
  if (whole > HEAD_FILL && (body = pool.takeBody()) < 0) return false;
  const head = pool.takeHead(tenant);
  if (head < 0) {
    pool.release(body);
    return false;
  }
  const first = body < 0 ? whole : HEAD_FILL;
  copyBytes(from, at, pool.bytes, pool.position(head) + layout.READ_START, first);
  if (body >= 0) copyBytes(from, at + first, pool.bytes, pool.position(body), whole - first);
  arrive(batch, pool, head, body, whole);
  return true;
}

/**
 * Copies a complete frame, without virtio-net header, into fresh slots, and appends it.
 * @param length at most what head and body hold
 * @returns false when there are not enough free slots; nothing has changed then
 */
export function arrivePlain(
  batch: Batch,
  pool: Pool,
  tenant: number,
  from: DataView,
  at: number,
  length: number,
): boolean {
  let body = -1;
  if (length > layout.HEAD_ROOM && (body = pool.takeBody()) < 0) return false;
  const head = pool.takeHead(tenant);
  if (head < 0) {
    pool.release(body);
    return false;
  }
  const start = pool.frameStart(head);
  const first = body < 0 ? length : layout.HEAD_ROOM;
  copyBytes(from, at, pool.bytes, start, first);
  const bodyStart = body < 0 ? 0 : pool.position(body);
  if (body >= 0) copyBytes(from, at + first, pool.bytes, bodyStart, length - first);
  batch.push(head, start, first, body, bodyStart, length - first);
  return true;
}
