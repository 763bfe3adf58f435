import { NeighborState, type NeighborTable } from '../table/neighbor-table.ts';
import type { Mac } from '../wire/ethernet.ts';
import type { Context } from './context.ts';
import type { RouterInterface } from './interface.ts';
import type { Timed } from './timers.ts';
import { formatWords, type Words } from './words.ts';

/** Milliseconds and counts. Source: RFC 4861, section 10; the hold-down of failed neighbours is our own. */
export const PROBES = 3;
export const RETRANS_MS = 1000;
export const REACHABLE_MS = 30_000;
export const DELAY_MS = 5000;
/** While it lasts, what waits for the neighbour is refused at once and nobody is asked again. */
export const FAILED_MS = 5000;
/** A stale neighbour that nobody has used for so long is forgotten when there are many. */
export const STALE_MS = 60_000;
/** How often a stale neighbour's used flag is read. */
const USED_CHECK_MS = 1000;
/** Neighbours looked at to find one that can go. */
const EVICTION_TRIES = 8;

/** Sends one question for a neighbour: to its MAC address, or to the whole link when that is null. */
export type Ask = (link: RouterInterface, words: Words, mac: Mac | null) => void;

export class Neighbor implements Timed {
  readonly link: RouterInterface;
  readonly words: Words;
  state: NeighborState = NeighborState.None;
  mac: Mac | null = null;
  /** When it came into its state, and questions sent in it. */
  since = 0;
  probes = 0;
  due = 0;
  place = -1;
  readonly #owner: Neighbors;

  constructor(owner: Neighbors, link: RouterInterface, words: Words) {
    this.#owner = owner;
    this.link = link;
    this.words = words;
  }

  has(mac: Mac): boolean {
    return this.mac !== null && this.mac.high === mac.high && this.mac.low === mac.low;
  }

  fire(nowMs: number): void {
    this.#owner.fire(this, nowMs);
  }
}

/**
 * All neighbours of one tenant and what time does to them: RFC 4861, section 7.3.3, for IPv6 and for ARP alike. State and MAC
 * are published in the table that workers read, whose only writer this is; deadlines and probes are kept here.
 */
export class Neighbors {
  #table: NeighborTable;
  readonly #context: Context;
  readonly #ask: Ask;
  #soft: number;
  readonly #all = new Map<string, Neighbor>();
  /** Sets keep the order of insertion: the first has been in its state the longest. */
  readonly #failed = new Set<Neighbor>();
  readonly #stale = new Set<Neighbor>();
  #incomplete = 0;

