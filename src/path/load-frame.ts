import type { Batch } from '../frame/batch.ts';
import { HEAD_ROOM } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';

/**
 * Appends a copy of a frame that the control side made, charged to the batch's tenant.
 * @param source memory that it lies in, from byte `from` on
 * @returns false when there is no slot
 */
export function loadFrame(batch: Batch, pool: Pool, source: Uint8Array, from: number, length: number): boolean {
  const inHead = length < HEAD_ROOM ? length : HEAD_ROOM;
  const head = pool.takeHead(batch.tenant);
  const body = head >= 0 && length > inHead ? pool.takeBody() : -1;
  if (head < 0 || (length > inHead && body < 0)) {
    pool.release(head);
    return false;
  }
  const start = pool.frameStart(head);
  for (let k = 0; k < inHead; k++) pool.octets[start + k] = source[from + k];
  const bodyStart = body < 0 ? 0 : pool.position(body);
  for (let k = inHead; k < length; k++) pool.octets[bodyStart + k - inHead] = source[from + k];
  batch.push(head, start, inHead, body, bodyStart, length - inHead);
  return true;
}
