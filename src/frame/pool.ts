import { ownText } from '../own-text.ts';
import * as layout from './layout.ts';
import { type ReleaseHeads, releaseLoop, type SlotStacks, Spare, type TakeHeads, takeLoop } from './pool-loops.ts';

const OWNER = 16;
const REFS = 0xffff;

/**
 * The slots that frames live in: one block of shared memory for one worker, cut into heads (headers and small frames) and bodies
 * (the rest of a super-frame). Both kinds are reference-counted and taken last-in first-out, so that few of them stay hot in
 * the caches; a slot is read-only while more than one reference to it exists.
 *
 * Slots are named by one number: heads first, then bodies. Positions of bytes are absolute in `bytes`, so that headers of all
 * frames are read through one view. Every head belongs to a tenant from `takeHead` to its last `release`, so that frames
 * in flight can be limited per tenant. Single-threaded: no other worker touches a pool.
 */
export class Pool {
  readonly heads: number;
  readonly bodies: number;
  /** All slots; other views of the same memory follow. */
  readonly memory: SharedArrayBuffer;
  readonly bytes: DataView;
  readonly octets: Uint8Array;
  /** Frames in flight (head slots referenced) of each tenant. */
  readonly held: Int32Array;
  /** Most head slots that each may hold, copies and pieces of its frames included; all of them at first. */
  readonly limit: Int32Array;
  /** Makes zeroed memory for what else the worker looks up for each frame. */
  readonly words: (count: number) => Int32Array;
  /** A word a slot: references in the lower half, owner in the upper. */
  readonly #state: Int32Array;
  /** Free heads, as a stack. */
  readonly spares: Int32Array;
  readonly #freeBodies: Int32Array;
  readonly #bodyBase: number;
  #lent = 0;
  /** How many are free: `Spare`. */
  readonly #spare = new Int32Array(Spare.WIDTH);
  /** What loops of others take and give slots by, as `takeHead`, `takeBody` and `release` do. */
  readonly stacks: SlotStacks;
  /**
   * Takes up to so many heads for a tenant at once, as `takeHead` does one: `(tenant, most)`. It returns how many: they are
   * `spares[freeHeads]` and following, until the next is given back.
   */
  readonly takeHeads: TakeHeads;

