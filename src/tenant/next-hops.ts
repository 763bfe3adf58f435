import type { HopKind, RouterImage } from '../path/image.ts';
import { sharedOctets, sharedWords } from './shared-arrays.ts';

export interface Hop {
  readonly kind: HopKind;
  /** Index of the interface, -1 where the kind has none. */
  readonly iface: number;
  /** Four words, for Via. */
  readonly address: readonly number[] | null;
  /** Index of the tenant, for Leak. */
  readonly tenant: number;
  readonly weight: number;
}

/** Columns of next hops and their sets, as workers read them. */
export type HopColumns = Pick<
  RouterImage,
  'multipath' | 'setStart' | 'setCount' | 'setMembers' | 'hopKind' | 'hopInterface' | 'hopAddress' | 'hopTenant'
>;

/** Parts that a weighted set of next hops is cut into: weights are met to within a sixteenth at least. */
const PARTS = 64;
const SPARE = 64;

/**
 * Next hops and sets of them, each once: prefixes that share a set share its number, which is the value that they have in the route
 * tables. New ones are written behind those that workers read, where nobody looks before a prefix leads there; only where the
 * columns are full, workers must be given others (`isStale`). The number of a set that no prefix has any more is given out again
 * only after workers have forgotten what they decided by it (`forgotten`).
 */
export class NextHops {
  readonly #hops = new Places<Hop>();
  readonly #sets = new Places<readonly number[]>();
  #columns: HopColumns = columnsFor(0, 0, 0);
  #membersUsed = 0;
  #stale = false;
  #multipath = false;

  /** Whether workers must be given `columns()` before a prefix leads to what has been added. */
  get isStale(): boolean {
    return this.#stale;
  }

  /** @returns number of the set */
  set(hops: readonly Hop[]): number {
    const members = hops.flatMap((hop) => new Array<number>(parts(hop, hops)).fill(this.#hop(hop)));
    const { number, isNew } = this.#sets.put(members.join(), members);
    if (!isNew) return number;
    const { setStart, setCount, setMembers } = this.#columns;
    if (members.length > 1 && !this.#multipath) {
      this.#multipath = true;
      this.#stale = true;
    }
    if (number >= setStart.length || this.#membersUsed + members.length > setMembers.length) this.#stale = true;
    if (this.#stale) return number;
    setMembers.set(members, this.#membersUsed);
    setStart[number] = this.#membersUsed;
    setCount[number] = members.length;
    this.#membersUsed += members.length;
    return number;
  }

  only(kind: HopKind, iface = -1, address: readonly number[] | null = null, tenant = -1): number {
    return this.set([{ kind, iface, address, tenant, weight: 1 }]);
  }

  #hop(hop: Hop): number {
    const key = [hop.kind, hop.iface, hop.tenant, ...(hop.address ?? [])].join();
    const { number, isNew } = this.#hops.put(key, hop);
    if (!isNew) return number;
    if (number >= this.#columns.hopKind.length) this.#stale = true;
    if (!this.#stale) writeHop(this.#columns, number, hop);
    return number;
  }

  /** Drops the sets that are not used, and the hops that only they had. @returns whether no set has several members any more, as one had */
  keep(used: ReadonlySet<number>): boolean {
    this.#sets.keep((number) => used.has(number));
    const members = new Set(this.#sets.entries().flatMap(([, list]) => list));
    this.#hops.keep((number) => members.has(number));
    const multipath = this.#sets.entries().some(([, list]) => list.length > 1);
    if (multipath === this.#multipath || this.#stale) return false;
    this.#multipath = multipath;
    this.#columns = { ...this.#columns, multipath };
    return true;
  }

  /** No worker remembers what it has decided by what was dropped before. */
  forgotten(): void {
    this.#sets.forgotten();
    this.#hops.forgotten();
  }

  /** The columns: those that workers have, or, when these are stale, others with room for more. */
  columns(): HopColumns {
    if (!this.#stale) return this.#columns;
    const sets = this.#sets.entries();
    const members = sets.reduce((sum, [, list]) => sum + list.length, 0);
    const columns = columnsFor(roomFor(this.#hops.size), roomFor(this.#sets.size), roomFor(members));
    for (const [number, hop] of this.#hops.entries()) writeHop(columns, number, hop);
    let at = 0;
    for (const [number, list] of sets) {
      columns.setStart[number] = at;
      columns.setCount[number] = list.length;
      columns.setMembers.set(list, at);
      at += list.length;
    }
    this.#membersUsed = at;
    this.#multipath = sets.some(([, list]) => list.length > 1);
    this.#columns = { ...columns, multipath: this.#multipath };
    this.#stale = false;
    return this.#columns;
  }
}

const roomFor = (used: number): number => Math.ceil(used * 1.5) + SPARE;

function columnsFor(hops: number, sets: number, members: number): HopColumns {
  return {
    multipath: false,
    setStart: sharedWords(sets),
    setCount: sharedWords(sets),
    setMembers: sharedWords(members),
    hopKind: sharedOctets(hops),
    hopInterface: sharedWords(hops),
    hopAddress: sharedWords(hops * 4),
    hopTenant: sharedWords(hops),
  };
}

function writeHop({ hopKind, hopInterface, hopTenant, hopAddress }: HopColumns, i: number, hop: Hop): void {
  hopKind[i] = hop.kind;
  hopInterface[i] = hop.iface;
  hopTenant[i] = hop.tenant;
  if (hop.address !== null) hopAddress.set(hop.address, i * 4);
}

/** How many of the set's members are this hop: one each when all weigh the same. */
function parts(hop: Hop, all: readonly Hop[]): number {
  if (all.every(({ weight }) => weight === hop.weight)) return 1;
  const total = all.reduce((sum, { weight }) => sum + weight, 0);
  return Math.max(1, Math.round((hop.weight / total) * PARTS));
}

/** Things by key, each with a number that is its own while it is there. */
class Places<Thing> {
  readonly #numbers = new Map<string, number>();
  readonly #things: ({ readonly key: string; readonly thing: Thing } | null)[] = [];
  readonly #free: number[] = [];
  readonly #dropped: number[] = [];

  /** Numbers lie below. */
  get size(): number {
    return this.#things.length;
  }

  put(key: string, thing: Thing): { readonly number: number; readonly isNew: boolean } {
    const known = this.#numbers.get(key);
    if (known !== undefined) return { number: known, isNew: false };
    const number = this.#free.pop() ?? this.#things.length;
    this.#things[number] = { key, thing };
    this.#numbers.set(key, number);
    return { number, isNew: true };
  }

  entries(): [number, Thing][] {
    return this.#things.flatMap((entry, number) => (entry === null ? [] : [[number, entry.thing]]));
  }

  keep(isKept: (number: number) => boolean): void {
    this.#things.forEach((entry, number) => {
      if (entry === null || isKept(number)) return;
      this.#numbers.delete(entry.key);
      this.#things[number] = null;
      this.#dropped.push(number);
    });
  }

  forgotten(): void {
    this.#free.push(...this.#dropped.splice(0));
  }
}