  /** @param soft number of neighbours beyond which unused ones are forgotten */
  constructor(table: NeighborTable, context: Context, ask: Ask, soft: number) {
    this.#table = table;
    this.#context = context;
    this.#ask = ask;
    this.#soft = soft;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Goes on in another table, which holds what this one held as far as it has room; the rest is forgotten. */
  moveTo(table: NeighborTable, soft: number): void {
    this.#table = table;
    this.#soft = soft;
    for (const neighbor of [...this.#all.values()])
      if (table.locate(neighbor.link.index, neighbor.words) < 0) this.remove(neighbor);
  }

  /** Forgets neighbours: those of which `isGone` holds. */
  forget(isGone: (neighbor: Neighbor) => boolean): void {
    for (const neighbor of [...this.#all.values()]) if (isGone(neighbor)) this.remove(neighbor);
  }

  /** Whether so many neighbours are being asked for that one more has to wait: a sweep must not take the whole table. */
  get busy(): boolean {
    return this.#incomplete >= Math.max(1, this.#table.capacity >> 2);
  }

  find(link: RouterInterface, words: Words): Neighbor | undefined {
    return this.#all.get(keyOf(link, words));
  }

  /** @returns a neighbour without a state yet, or null when the table is full of neighbours in use; give it a state at once */
  add(link: RouterInterface, words: Words, nowMs: number): Neighbor | null {
    if (this.#all.size >= this.#table.capacity && !this.#evict(nowMs)) {
      this.#context.counters.neighborsRefused++;
      return null;
    }
    const neighbor = new Neighbor(this, link, words);
    this.#all.set(keyOf(link, words), neighbor);
    return neighbor;
  }

  /** Moves a neighbour to a state, which workers see, and sets its next deadline. */
  enter(neighbor: Neighbor, state: NeighborState, nowMs: number): void {
    const { timers, counters } = this.#context;
    this.#leave(neighbor);
    neighbor.state = state;
    neighbor.since = nowMs;
    neighbor.probes = 0;
    const { link, words, mac } = neighbor;
    if (this.#table.set(link.index, words, state, mac?.high ?? 0, mac?.low ?? 0) < 0) {
      // No entry is free: those that were given up lately wait for readers to be done with them.
      counters.neighborsRefused++;
      this.#forget(neighbor);
      return;
    }
    switch (state) {
      case NeighborState.Incomplete:
        this.#incomplete++;
        this.#probe(neighbor, nowMs);
        break;
      case NeighborState.Reachable:
        // Uniform between half and one and a half of the base, so that probes do not come in step (RFC 4861, section 6.3.2).
        timers.set(neighbor, nowMs + REACHABLE_MS * (0.5 + this.#context.random()));
        break;
      case NeighborState.Stale:
        this.#stale.add(neighbor);
        this.#takeUsed(neighbor);
        this.#checkLater(neighbor, nowMs);
        break;
      case NeighborState.Delay:
        timers.set(neighbor, nowMs + DELAY_MS);
        break;
      case NeighborState.Probe:
        this.#probe(neighbor, nowMs);
        break;
      case NeighborState.Failed:
        this.#failed.add(neighbor);
        counters.neighborsFailed++;
        timers.set(neighbor, nowMs + FAILED_MS);
        break;
      default:
        timers.cancel(neighbor);
    }
  }

  remove(neighbor: Neighbor): void {
    this.#leave(neighbor);
    this.#forget(neighbor);
  }

  /** A deadline of the neighbour has come. */
  fire(neighbor: Neighbor, nowMs: number): void {
    switch (neighbor.state) {
      case NeighborState.Incomplete:
      case NeighborState.Probe:
        if (neighbor.probes < PROBES) this.#probe(neighbor, nowMs);
        else this.#fail(neighbor, nowMs);
        break;
      case NeighborState.Reachable:
        this.enter(neighbor, NeighborState.Stale, nowMs);
        break;
      case NeighborState.Delay:
        this.enter(neighbor, NeighborState.Probe, nowMs);
        break;
      case NeighborState.Stale:
        if (this.#takeUsed(neighbor)) this.enter(neighbor, NeighborState.Delay, nowMs);
        else if (nowMs - neighbor.since >= STALE_MS && this.#all.size > this.#soft) this.remove(neighbor);
        else this.#checkLater(neighbor, nowMs);
        break;
      case NeighborState.Failed:
        this.remove(neighbor);
        break;
    }
  }

  #probe(neighbor: Neighbor, nowMs: number): void {
    neighbor.probes++;
    this.#context.timers.set(neighbor, nowMs + RETRANS_MS);
    this.#ask(neighbor.link, neighbor.words, neighbor.state === NeighborState.Probe ? neighbor.mac : null);
  }

  #fail(neighbor: Neighbor, nowMs: number): void {
    neighbor.mac = null;
    this.enter(neighbor, NeighborState.Failed, nowMs);
    const { link, words } = neighbor;
    this.#context.events.emit(nowMs, { kind: 'neighbor-failed', interface: link.name, address: formatWords(words) });
  }

  /** At whole seconds, so that one wake-up serves all stale neighbours. */
  #checkLater(neighbor: Neighbor, nowMs: number): void {
    this.#context.timers.set(neighbor, (Math.floor(nowMs / USED_CHECK_MS) + 1) * USED_CHECK_MS);
  }

  #takeUsed(neighbor: Neighbor): boolean {
    const index = this.#table.locate(neighbor.link.index, neighbor.words);
    return index >= 0 && this.#table.takeUsed(index);
  }

  #forget(neighbor: Neighbor): void {
    this.#context.timers.cancel(neighbor);
    this.#all.delete(keyOf(neighbor.link, neighbor.words));
    this.#table.remove(neighbor.link.index, neighbor.words);
  }

  #leave(neighbor: Neighbor): void {
    if (neighbor.state === NeighborState.Incomplete) this.#incomplete--;
    this.#failed.delete(neighbor);
    this.#stale.delete(neighbor);
  }

  /** Makes room: the neighbour that failed first, else the one that has been stale and unused the longest. */
  #evict(nowMs: number): boolean {
    for (const neighbor of this.#failed) {
      this.#drop(neighbor);
      return true;
    }
    let tries = EVICTION_TRIES;
    for (const neighbor of this.#stale) {
      if (this.#takeUsed(neighbor)) {
        this.enter(neighbor, NeighborState.Delay, nowMs);
        if (--tries === 0) return false;
        continue;
      }
      this.#drop(neighbor);
      return true;
    }
    return false;
  }

  #drop(neighbor: Neighbor): void {
    this.remove(neighbor);
    this.#context.counters.neighborsEvicted++;
  }
}

function keyOf(link: RouterInterface, words: Words): string {
  return `${link.index},${words[0]},${words[1]},${words[2]},${words[3]}`;
}
