import type { Batch } from '../frame/batch.ts';
import { Protocol } from '../wire/ipv4.ts';

/**
 * Bytes from the Ethernet header to the end of the transport header of a super-frame: what each of its segments repeats.
 * @param move from the frame's own head to the copy of it that is read, 0 while the frame has its own
 */
export function headerBytes(batch: Batch, i: number, bytes: DataView, move = 0): number {
  const l4 = batch.l4[i];
  const transport = batch.proto[i] === Protocol.Tcp ? (bytes.getUint8(l4 + move + 12) >> 4) << 2 : 8;
  return l4 - batch.start[i] + transport;
}

/** Bytes on the wire of all packets that the frame stands for, without FCS. */
export function wireBytes(batch: Batch, i: number, bytes: DataView): number {
  const length = batch.headLength[i] + batch.bodyLength[i];
  if (batch.segments[i] <= 1) return length;
  return length + (batch.segments[i] - 1) * headerBytes(batch, i, bytes);
}

/** Length of the longest IP packet that the frame stands for, which is what an MTU limits. */
export function packetBytes(batch: Batch, i: number, bytes: DataView): number {
  if (batch.gsoType[i] === 0) return batch.ipLength[i];
  return headerBytes(batch, i, bytes) - (batch.l3[i] - batch.start[i]) + batch.gsoSize[i];
}
