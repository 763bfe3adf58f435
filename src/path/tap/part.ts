import { type Batch, Fate } from '../../frame/batch.ts';
import type { Taps } from './tap.ts';

/** Takes frames of a batch over into an empty one. @returns their bytes */
export function takePart(part: Batch, batch: Batch, from: number, to: number): number {
  part.tenant = batch.tenant;
  part.nowUs = batch.nowUs;
  part.nowMs = batch.nowMs;
  part.count = 0;
  let bytes = 0;
  for (let i = from; i < to; i++) bytes += part.length(part.take(batch, i));
  return bytes;
}

/** Shows the frames of a batch that are dropped. */
export function showDrops(taps: Taps, batch: Batch): void {
  const { count, fate, reason } = batch;
  for (let i = 0; i < count; i++) if (fate[i] === Fate.Dropped) taps.frame(batch, i, reason[i]);
}

/** Bytes of the frames that the flow cache did not carry out. */
export function bytesLeft({ count, fate, headLength, bodyLength }: Batch): number {
  let bytes = 0;
  for (let i = 0; i < count; i++) if (fate[i] !== Fate.Sent) bytes += headLength[i] + bodyLength[i];
  return bytes;
}
