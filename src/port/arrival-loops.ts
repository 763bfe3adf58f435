import type { Batch } from '../frame/batch.ts';
import type { SlotStacks } from '../frame/pool-loops.ts';

/** The loops of `Arrivals`, to be made by `ownText`: they name nothing but what they are given. */

/** Columns of a batch that a port writes. */
const COLUMNS = [
  ...(['head', 'start', 'headLength', 'body', 'bodyStart', 'bodyLength'] as const),
  ...(['gsoType', 'gsoEcn', 'gsoSize', 'csumStart', 'csumOffset', 'fate', 'reason', 'twin'] as const),
];
type Columns = Pick<Batch, (typeof COLUMNS)[number]>;

export function columnsOf(batch: Batch): Columns {
  return Object.fromEntries(COLUMNS.map((name) => [name, batch[name]])) as unknown as Columns;
}

export interface ArrivalContext extends SlotStacks, Columns {
  /** Frames that were read: slots, and what the read has said. */
  readonly heads: Int32Array;
  readonly bodies: Int32Array;
  readonly lengths: Int32Array;
  /** The pool's bytes, two at a time: virtio-net headers lie at even places, little endian as the machine. */
  readonly halves: Uint16Array;
  /** Gets the bytes that the heads hold, and the number of frames that have a checksum to complete and nothing else. */
  readonly found: Float64Array;
  /** Measures of slots, and of what is read. */
  readonly headStride: number;
  readonly headStart: number;
  readonly headFill: number;
  readonly headRoom: number;
  readonly bodyStride: number;
  readonly vnetSize: number;
  readonly longest: number;
  /** Fates, and the reason for which a frame is dropped that filled its buffers. */
  readonly live: number;
  readonly dropped: number;
  readonly truncated: number;
}

/**
 * Puts `count` frames, from place `from` on, into rows `first` and following: where they lie, and no more. Bodies into which nothing was read go
 * back.
 * @returns how many are more than that: reach into a body, or have a virtio-net header with more in it than a checksum to complete
 */
export type Take = (from: number, count: number, first: number) => number;

export function takeFramesLoop(context: ArrivalContext): Take {
  const { heads, bodies, lengths, head, start, headLength, halves, found } = context;
  const { headStride, headStart, headFill, headRoom, vnetSize } = context;
  const { state, freeBodies, spare, release } = context;
  return (from, count, first) => {
    let odd = 0;
    let sums = 0;
    let bytes = 0;
    let i = first;
    const end = from + count;
    for (let k = from; k < end; k++) {
      const slot = heads[k];
      const length = lengths[k];
      const at = (Math.imul(slot, headStride) + headStart) | 0;
      head[i] = slot;
      start[i] = at;
      let own = headRoom;
      if (length <= headFill) {
        own = length > vnetSize ? length - vnetSize : 0;
        // Flags and GSO type in one look.
        const what = length >= vnetSize ? halves[(at - vnetSize) >> 1] : 0;
        if (what === 1) sums++;
        else if (what !== 0) odd++;
        const body = bodies[k];
        if (state[body] === 1) {
          state[body] = 0;
          freeBodies[spare[1]++] = body;
        } else release(body);
      } else odd++;
      headLength[i] = own;
      bytes += own;
      i++;
    }
    found[0] = bytes;
    found[1] = sums;
    return odd;
  };
}

/** Writes which checksums of the same frames are to be completed, if there is nothing else to say of them. @returns how many */
export function sumFramesLoop(context: ArrivalContext): Take {
  const { lengths, start, csumStart, csumOffset, halves, vnetSize } = context;
  return (from, count, first) => {
    let i = first;
    const end = from + count;
    for (let k = from; k < end; k++) {
      const at = (start[i] - vnetSize) >> 1;
      const sums = lengths[k] >= vnetSize && halves[at] === 1;
      csumStart[i] = sums ? start[i] + halves[at + 3] : -1;
      csumOffset[i] = halves[at + 4];
      i++;
    }
    return count;
  };
}

/** Writes what else there is to say of the same frames. @returns how many */
export function openFramesLoop(context: ArrivalContext): Take {
  const { bodies, lengths, start, body, bodyStart, bodyLength, gsoType, gsoEcn, gsoSize, csumStart, csumOffset } =
    context;
  const { fate, reason, twin, halves, headFill, bodyStride, vnetSize, longest, live, dropped, truncated } = context;
  const { firstBody, bodyBase } = context;
  return (from, count, first) => {
    let i = first;
    const end = from + count;
    for (let k = from; k < end; k++) {
      const length = lengths[k];
      fate[i] = live;
      if (length > headFill) {
        body[i] = bodies[k];
        bodyStart[i] = (bodyBase + Math.imul(bodies[k] - firstBody, bodyStride)) | 0;
        bodyLength[i] = length - headFill;
        if (length >= longest) {
          fate[i] = dropped;
          reason[i] = truncated;
        }
      } else {
        body[i] = -1;
        bodyStart[i] = 0;
        bodyLength[i] = 0;
      }
      gsoType[i] = 0;
      csumStart[i] = -1;
      twin[i] = -1;
      // struct virtio_net_hdr, of which only the parts are told: whether they are true of the frame is for the path to check.
      const at = (start[i] - vnetSize) >> 1;
      const what = length < vnetSize ? 0 : halves[at];
      if (what !== 0) {
        gsoType[i] = (what >> 8) & 0x7f;
        gsoEcn[i] = (what >> 8) & 0x80;
        gsoSize[i] = halves[at + 2];
        if ((what & 1) !== 0) {
          csumStart[i] = start[i] + halves[at + 3];
          csumOffset[i] = halves[at + 4];
        }
      }
      i++;
    }
    return count;
  };
}
