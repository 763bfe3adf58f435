import { clockSince, processorTime } from '../../native-free/clock.ts';
import { signalEventfd } from '../../native-free/eventfd.ts';
import { alignedWords } from '../../native-free/huge-pages.ts';
import { SocketPair } from '../../native-free/socket-pair.ts';
import { VNET_SIZE } from '../frame/layout.ts';
import { Ledger } from '../observe/ledger.ts';
import type { Io } from '../port/io.ts';
import { openIo } from '../port/open-io.ts';
import { Epochs } from '../table/epoch.ts';
import { SharedBuckets } from '../table/shared-buckets.ts';
import { Engine } from './engine.ts';
import { warmImage } from './warm-image.ts';

const TENANT = 1;
const DEVICES = 2;
/** Engines that play after each other, and how long. */
const PLAYS = 4;
const ROUNDS = 700;
const EMPTY_TURNS = 16;
const STEP_MS = 1;
const NEVER_US = 0x3fff_ffff;

/** An Ethernet frame behind a header that says nothing. @param to @param from last bytes of the MACs @param packet with its EtherType */
function frame(to: number, from: number, packet: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(VNET_SIZE + 98);
  bytes.set([2, 0, 0, 0, 1, to, 2, 0, 0, 0, 1, from, ...packet], VNET_SIZE);
  return bytes;
}

const ping = (to: number, from: number) =>
  frame(to, from, [8, 0, 0x45, 0, 0, 84, 0, 0, 0x40, 0, 64, 1, 0, 0, 10, 0, 0, from, 10, 0, 0, to, 8]);

const PINGS = [ping(2, 1), ping(1, 2)];
/** To all: an ARP request, and what IPv6 says when a link comes up. */
const OTHERS = [
  frame(2, 1, [8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 1, 1, 10, 0, 0, 1, 2, 0, 0, 0, 1, 2, 10, 0, 0, 2]),
  frame(1, 2, [0x86, 0xdd, 0x60, 0, 0, 0, 0, 44, 58, 255, 0xfe, 0x80]),
];

/** An engine that forwards between two pairs of sockets, as a worker's own does between TAPs. */
class Play {
  readonly #engine: Engine;
  readonly #io: Io;
  readonly #ends: readonly SocketPair[];
  #rounds = 0;

  /** @param longSleepUs 0: every sleep is a long one @throws LinuxError */
  constructor({ io, origin }: WarmUpOptions, longSleepUs: number) {
    this.#engine = new Engine({
      worker: 0,
      heads: 64,
      bodies: 16,
      tenants: TENANT + 1,
      devices: DEVICES,
      buckets: SharedBuckets.create(1),
      epochs: Epochs.create(1),
      linkUp: new Int32Array(new SharedArrayBuffer(4 * DEVICES)).fill(1),
      uplinks: new Ledger(1),
      clock: clockSince(origin),
      processor: processorTime,
      words: alignedWords,
      longSleepUs,
      ring: () => {},
    });
    const { pool, tenants, devices } = this.#engine;
    this.#io = openIo(pool, tenants, { ports: DEVICES }, io ?? undefined);
    this.#engine.io = this.#io;
    // A worker begins without tenants and devices, and V8 tells empty lists from others.
    for (let turn = 0; turn < EMPTY_TURNS; turn++) this.#wakeUp();
    tenants.set(warmImage(TENANT));
    this.#ends = [new SocketPair(), new SocketPair()];
    for (const [index, { near }] of this.#ends.entries()) {
      devices.add(index, this.#io.openTap(near, `warm${index}`, 0, 'tap'), null);
      devices.assign(index, 0, TENANT, index);
    }
  }

  /** A wait that ends without a frame. */
  #wakeUp(): void {
    signalEventfd(this.#io.wakeFd);
    this.#engine.turn(true);
  }

  /** Forwards a frame, or now and then several, and what answers them. @returns frames that have arrived */
  round(): number {
    let arrived = 0;
    const round = this.#rounds++;
    if (round % 8 === 7) {
      this.#wakeUp();
    }
    for (let from = 0; from < DEVICES; from++) {
      this.#ends[from].send(PINGS[from]);
      if (round % 4 === 3) this.#ends[from].send(OTHERS[from]);
      this.#engine.turn(round % 16 !== 15);
      this.#engine.turn(false);
      if (round % 4 === 3) this.#engine.turn(false);
      while (this.#ends[1 - from].drain()) arrived++;
    }
    return arrived;
  }

  close(): void {
    this.#engine.close();
    this.#io.close();
    for (const end of this.#ends) end.close();
  }
}

export interface WarmUpOptions {
  /** See `openIo`. */
  readonly io: string | null;
  /** Of the worker's clock. */
  readonly origin: number;
}

/**
 * A worker whose first frame comes an hour after it was started is still one whose code has never run: the interpreter and the compilers
 * would serve the first hundreds of frames that come one by one, in twice the time, and no load ever comes to what ends a sleep. So a
 * worker plays to itself before its first frame: engines of the same code, with a pool, a ring and books of their own, forward frames
 * between sockets. Several after each other, since V8 takes what has been the same in one for a constant.
 */
export class WarmUp {
  /** Frames that were played through. */
  forwarded = 0;
  readonly #options: WarmUpOptions;
  #play: Play | null = null;
  #plays = 0;
  #rounds = 0;

  constructor(options: WarmUpOptions) {
    this.#options = options;
  }

  /** Plays for a millisecond. @returns whether there is more to play */
  step(): boolean {
    const until = performance.now() + STEP_MS;
    try {
      this.#play ??= new Play(this.#options, this.#plays++ % 2 === 0 ? 0 : NEVER_US);
      while (performance.now() < until && this.#rounds < ROUNDS) {
        this.#rounds++;
        this.forwarded += this.#play.round();
      }
      if (this.#rounds < ROUNDS) return true;
      this.#rounds = 0;
      this.#play.close();
      this.#play = null;
      return this.#plays < PLAYS;
    } catch {
      // Whatever is not to be had here is told by the worker's own.
      return false;
    }
  }

  /** Ends a play that is under way. */
  close(): void {
    this.#play?.close();
    this.#play = null;
  }
}
