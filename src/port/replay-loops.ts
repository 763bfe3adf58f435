/** The loops of a replay port, to be made by `ownText`: they name nothing but what they are given. */

export interface FillContext {
  /** Where frames lie: packed, each at `index[2 * n]` double words, `index[2 * n + 1]` bytes long. */
  readonly frames: BigInt64Array;
  readonly index: Int32Array;
  /** Where they go to: the pool, and a batch's columns. */
  readonly slots: BigInt64Array;
  readonly spares: Int32Array;
  readonly head: Int32Array;
  readonly start: Int32Array;
  readonly headLength: Int32Array;
  readonly stride: number;
  readonly begin: number;
}

/**
 * Copies `taken` frames, from number `next` on, into the heads `spares[spare]` and following, for rows `first` and following of the batch.
 * @returns their bytes
 */
export type Fill = (first: number, taken: number, next: number, spare: number) => number;

export function fillLoop(context: FillContext): Fill {
  const { frames, index, slots, spares, head, start, headLength, stride, begin } = context;
  const count = index.length >> 1;
  return (first, taken, next, spare) => {
    const end = first + taken;
    let n = next;
    let from = spare;
    let bytes = 0;
    for (let i = first; i < end; i++) {
      const slot = spares[from++];
      const length = index[2 * n + 1];
      const at = (Math.imul(slot, stride) + begin) | 0;
      head[i] = slot;
      start[i] = at;
      headLength[i] = length;
      bytes += length;
      // Eight double words at a time, a line of the processor's caches: half the loads and stores of words, and nothing is allocated for
      // them. Not in one loop: with a loop in a loop V8 takes arrays for constants no more.
      let a = index[2 * n] & 0x3fffffff;
      let b = at >>> 3;
      slots[b] = frames[a];
      slots[b + 1] = frames[a + 1];
      slots[b + 2] = frames[a + 2];
      slots[b + 3] = frames[a + 3];
      slots[b + 4] = frames[a + 4];
      slots[b + 5] = frames[a + 5];
      slots[b + 6] = frames[a + 6];
      slots[b + 7] = frames[a + 7];
      if (length > 62) {
        const last = (at + length - 1) >> 3;
        for (a += 8, b += 8; b <= last; a += 8, b += 8) {
          slots[b] = frames[a];
          slots[b + 1] = frames[a + 1];
          slots[b + 2] = frames[a + 2];
          slots[b + 3] = frames[a + 3];
          slots[b + 4] = frames[a + 4];
          slots[b + 5] = frames[a + 5];
          slots[b + 6] = frames[a + 6];
          slots[b + 7] = frames[a + 7];
        }
      }
      if (++n === count) n = 0;
    }
    return bytes;
  };
}

export interface AlikeContext {
  readonly tenant: Int32Array;
  readonly row: Int32Array;
  readonly port: Int32Array;
}

/** Frames of a queue from `first` on that are of one row and go to one port. @returns where they end */
export function alikeLoop({ tenant, row, port }: AlikeContext): (first: number, count: number) => number {
  return (first, count) => {
    const ofRow = row[first];
    const ofTenant = tenant[first];
    const toPort = port[first];
    let i = first + 1;
    while (i < count && row[i] === ofRow && tenant[i] === ofTenant && port[i] === toPort) i++;
    return i;
  };
}

export interface SumContext {
  readonly halves: Uint16Array;
  readonly start: Int32Array;
  readonly headLength: Int32Array;
  readonly body: Int32Array;
  readonly bodyLength: Int32Array;
  /** Gets bytes, and the number of frames that have a body or may ask for a neighbour: neither IPv4 nor IPv6 without ICMPv6, behind at most one 802.1Q tag. */
  readonly found: Int32Array;
}

/** Bytes of a queue's frames from `first` to `end`. */
export function sumLoop(context: SumContext): (first: number, end: number) => number {
  const { halves, start, headLength, body, bodyLength, found } = context;
  return (first, end) => {
    let bytes = 0;
    let odd = 0;
    for (let i = first; i < end; i++) {
      bytes += headLength[i];
      // As bytes lie: 0x8100, 0x0800, 0x86dd; the next header is the lower byte.
      let at = start[i] + 12;
      if (halves[at >> 1] === 0x81) at += 4;
      const type = halves[at >> 1];
      // An addition that is always made: one that is first made long after would stop the path, whose loop V8 then throws away.
      odd += type !== 8 && (type !== 0xdd86 || (halves[(at + 8) >> 1] & 0xff) === 58) ? 1 : 0;
      if (body[i] >= 0) {
        odd++;
        bytes += bodyLength[i];
      }
    }
    found[0] = bytes;
    found[1] = odd;
    return bytes;
  };
}