  /** @param tenants number of tenants that `takeHead` may name @param words makes zeroed memory; it knows where that lies best */
  constructor(
    heads: number,
    bodies: number,
    tenants: number,
    words: (count: number) => Int32Array = (count) => new Int32Array(count),
  ) {
    this.words = words;
    this.heads = heads;
    this.bodies = bodies;
    this.#bodyBase = heads * layout.HEAD_STRIDE;
    this.memory = new SharedArrayBuffer(this.#bodyBase + bodies * layout.BODY_STRIDE);
    this.bytes = new DataView(this.memory);
    this.octets = new Uint8Array(this.memory);
    this.held = new Int32Array(tenants);
    this.limit = new Int32Array(tenants).fill(heads);
    this.#state = new Int32Array(heads + bodies);
    this.spares = new Int32Array(heads);
    this.#freeBodies = new Int32Array(bodies);
    for (let i = 0; i < heads; i++) this.spares[i] = heads - 1 - i;
    for (let i = 0; i < bodies; i++) this.#freeBodies[i] = heads + bodies - 1 - i;
    this.#spare[Spare.Heads] = heads;
    this.#spare[Spare.Bodies] = bodies;
    const { spares, held, limit } = this;
    const [state, spare] = [this.#state, this.#spare];
    this.stacks = {
      ...{ state, spares, freeBodies: this.#freeBodies, spare, held, owner: OWNER, refs: REFS },
      ...{ firstBody: heads, bodyBase: this.#bodyBase, release: (slot) => this.release(slot) },
    };
    this.takeHeads = ownText(takeLoop, { state, spares, spare, held, limit, owner: OWNER }, 'pool');
  }

  get freeHeads(): number {
    return this.#spare[Spare.Heads];
  }

  get freeBodies(): number {
    return this.#spare[Spare.Bodies];
  }

  /** Heads that lie under reads which wait, each with a body. */
  get lent(): number {
    return this.#lent;
  }

  /** @returns a head slot with one reference, charged to the tenant, or -1 when there is none, or none for this tenant */
  takeHead(tenant: number): number {
    if (this.#spare[Spare.Heads] === 0 || this.held[tenant] >= this.limit[tenant]) return -1;
    const slot = this.spares[--this.#spare[Spare.Heads]];
    this.#state[slot] = (tenant << OWNER) | 1;
    this.held[tenant]++;
    return slot;
  }

  /** @returns what gives back one reference to each of the first `count` heads of a list, again and again */
  releaser(list: Int32Array): ReleaseHeads {
    return ownText(releaseLoop, { list, ...this.stacks }, 'pool');
  }

  /** @returns a body slot with one reference, or -1 when there is none */
  takeBody(): number {
    if (this.#spare[Spare.Bodies] === 0) return -1;
    const slot = this.#freeBodies[--this.#spare[Spare.Bodies]];
    this.#state[slot] = 1;
    return slot;
  }

  /** Charges a head to another tenant from now on. */
  assign(slot: number, tenant: number): void {
    const word = this.#state[slot];
    this.held[word >>> OWNER]--;
    this.#state[slot] = (tenant << OWNER) | (word & REFS);
    this.held[tenant]++;
  }

  /** Says that a head, and a body with it, lie under a read that waits for a frame: as good as free, and nobody's frame in flight. */
  lend(head: number): void {
    this.#lent++;
    this.held[this.#state[head] >>> OWNER]--;
  }

  /** The read has ended: its head is the tenant's from now on. */
  recall(head: number, tenant: number): void {
    this.#lent--;
    this.held[this.#state[head] >>> OWNER]++;
    this.assign(head, tenant);
  }

  retain(slot: number): void {
    this.#state[slot]++;
  }

  /** @returns whether an edit must copy first: somebody else holds a reference too */
  isShared(slot: number): boolean {
    return (this.#state[slot] & REFS) > 1;
  }

  refs(slot: number): number {
    return this.#state[slot] & REFS;
  }

  /** Gives back one reference; the last one frees the slot. A slot of -1 (no body) is let pass. */
  release(slot: number): void {
    if (slot < 0) return;
    const word = this.#state[slot];
    const refs = word & REFS;
    if (refs > 1) {
      this.#state[slot] = word - 1;
      return;
    }
    if (refs === 0) throw new Error(`slot ${slot} was released more often than it was taken`);
    this.#state[slot] = 0;
    if (slot < this.heads) {
      this.held[word >>> OWNER]--;
      this.spares[this.#spare[Spare.Heads]++] = slot;
    } else {
      this.#freeBodies[this.#spare[Spare.Bodies]++] = slot;
    }
  }

  /** @returns absolute position of the slot's first byte */
  position(slot: number): number {
    return slot < this.heads ? slot * layout.HEAD_STRIDE : this.#bodyBase + (slot - this.heads) * layout.BODY_STRIDE;
  }

  /** @returns absolute position at which the Ethernet header of a frame just read begins */
  frameStart(head: number): number {
    return head * layout.HEAD_STRIDE + layout.HEAD_START;
  }

  /**
   * Copies a head so that the copy can be edited. Positions in the copy are those in the original plus
   * `position(copy) - position(head)`.
   * @param start absolute position of the Ethernet header @param length bytes of the frame in the head
   * @returns the copy, or -1 when there is no free head
   */
  copyHead(head: number, start: number, length: number, tenant: number): number {
    const copy = this.takeHead(tenant);
    if (copy < 0) return -1;
    const move = (copy - head) * layout.HEAD_STRIDE;
    const { octets } = this;
    if (length <= 128) {
      // A call into the runtime costs more than this loop for the usual small frame.
      const to = start + move;
      for (let i = 0; i < length; i++) octets[to + i] = octets[start + i];
    } else {
      octets.copyWithin(start + move, start, start + length);
    }
    return copy;
  }

  /** Free slots, lent ones among them, and referenced ones counted anew, by walking all of them; for tests and `show`. */
  audit(): {
    heads: number;
    bodies: number;
    freeHeads: number;
    freeBodies: number;
    usedHeads: number;
    usedBodies: number;
  } {
    let usedHeads = 0;
    let usedBodies = 0;
    for (let i = 0; i < this.heads; i++) if ((this.#state[i] & REFS) > 0) usedHeads++;
    for (let i = 0; i < this.bodies; i++) if ((this.#state[this.heads + i] & REFS) > 0) usedBodies++;
    const { heads, bodies } = this;
    const lent = this.#lent;
    return {
      heads,
      bodies,
      freeHeads: this.freeHeads + lent,
      freeBodies: this.freeBodies + lent,
      usedHeads: usedHeads - lent,
      usedBodies: usedBodies - lent,
    };
  }
}
