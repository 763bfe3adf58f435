import { UserError } from '../errors.ts';
import { Delays, delaysMemory } from '../port/delays.ts';
import { PaceCell } from '../port/pace.ts';
import { PcapReader } from '../port/pcap-reader.ts';
import { ReplayControl, type ReplayHandles, ReplayResult } from '../port/replay-port.ts';

const VNET_SIZE = 10;
/** Frames that a replay port takes: what fits into a head. */
const LONGEST = 1900;
const MOST_FRAMES = 4_000_000;
/** Frames a second by the clock, more than any switch takes. */
export const TOO_MANY = 1e9;

/** Frames packed for `ReplayPort`. */
export interface PackedFrames {
  readonly count: number;
  readonly bytes: number;
  readonly frames: SharedArrayBuffer;
  readonly index: SharedArrayBuffer;
}

/** Packs frames so that each begins two bytes into 64 bytes of its own. */
export function packFrames(list: readonly Uint8Array[]): PackedFrames {
  const index = new Int32Array(new SharedArrayBuffer(list.length * 8));
  let doubles = 0;
  let bytes = 0;
  for (const [i, { length }] of list.entries()) {
    index[i * 2] = doubles;
    index[i * 2 + 1] = length;
    doubles += ((length + 2 + 63) >> 6) << 3;
    bytes += length;
  }
  const frames = new Uint8Array(new SharedArrayBuffer(doubles * 8));
  for (const [i, frame] of list.entries()) frames.set(frame, index[i * 2] * 8 + 2);
  return { count: list.length, bytes, frames: frames.buffer as SharedArrayBuffer, index: index.buffer };
}

/** @throws UserError when the file cannot be read or holds no frame */
export function readFrames(path: string): Uint8Array[] {
  let reader: PcapReader;
  try {
    reader = new PcapReader(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError('pcap-unreadable', `cannot read ${path}: ${why}`, 'name a pcap file of Ethernet frames', {
      cause,
    });
  }
  const frames: Uint8Array[] = [];
  for (; reader.loaded && frames.length < MOST_FRAMES; reader.advance()) {
    const from = reader.bytes.byteOffset + reader.at + VNET_SIZE;
    const frame = new Uint8Array(reader.bytes.buffer, from, reader.captured).slice();
    if (frame.length > LONGEST) {
      const text = `frame ${frames.length + 1} of ${path} has ${frame.length} bytes`;
      throw new UserError('pcap-unreadable', text, `a benchmark replays frames of at most ${LONGEST} bytes`);
    }
    frames.push(frame);
  }
  reader.close();
  if (reader.failure !== null) throw new UserError('pcap-unreadable', reader.failure, 'write the file anew');
  if (frames.length === 0) throw new UserError('pcap-unreadable', `${path} holds no frame`, 'capture some');
  return frames;
}

/** The main thread's end of a replay port. */
export class Replay {
  readonly handles: ReplayHandles;
  readonly #control: Int32Array;
  readonly #results: Float64Array;
  readonly #pace: Float64Array | null;
  readonly #delays: Delays | null;

  /** @param paced whether frames come by the clock @param timed whether delays of what leaves are counted */
  constructor(packed: PackedFrames, paced = false, timed = false) {
    const pace = paced ? new SharedArrayBuffer(PaceCell.WIDTH * 8) : null;
    const delays = timed ? delaysMemory() : null;
    this.#pace = pace === null ? null : new Float64Array(pace);
    this.#delays = delays === null ? null : new Delays(delays);
    this.#control = new Int32Array(new SharedArrayBuffer(ReplayControl.WORDS * 4));
    this.#results = new Float64Array(new SharedArrayBuffer(ReplayResult.WIDTH * 8));
    this.handles = {
      frames: packed.frames,
      index: packed.index,
      control: this.#control.buffer as SharedArrayBuffer,
      results: this.#results.buffer as SharedArrayBuffer,
      ...{ pace, delays },
    };
  }

  /** Frames a second that are due from now on. */
  set perSecond(rate: number) {
    if (this.#pace !== null) this.#pace[PaceCell.PerSecond] = rate;
  }

  /** How many of them may wait. */
  set queue(most: number) {
    if (this.#pace !== null) this.#pace[PaceCell.Queue] = most;
  }

  /** Frames that were due by the clock, and those among them that found the queue full. */
  get offered(): number {
    return this.#pace?.[PaceCell.Offered] ?? 0;
  }

  get overflowed(): number {
    return this.#pace?.[PaceCell.Overflowed] ?? 0;
  }

  /** What the clock said last that they come by, microseconds. */
  get clockUs(): number {
    return this.#pace?.[PaceCell.NowUs] ?? 0;
  }

  /** See `delayQuantile`. */
  delays(): Float64Array {
    return this.#delays?.snapshot() ?? new Float64Array(0);
  }

  /** @param frames to be received from now on, -1: without end */
  set left(frames: number) {
    Atomics.store(this.#control, ReplayControl.Left, frames);
  }

  get left(): number {
    return Atomics.load(this.#control, ReplayControl.Left);
  }

  set digesting(on: boolean) {
    Atomics.store(this.#control, ReplayControl.Digest, on ? 1 : 0);
  }

  get received(): number {
    return this.#results[ReplayResult.Received];
  }

  get transmitted(): number {
    return this.#results[ReplayResult.Transmitted];
  }

  /** ARP and neighbour discovery among them: routers send these when it is time for it. */
  get resolving(): number {
    return this.#results[ReplayResult.Resolving];
  }

  get digest(): number {
    return this.#results[ReplayResult.Digest];
  }
}
