import type { PuntedFrame } from './record.ts';

/**
 * Puts fragments of packets to the router itself together. Bounded in all directions: datagrams at a time, fragments and bytes
 * of each, seconds that one may take. A fragment that overlaps another ends its datagram, and what else comes of it is ignored
 * until the time is over (RFC 5722, section 4; for IPv4 too, where nobody honest sends such); an exact duplicate is ignored.
 * When there is no room the oldest datagram makes it, so that 64 fragments cannot shut everybody out for half a minute.
 *
 * Source: RFC 791, section 3.2; RFC 815; RFC 8200, section 4.5.
 */
export const REASSEMBLY_QUEUES = 64;
export const REASSEMBLY_MS = 30_000;
/** A datagram of 64 KiB at IPv4's least reassembly size of 576 bytes has 119. */
export const REASSEMBLY_PIECES = 128;
const LONGEST_PACKET = 65535;

export interface Fragment {
  /** What fragments of one datagram share: family, addresses, protocol, identification. */
  readonly key: string;
  /** Where the payload belongs in the datagram, a multiple of 8. */
  readonly offset: number;
  /** More fragments follow. */
  readonly more: boolean;
  /** The frame that it came in, and where in it the fragmentable part begins and ends. */
  readonly from: PuntedFrame;
  readonly start: number;
  readonly end: number;
}

export interface Whole {
  /** The first fragment, and where in it the fragmentable part begins. */
  readonly first: PuntedFrame;
  readonly start: number;
  readonly payload: Uint8Array;
  /** Longest frame among the fragments: what the way here can carry. */
  readonly longest: number;
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Queue {
  readonly deadline: number;
  /** Sorted by offset, without overlap; null once an overlap has spoilt the datagram. */
  pieces: Piece[] | null;
  /** Length of the whole, -1 until the last fragment has come. */
  total: number;
  held: number;
  first: Fragment | null;
  longest: number;
}

export class Reassembly {
  /** In the order of their deadlines, since all take the same time. */
  readonly #queues = new Map<string, Queue>();

  get size(): number {
    return this.#queues.size;
  }

  /** When the oldest datagram is given up, Infinity when there is none. */
  get next(): number {
    for (const queue of this.#queues.values()) return queue.deadline;
    return Number.POSITIVE_INFINITY;
  }

  /** @returns the datagram that the fragment completes; null while some is missing or when it is of no use */
  add(fragment: Fragment, nowMs: number): Whole | null {
    const length = fragment.end - fragment.start;
    // RFC 8200, section 4.5, and RFC 791: all fragments but the last carry a multiple of 8 bytes
    if (length <= 0 || (fragment.more && (length & 7) !== 0)) return null;
    if (fragment.start - 14 + fragment.offset + length > LONGEST_PACKET) return null;
    const queue = this.#queues.get(fragment.key) ?? this.#begin(fragment.key, nowMs);
    if (queue.pieces === null) return null;
    if (!insert(queue, fragment)) {
      // The queue stays, empty, so that later fragments of the datagram find no fresh start.
      queue.pieces = null;
      queue.first = null;
      return null;
    }
    if (queue.total !== queue.held || queue.first === null) return null;
    this.#queues.delete(fragment.key);
    const payload = new Uint8Array(queue.total);
    for (const { offset, bytes } of queue.pieces) payload.set(bytes, offset);
    const { from, start } = queue.first;
    return { first: from, start, payload, longest: queue.longest };
  }

  /**
   * Gives up what took too long.
   * @returns the first fragment of each, null where it has not come: its sender is told (RFC 792; RFC 8200, section 4.5)
   */
  expire(nowMs: number): (PuntedFrame | null)[] {
    const firsts: (PuntedFrame | null)[] = [];
    for (const [key, queue] of this.#queues) {
      if (queue.deadline > nowMs) break;
      this.#queues.delete(key);
      firsts.push(queue.first?.from ?? null);
    }
    return firsts;
  }

  #begin(key: string, nowMs: number): Queue {
    if (this.#queues.size >= REASSEMBLY_QUEUES) {
      for (const oldest of this.#queues.keys()) {
        this.#queues.delete(oldest);
        break;
      }
    }
    const queue: Queue = {
      deadline: nowMs + REASSEMBLY_MS,
      pieces: [],
      total: -1,
      held: 0,
      first: null,
      longest: 0,
    };
    this.#queues.set(key, queue);
    return queue;
  }
}

/** @returns false when the fragment contradicts what is there */
function insert(queue: Queue, fragment: Fragment): boolean {
  const pieces = queue.pieces;
  if (pieces === null) return false;
  const { offset } = fragment;
  const { frame } = fragment.from;
  const bytes = frame.subarray(fragment.start, fragment.end);
  const end = offset + bytes.length;
  let place = pieces.length;
  while (place > 0 && pieces[place - 1].offset >= offset) place--;
  const same = place < pieces.length ? pieces[place] : null;
  if (same !== null && same.offset === offset && equal(same.bytes, bytes) && fragment.more === (queue.total !== end)) {
    return true;
  }
  if (place > 0 && pieces[place - 1].offset + pieces[place - 1].bytes.length > offset) return false;
  if (same !== null && same.offset < end) return false;
  if (pieces.length >= REASSEMBLY_PIECES) return false;
  if (fragment.more) {
    if (queue.total >= 0 && end > queue.total) return false;
  } else {
    // The last fragment says how long the whole is: two that differ, or one behind it, are lies.
    if (queue.total >= 0) return false;
    const last = pieces.length > 0 ? pieces[pieces.length - 1] : null;
    if (last !== null && last.offset + last.bytes.length > end) return false;
    queue.total = end;
  }
  pieces.splice(place, 0, { offset, bytes });
  queue.held += bytes.length;
  if (offset === 0) queue.first = fragment;
  if (frame.length > queue.longest) queue.longest = frame.length;
  return true;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
