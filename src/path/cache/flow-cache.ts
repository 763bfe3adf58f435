import type { Batch } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import type { MacTable } from '../../table/mac-table.ts';
import type { NeighborTable } from '../../table/neighbor-table.ts';
import { headerBytes } from '../charge.ts';
import type { Devices } from '../devices.ts';
import { carrierOf } from '../emit.ts';
import type { Fib } from '../fib.ts';
import type { GuardIn } from '../guard-in.ts';
import { type TenantImage, WorkCount } from '../image.ts';
import { OffloadCheck } from '../offload.ts';
import type { Parse } from '../parse.ts';
import { FrameEditor } from '../rules/edit.ts';
import { opLength, type SetField } from '../rules/program.ts';
import type { FlowCacheContext } from './context.ts';
import type { Decider } from './decide.ts';
import { Decision as D, type Decisions } from './decision.ts';
import { Doorkeeper, nextRandom } from './doorkeeper.ts';
import { Entry, SPILLED, STRIDE4, STRIDE6 } from './entry.ts';
import { isStillFlooded, rehearseFlooded } from './flooded.ts';
import { generate } from './generate.ts';
import type { DecisionMemo } from './memo.ts';
import { isPlainPartial, isRoutable6 } from './plain.ts';
import { type Shape, sameShape, shapeBits, shapeOf } from './shape.ts';

/** Places of two entries each: at most, and to begin with. Few flows then lie close together, in few pages and cache lines. */
const PLACES4 = 1 << 17;
const PLACES6 = 1 << 15;
const FIRST_PLACES = 1 << 10;
/** From so many places on, a flow is remembered when it is met for the second time. */
const MANY_PLACES = 1 << 11;
/** Every entry is proved again at least so often, by which its addresses are kept from ageing. */
const PROVE_MS = 1000;
const LAST_STAMP = 1 << 30;
/** Shapes whose loops are kept. */
const MOST_LOOPS = 16;

/** Frames after which their bytes could be more than 32 bits hold. */
const MOST_UNBOOKED = 1 << 14;

type Hit = (batch: Batch, stamp: number, mask4: number, mask6: number) => number;

const LEAVE_ALL: Hit = ({ count }) => count;

/**
 * A tenant's flow cache on one worker: exact-match memory from what the path looks at in a frame to what it decided for it. A hit
 * costs one generated loop; a miss asks the `Decider`, which knows the same tables as the stages; what is not plain (floods,
 * what the router answers, fragments, super-frames that must be cut, frames that wait) is left to the stages.
 *
 * An entry is good while its stamp is the cache's. The stamp moves on whenever an address has moved or gone, a neighbour, a route
 * or a rule has changed, and once a second: an entry with an older stamp proves itself at its next hit, by the versions of
 * the very slots that it depends on, so that changes elsewhere cost it that and no more.
 *
 * Bounded: a number of places, two entries each, of which more are used as flows come, up to a fixed number. Entries stay where they
 * are then: half of them or more are not found any more, and are decided again. A flow that is
 * met for the first time takes no place once there are many, and where all are good one in four does, so that a storm of flows
 * that never come back drives out few that do. Headers that a sender chooses make misses, never longer chains.
 */
