import type { IovecParts } from '../../native-free/iovec.ts';
import type { UringLanes } from '../../native-free/uring.ts';
import type { SlotStacks } from '../frame/pool-loops.ts';
import type { TxColumns } from '../frame/tx-queue.ts';
import type { RequestParts } from './uring-requests.ts';

/**
 * The loops of `UringReads`, `UringWrites` and `UringIo`, to be made by `ownText`: they name nothing but what they are given. Columns of
 * `ports`, and words of rows, are the numbers that `TapState` and `RequestTable` say: an imported name would be read from its module each time.
 */

interface Requests extends SlotStacks, UringLanes, IovecParts, RequestParts {
  /** `Arrivals.ports`. */
  readonly ports: Int32Array;
  /** Operation and flags of a request, and RWF_NOWAIT. */
  readonly code: number;
  readonly nowait: number;
}

export interface AskContext extends Requests {
  readonly headStride: number;
  readonly bodyStride: number;
  readonly readStart: number;
}

/** Asks for `count` frames, for each of which there are slots, rows and room, into heads of the tenant. @returns count */
export type Ask = (file: number, tenant: number, count: number) => number;

export function askLoop(context: AskContext): Ask {
  const { requests, requestMask, cursor, words, low, high, baseLow, baseHigh, rows, free, height, ports } = context;
  const { state, spares, freeBodies, spare, held, owner, firstBody, bodyBase } = context;
  const { nowait, code, headStride, bodyStride, readStart } = context;
  // Unsigned numbers compare as signed ones do with their sign bits turned.
  const turned = baseLow ^ 0x8000_0000;
  const above = (baseHigh + 1) | 0;
  return (file, tenant, count) => {
    const fresh = (tenant << owner) | 1;
    let tail = cursor[0];
    let top = height[0];
    let heads = spare[0];
    let bodies = spare[1];
    for (let k = 0; k < count; k++) {
      const entry = free[--top];
      const head = spares[--heads];
      const body = freeBodies[--bodies];
      state[head] = fresh;
      state[body] = 1;
      const row = entry << 3;
      rows[row] = file;
      rows[row + 1] = head;
      rows[row + 2] = body;
      // Lengths of the two segments are always the same.
      const to = (baseLow + Math.imul(head, headStride) + readStart) | 0;
      words[row] = to;
      words[row + 1] = (to ^ 0x8000_0000) < turned ? above : baseHigh;
      const more = (baseLow + bodyBase + Math.imul(body - firstBody, bodyStride)) | 0;
      words[row + 4] = more;
      words[row + 5] = (more ^ 0x8000_0000) < turned ? above : baseHigh;
      const at = (tail & requestMask) << 4;
      requests[at] = code;
      requests[at + 1] = file;
      requests[at + 2] = 0;
      requests[at + 3] = 0;
      requests[at + 4] = low[entry];
      requests[at + 5] = high[entry];
      requests[at + 6] = 2;
      requests[at + 7] = nowait;
      requests[at + 8] = entry;
      requests[at + 9] = 0;
      tail = (tail + 1) | 0;
    }
    cursor[0] = tail;
    height[0] = top;
    spare[0] = heads;
    spare[1] = bodies;
    held[tenant] += count;
    ports[(file << 3) + 3] += count;
    return count;
  };
}

/** With the columns that queues share. */
export interface AddContext extends Requests, TxColumns {
  /** Number of the first request that is a write. */
  readonly first: number;
  /** The operation where a frame lies in two pieces. */
  readonly vectored: number;
  readonly vnetSize: number;
}

/** Asks for the frames in rows `from` and following of the columns to be written, for each of which there is an entry and room. @returns count */
export type Add = (file: number, from: number, count: number) => number;

export function addLoop(context: AddContext): Add {
  const { requests, requestMask, cursor, words, low, high, baseLow, baseHigh, rows, free, height, ports } = context;
  const { nowait, first, code, vectored, vnetSize } = context;
  const { head, start, headLength, body, bodyStart, bodyLength, tenant, row: rowOf, port } = context;
  const turned = baseLow ^ 0x8000_0000;
  const above = (baseHigh + 1) | 0;
  return (file, from, count) => {
    const end = from + count;
    let tail = cursor[0];
    let top = height[0];
    for (let i = from; i < end; i++) {
      const entry = free[--top];
      const row = entry << 3;
      const at = (tail & requestMask) << 4;
      const request = first + entry;
      const length = headLength[i];
      const begin = (baseLow + start[i] - vnetSize) | 0;
      const beginHigh = (begin ^ 0x8000_0000) < turned ? above : baseHigh;
      const rest = body[i];
      rows[row] = file;
      rows[row + 1] = head[i];
      rows[row + 2] = rest;
      rows[row + 3] = tenant[i];
      rows[row + 4] = rowOf[i];
      rows[row + 5] = port[i];
      requests[at + 1] = file;
      requests[at + 2] = 0;
      requests[at + 3] = 0;
      requests[at + 7] = nowait;
      requests[at + 8] = request;
      requests[at + 9] = 0;
      if (rest < 0) {
        rows[row + 6] = length;
        requests[at] = code;
        requests[at + 4] = begin;
        requests[at + 5] = beginHigh;
        requests[at + 6] = length + vnetSize;
      } else {
        rows[row + 6] = length + bodyLength[i];
        const word = request << 3;
        const more = (baseLow + bodyStart[i]) | 0;
        words[word] = begin;
        words[word + 1] = beginHigh;
        words[word + 2] = length + vnetSize;
        words[word + 4] = more;
        words[word + 5] = (more ^ 0x8000_0000) < turned ? above : baseHigh;
        words[word + 6] = bodyLength[i];
        requests[at] = vectored;
        requests[at + 4] = low[request];
        requests[at + 5] = high[request];
        requests[at + 6] = 2;
      }
      tail = (tail + 1) | 0;
    }
    cursor[0] = tail;
    height[0] = top;
    ports[(file << 3) + 3] += count;
    return count;
  };
}