export class FlowCache {
  shape: Shape;
  readonly decisions: Decisions;
  /** Packets and bytes of what `run` has carried out that are not its frames: of super-frames their segments' headers, less what was over a rate. */
  morePackets = 0;
  moreBytes = 0;
  /** The loop for the batch that came last. */
  #hit: Hit = LEAVE_ALL;
  #batch: Batch | null = null;
  /** Loops that were generated before, by batch and shape: warm already, should it come again. */
  #loops = new WeakMap<Batch, Map<number, Hit>>();
  readonly #idle: boolean;
  readonly #pool: Pool;
  readonly #devices: Devices;
  readonly #table4: Int32Array;
  #table6: Int32Array = new Int32Array(0);
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0];
  readonly #editor: FrameEditor;
  #image: TenantImage;
  #parse: Parse;
  readonly #offload: OffloadCheck;
  #guard: GuardIn;
  #macs: MacTable;
  #neighbors: NeighborTable | null;
  #fib: Fib | null;
  #decider: Decider;
  #memo: DecisionMemo | null;
  readonly #words: Int32Array;
  #stamp = 1;
  /** Entries with an older stamp are dead. */
  #floor = 1;
  #proved = 0;
  #macVersion = -1;
  /** Addresses in the table, while a decision rests on one that is not. */
  #macCount = 0;
  #neighborVersion = -1;
  #routeVersion = -1;
  #random = 1;
  #full = false;
  readonly #door = new Doorkeeper();
  #misses = 0;
  /** Frames since the books were brought up to date. */
  #unbooked = 0;
  #mask4 = FIRST_PLACES - 1;
  #mask6 = FIRST_PLACES - 1;
  /** Entries that were taken since there are so many places, and since the stamp moved on. */
  #taken4 = 0;
  #taken6 = 0;
  readonly #counts: Float64Array;

  constructor(context: FlowCacheContext) {
    const { pool, image, devices, guard, macs, neighbors, fib, decisions, decider, memo, parse } = context;
    const { tapped, idle, counts } = context;
    this.#counts = counts;
    this.#guard = guard;
    this.#macs = macs;
    this.#neighbors = neighbors;
    this.#fib = fib;
    this.decisions = decisions;
    this.#decider = decider;
    this.#memo = memo;
    this.#words = new Int32Array(pool.memory);
    this.#pool = pool;
    this.#devices = devices;
    this.#editor = new FrameEditor(pool);
    this.#image = image;
    this.#parse = parse;
    this.#offload = new OffloadCheck(pool);
    this.shape = shapeOf(image, null, tapped);
    counts[WorkCount.Shape] = shapeBits(this.shape);
    this.#table4 = pool.words(idle ? 0 : PLACES4 * 2 * STRIDE4);
    this.#idle = idle;
    rehearseFlooded(macs);
  }

  /**
   * Goes on for a path of a changed image: code that is warm and the memory stay, what was decided is forgotten.
   * @param context with the same pool, devices, decisions and counters
   */
  follow({ image, guard, macs, neighbors, fib, decider, memo, parse, tapped }: FlowCacheContext): void {
    this.#image = image;
    this.#guard = guard;
    this.#macs = macs;
    this.#neighbors = neighbors;
    this.#fib = fib;
    this.#decider = decider;
    this.#memo = memo;
    this.#parse = parse;
    this.reshape(shapeOf(image, null, tapped));
  }

  /** Becomes one that looks at other things. Everything is forgotten. */
  reshape(shape: Shape): void {
    this.forget();
    if (sameShape(shape, this.shape)) return;
    this.shape = shape;
    this.#counts[WorkCount.Shape] = shapeBits(shape);
    this.#batch = null;
  }

  /** Takes the loop for a batch, which there are few of: one of the worker's own, one an uplink. */
  #turnTo(batch: Batch): void {
    this.#batch = batch;
    if (!this.#idle) this.#hit = this.#loop(this.shape, batch);
  }

  #loop(shape: Shape, batch: Batch): Hit {
    if (shape.l3 && this.#table6.length === 0) {
      this.#table6 = this.#pool.words(PLACES6 * 2 * STRIDE6);
      this.#loops = new WeakMap();
    }
    let loops = this.#loops.get(batch);
    if (loops === undefined || loops.size >= MOST_LOOPS) this.#loops.set(batch, (loops = new Map()));
    const bits = shapeBits(shape);
    const known = loops.get(bits);
    if (known !== undefined) return known;
    const { words: decisions, touched, unbooked, source, ledger } = this.decisions;
    const make = new Function('context', generate(shape, this.#image.name)) as (context: unknown) => Hit;
    const loop = make({
      batch,
      words: this.#words,
      cache: this,
      pool: this.#pool,
      linkUp: this.#devices.linkUp,
      offloads: this.#devices.offloads,
      queues: this.#devices.queues,
      columns: this.#devices.columns,
      ...{ decisions, touched, unbooked, source, cells: ledger.cells },
      table4: this.#table4,
      table6: this.#table6,
      seed: this.#seed,
      tenant: this.#image.index,
      ...{ isPlainPartial, isRoutable6 },
    });
    loops.set(bits, loop);
    return loop;
  }

  /** For the generated code: takes a frame's share from the rates of port and tenant. @returns -1, or the reason to drop it */
  admit(from: number, packets: number, bytes: number, nowUs: number): number {
    return this.#guard.admit(from, packets, bytes, nowUs);
  }

  /**
   * Carries out what is known or can be decided at once; those frames have fate Sent afterwards.
   * @returns frames that are left to the stages, or that were dropped before
   */
  run(batch: Batch): number {
    this.#watch(batch.nowMs);
    if (batch !== this.#batch) this.#turnTo(batch);
    const left = this.#hit(batch, this.#stamp, this.#mask4, this.#mask6);
    const counts = this.#counts;
    counts[WorkCount.Passed] += left;
    counts[WorkCount.Decided] += this.#misses;
    counts[WorkCount.Carried] += batch.count - left;
    this.#misses = 0;
    this.#unbooked += batch.count;
    if (this.#unbooked >= MOST_UNBOOKED) this.book();
    if (this.#full) this.forget();
    else this.#grow();
    return left;
  }

  /** Moves the stamp on when something has changed that an entry may depend on. */
  #watch(nowMs: number): void {
    const mac = this.#macs.generation();
    const macs = Math.imul(this.#macs.count, this.decisions.floods);
    const neighbor = this.#neighbors === null ? 0 : this.#neighbors.generation();
    const route = this.#fib === null ? 0 : this.#fib.generation();
    const same =
      mac === this.#macVersion &&
      macs === this.#macCount &&
      neighbor === this.#neighborVersion &&
      route === this.#routeVersion;
    const moves = !same || (nowMs - this.#proved) >>> 0 >= PROVE_MS;
    // Without a branch that is first taken a second after the loop was optimised: V8 would throw that away.
    this.#macVersion = mac;
    this.#macCount = macs;
    this.#neighborVersion = neighbor;
    this.#routeVersion = route;
    this.#taken4 = moves ? 0 : this.#taken4;
    this.#taken6 = moves ? 0 : this.#taken6;
    this.#proved = moves ? nowMs : this.#proved;
    this.#stamp += moves ? 1 : 0;
    if (this.#stamp >= LAST_STAMP) this.forget();
  }

  /** Forgets everything: what it was decided by has changed, or there is no room for another decision. */
  forget(): void {
    this.#full = false;
    this.#mask4 = this.#mask6 = FIRST_PLACES - 1;
    this.#taken4 = this.#taken6 = 0;
    this.decisions.forget();
    this.#memo?.forget();
    if (this.#stamp >= LAST_STAMP) {
      // Entries of stamps gone by could come to life again.
      this.#stamp = LAST_STAMP - 1;
      this.#floor = LAST_STAMP;
    } else this.#floor = ++this.#stamp;
  }

  /** Brings the books of lists and rules up to date. */
  book(): void {
    this.#unbooked = 0;
    this.decisions.book();
  }

  /** For the generated code: moves the stamp on, for a batch of which no flow is known at once. @returns it */
  anew(): number {
    return ++this.#stamp;
  }

  /** For the generated code: decides frame i. @param from row that it came by @returns position of the decision; 0 when it is for the stages */
  decide(batch: Batch, i: number, from: number): number {
    // Rules look at more than it tells apart, but for `NORMAL` alone.
    const memo = this.shape.edits ? null : this.#memo;
    // What has a body may have less than its headers in the head.
    const isWhole = batch.plain || batch.body[i] < 0;
    const known = memo !== null && isWhole ? memo.find(batch.start[i] >> 2, from, batch.nowMs) : 0;
    if (known > 0) {
      this.#misses++;
      return known;
    }
    batch.spread();
    if (!this.#decider.decide(batch, i)) return 0;
    const line = this.decisions.intern();
    if (line > 0) {
      if (memo !== null && isWhole) memo.learn(batch, i, line);
      this.#misses++;
      return line;
    }
    this.#full = true;
    return 0;
  }

  /** For the generated code: proves an entry whose stamp is old, and renews it. @returns whether it is still good */
  renew(table: Int32Array, e: number, batch: Batch, i: number): boolean {
    if (table[e + Entry.Stamp] < this.#floor) return false;
    const decisions = this.decisions.words;
    const macs = this.#macs;
    const d = table[e + Entry.Decision] & ~SPILLED;
    const slot = table[e + Entry.MacSlot];
    if (slot >= 0) {
      if (macs.version(slot) !== table[e + Entry.MacVersion]) return false;
      macs.touch(slot, batch.nowMs);
    }
    const to = decisions[d + D.MacSlot];
    if (to >= 0 && macs.version(to) !== decisions[d + D.MacVersion]) return false;
    if (!isStillFlooded(macs, decisions, d, this.#words, batch.start[i] >> 2)) return false;
    const neighbor = decisions[d + D.NeighborSlot];
    const neighbors = this.#neighbors;
    if (neighbor >= 0 && neighbors !== null) {
      if (neighbors.version(neighbor) !== decisions[d + D.NeighborVersion]) return false;
      neighbors.markUsed(neighbor);
    }
    const set = decisions[d + D.Set];
    if (set >= 0 && this.#decider.setOf(batch, i) !== set) return false;
    table[e + Entry.Stamp] = this.#stamp;
    return true;
  }

  /** More places, when as many entries as there are were taken within a second: the flows that need them do that in a moment. */
  #grow(): void {
    if (this.#taken4 > this.#mask4) {
      this.#taken4 = 0;
      this.#mask4 = Math.min(this.#mask4 * 4 + 3, PLACES4 - 1);
    }
    if (this.#taken6 > this.#mask6) {
      this.#taken6 = 0;
      this.#mask6 = Math.min(this.#mask6 * 4 + 3, PLACES6 - 1);
    }
  }

  /**
   * For the generated code: where a new entry goes: where one is dead, else where one was not met lately, else nowhere, most often.
   * @param place of two entries @param second another, for when that is full @param seen the one that was compared @param hash the flow's
   * @returns -1: nowhere this time
   */
  place(table: Int32Array, place: number, second: number, stride: number, seen: number, hash: number): number {
    const floor = this.#floor;
    const proved = table[seen + Entry.Stamp];
    // Its own entry, that is good no more: where everything is decided anew, as many places are enough.
    if (table[seen + Entry.Hash] === hash && proved >= floor && proved !== this.#stamp) return seen;
    if ((stride === STRIDE4 ? this.#mask4 : this.#mask6) >= MANY_PLACES && !this.#door.wasHere(hash, this.#stamp))
      return -1;
    if (stride === STRIDE4) this.#taken4++;
    else this.#taken6++;
    if (proved < floor) return seen;
    if (table[place + Entry.Stamp] < floor) return place;
    if (table[place + stride + Entry.Stamp] < floor) return place + stride;
    const room = table[second + Entry.Stamp] < floor ? second : second + stride;
    if (table[room + Entry.Stamp] < floor) {
      table[place + Entry.Decision] |= SPILLED;
      return room;
    }
    if (table[place + Entry.Stamp] !== this.#stamp) return place;
    if (table[place + stride + Entry.Stamp] !== this.#stamp) return place + stride;
    this.#random = nextRandom(this.#random);
    const dice = this.#random >>> 29;
    return dice === 0 ? place : dice === 1 ? place + stride : -1;
  }

  /** For the generated code: lets a decision's meter have frame i. @param meter plus 1; 0: there is none @returns false: it was dropped */
  weigh(batch: Batch, i: number, meter: number, length: number): boolean {
    return meter === 0 || this.#decider.weigh(batch, i, meter - 1, length);
  }

  /** For the generated code: drops frame i. */
  drop(batch: Batch, i: number, reason: number): void {
    batch.spread();
    this.#decider.drop(batch, i, reason);
  }

  /** For the generated code: shows frame i, which its decision drops, to those who look. */
  show(batch: Batch, i: number, reason: number): void {
    batch.spread();
    this.#decider.show(batch, i, reason);
  }

  /** For the generated code: says what it has carried out besides its frames. */
  carried(morePackets: number, moreBytes: number): void {
    this.morePackets = morePackets;
    this.moreBytes = moreBytes;
  }

  /**
   * For the generated code: looks whether the virtio-net header of super-frame i tells the truth, and sets `segments`.
   * @returns bytes that each segment repeats; 0: it is for the stages
   */
  superFrame(batch: Batch, i: number): number {
    this.#parse.one(batch, i);
    if (batch.fate[i] !== 0) {
      batch.fate[i] = 0;
      return 0;
    }
    const segments = this.#offload.segmentsOf(batch, i);
    if (segments < 2) return 0;
    batch.segments[i] = segments;
    return headerBytes(batch, i, this.#pool.bytes);
  }

  /** For the generated code: offloads that a device needs to carry super-frame i. */
  carrier(batch: Batch, i: number): number {
    return carrierOf(batch.gsoType[i], batch.gsoEcn[i]);
  }

  /** For the generated code: carries out edits of a rule that keep the frame's length, on a frame that nobody shares. */
  edit(batch: Batch, i: number, at: number, length: number): void {
    batch.spread();
    const editor = this.#editor;
    const { words } = this.decisions.programs;
    this.#parse.one(batch, i);
    for (let k = at; k < at + length; k += opLength(words[k]))
      editor.setField(batch, i, words[k + 1] as SetField, words, k + 2);
  }

  /** Decisions that are remembered. */
  get known(): number {
    return this.decisions.count;
  }
}