export interface ReapContext extends SlotStacks, UringLanes {
  /** Reads are the requests below this number, writes those from there to `end`. */
  readonly reads: number;
  readonly end: number;
  readonly readRows: Int32Array;
  readonly readFree: Int32Array;
  readonly readHeight: Int32Array;
  readonly writeRows: Int32Array;
  readonly writeFree: Int32Array;
  readonly writeHeight: Int32Array;
  /** `Arrivals`. */
  readonly ports: Int32Array;
  readonly places: number;
  readonly heads: Int32Array;
  readonly bodies: Int32Array;
  readonly lengths: Int32Array;
  /** Counters, and which of them count what was read and written. */
  readonly stats: Float64Array;
  readonly readsStat: number;
  readonly writesStat: number;
  /** Of frames of one length that came by one row and left by one port. */
  readonly sent: (tenant: number, row: number, port: number, frames: number, bytes: number) => void;
  /** Whatever is not a frame read, or written, by a port that stays. */
  readonly other: (low: number, high: number, result: number, flags: number) => void;
}

/** Hears the next `count` completions. @returns count */
export type Reap = (count: number) => number;

export function reapLoop(context: ReapContext): Reap {
  const { ring, completions, completionMask, cursor, reads, end, ports, places, heads, bodies, lengths } = context;
  const { readRows, readFree, readHeight, writeRows, writeFree, writeHeight, stats, readsStat, writesStat } = context;
  const { state, spares, freeBodies, spare, held, owner, refs, release, sent, other } = context;
  return (count) => {
    const from = cursor[1];
    let read = 0;
    let written = 0;
    let ofTenant = -1;
    let ofRow = -1;
    let toPort = -1;
    let ofLength = -1;
    let run = 0;
    for (let i = 0; i < count; i++) {
      const at = completions + (((from + i) & completionMask) << 2);
      const low = ring[at];
      const result = ring[at + 2];
      const isRead = low < reads;
      const row = isRead ? low << 3 : (low - reads) << 3;
      const place = low < 0 || low >= end ? -1 : isRead ? readRows[row] : writeRows[row];
      const known = place << 3;
      if (result <= 0 || place < 0 || (isRead && (ports[known + 4] === low || ports[known + 5] !== 0))) {
        other(low, ring[at + 1], result, ring[at + 3]);
        continue;
      }
      ports[known + 3]--;
      if (isRead) {
        const waiting = ports[known];
        const to = Math.imul(place, places) + waiting;
        heads[to] = readRows[row + 1];
        bodies[to] = readRows[row + 2];
        lengths[to] = result;
        readRows[row] = -1;
        readFree[readHeight[0]++] = low;
        ports[known] = waiting + 1;
        ports[known + 1]++;
        ports[known + 2] += result;
        read++;
        continue;
      }
      const head = writeRows[row + 1];
      const body = writeRows[row + 2];
      const tenant = writeRows[row + 3];
      const came = writeRows[row + 4];
      const port = writeRows[row + 5];
      const length = writeRows[row + 6];
      writeRows[row] = -1;
      writeFree[writeHeight[0]++] = row >> 3;
      const word = state[head];
      if ((word & refs) === 1) {
        state[head] = 0;
        held[word >>> owner]--;
        spares[spare[0]++] = head;
      } else release(head);
      if (body >= 0) {
        if (state[body] === 1) {
          state[body] = 0;
          freeBodies[spare[1]++] = body;
        } else release(body);
      }
      written++;
      if (tenant !== ofTenant || came !== ofRow || port !== toPort || length !== ofLength) {
        if (run > 0) sent(ofTenant, ofRow, toPort, run, Math.imul(run, ofLength));
        ofTenant = tenant;
        ofRow = came;
        toPort = port;
        ofLength = length;
        run = 0;
      }
      run++;
    }
    if (run > 0) sent(ofTenant, ofRow, toPort, run, Math.imul(run, ofLength));
    stats[readsStat] += read;
    stats[writesStat] += written;
    return count;
  };
}
