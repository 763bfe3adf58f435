import { NeighborState, type NeighborTable } from '../table/neighbor-table.ts';
import { fourWords } from '../wire/address.ts';
import { formatMac, type Mac } from '../wire/ethernet.ts';
import type { Context } from './context.ts';
import type { RouterInterface } from './interface.ts';
import type { Links } from './links.ts';
import { type Ask, type Neighbor, Neighbors } from './neighbors.ts';
import type { PermanentNeighbor } from './tenant.ts';
import { formatWords, type Words } from './words.ts';

/** What a neighbour advertisement or an ARP reply says. */
export interface Answer {
  /** null: the advertisement carries no link-layer address. */
  readonly mac: Mac | null;
  /** Answers a question of ours, so that the way to the neighbour and back is proved. */
  readonly solicited: boolean;
  /** May replace a MAC address that is known. */
  readonly override: boolean;
}

/**
 * What packets do to the neighbours of one tenant: frames that wait for one, stations that name themselves, answers.
 * Source: RFC 4861, section 7.2 and appendix C; RFC 826 is bent to the same states.
 */
export class Resolver {
  #table: NeighborTable;
  readonly #context: Context;
  readonly #neighbors: Neighbors;

  constructor(table: NeighborTable, context: Context, ask: Ask, soft: number) {
    this.#table = table;
    this.#context = context;
    this.#neighbors = new Neighbors(table, context, ask, soft);
  }

  get size(): number {
    return this.#neighbors.size;
  }

  /** A worker has frames for a neighbour that it does not know: asks at once, unless that goes on already or has just failed. */
  resolve(link: RouterInterface, words: Words, nowMs: number): void {
    const neighbors = this.#neighbors;
    if (neighbors.find(link, words) !== undefined) return;
    const askable = link.mayAsk(words);
    if (askable && neighbors.busy) {
      this.#context.counters.neighborsRefused++;
      const address = formatWords(words);
      this.#context.events.emit(nowMs, { kind: 'neighbor-refused', interface: link.name, address });
      return;
    }
    const neighbor = neighbors.add(link, words, nowMs);
    // Where nobody can have the address, what waits for it need not wait.
    if (neighbor !== null) neighbors.enter(neighbor, askable ? NeighborState.Incomplete : NeighborState.Failed, nowMs);
  }

  /**
   * A station named itself in a question or an announcement. A known neighbour takes the MAC address over, a new one is made
   * if `create` is set. Proves nothing about the way to it, hence stale (RFC 4861, section 7.2.3).
   */
  learn(link: RouterInterface, words: Words, mac: Mac, create: boolean, nowMs: number): void {
    let neighbor = this.#neighbors.find(link, words) ?? null;
    if (neighbor === null) {
      if (!create || !link.onLink(words)) return;
      neighbor = this.#neighbors.add(link, words, nowMs);
      if (neighbor === null) return;
    } else if (neighbor.state === NeighborState.Permanent || neighbor.has(mac)) return;
    this.#take(neighbor, mac, nowMs);
    this.#neighbors.enter(neighbor, NeighborState.Stale, nowMs);
  }

  /** RFC 4861, section 7.2.5. A neighbour that is not known is not made of an answer. */
  answer(link: RouterInterface, words: Words, answer: Answer, nowMs: number): void {
    const neighbors = this.#neighbors;
    const neighbor = neighbors.find(link, words);
    if (neighbor === undefined || neighbor.state === NeighborState.Permanent) return;
    const mac = answer.mac ?? neighbor.mac;
    if (mac === null) return;
    const waiting = neighbor.mac === null;
    const same = neighbor.has(mac);
    if (!waiting && !same && !answer.override) {
      if (neighbor.state === NeighborState.Reachable) neighbors.enter(neighbor, NeighborState.Stale, nowMs);
      return;
    }
    if (!same) this.#take(neighbor, mac, nowMs);
    if (answer.solicited) neighbors.enter(neighbor, NeighborState.Reachable, nowMs);
    else if (!same) neighbors.enter(neighbor, NeighborState.Stale, nowMs);
  }

  /** Whether we have asked the neighbour and not been answered: only then is a reply an answer. */
  isAsking(link: RouterInterface, words: Words): boolean {
    const state = this.#neighbors.find(link, words)?.state;
    return state === NeighborState.Incomplete || state === NeighborState.Probe || state === NeighborState.Failed;
  }

  /** Takes over what the table holds from before, and makes the configured neighbours permanent. Run once, before all else. */
  adopt(links: Links, permanent: readonly PermanentNeighbor[], nowMs: number): void {
    const table = this.#table;
    const before: { index: number; words: Words; state: NeighborState; mac: Mac }[] = [];
    table.forEach((index, words, state, high, low) => {
      before.push({ index, words, state, mac: { high, low } });
    });
    for (const { index, words, state, mac } of before) {
      const link = links.at(index);
      const lives = state === NeighborState.Reachable || state === NeighborState.Stale || state === NeighborState.Delay;
      const neighbor = lives && link?.onLink(words) ? this.#neighbors.add(link, words, nowMs) : null;
      if (neighbor === null) {
        table.remove(index, words);
        continue;
      }
      neighbor.mac = mac;
      this.#neighbors.enter(neighbor, NeighborState.Stale, nowMs);
    }
    this.setPermanent(links, permanent, nowMs);
  }

  /** Goes on in another table, which holds what this one held as far as it has room. */
  moveTo(table: NeighborTable, soft: number): void {
    if (table === this.#table) return;
    this.#table = table;
    this.#neighbors.moveTo(table, soft);
  }

  /** Forgets all neighbours of a link. */
  forgetLink(link: RouterInterface): void {
    this.#neighbors.forget((neighbor) => neighbor.link === link);
  }

  /** Forgets neighbours of a link that cannot be there any more, its addresses having changed. */
  prune(link: RouterInterface): void {
    this.#neighbors.forget(
      ({ link: of, words, state }) => of === link && state !== NeighborState.Permanent && !link.onLink(words),
    );
  }

  /** Forgets what was resolved to a station: it is no longer where it was. */
  forgetStation(vlan: number, mac: Mac): void {
    this.#neighbors.forget(
      (neighbor) => neighbor.link.vlan === vlan && neighbor.has(mac) && neighbor.state !== NeighborState.Permanent,
    );
  }

  /** Makes these the configured neighbours. */
  setPermanent(links: Links, permanent: readonly PermanentNeighbor[], nowMs: number): void {
    const kept = new Set<Neighbor>();
    for (const { interface: index, words: one, mac } of permanent) {
      const link = links.at(index);
      if (link === undefined) continue;
      const words = fourWords(one);
      const neighbor = this.#neighbors.find(link, words) ?? this.#neighbors.add(link, words, nowMs);
      if (neighbor === null) continue;
      kept.add(neighbor);
      if (neighbor.state === NeighborState.Permanent && neighbor.has(mac)) continue;
      neighbor.mac = mac;
      this.#neighbors.enter(neighbor, NeighborState.Permanent, nowMs);
    }
    this.#neighbors.forget((neighbor) => neighbor.state === NeighborState.Permanent && !kept.has(neighbor));
  }

  #take(neighbor: Neighbor, mac: Mac, nowMs: number): void {
    const { counters, events } = this.#context;
    const before = neighbor.mac;
    neighbor.mac = mac;
    if (before === null) counters.neighborsResolved++;
    events.emit(nowMs, {
      kind: before === null ? 'neighbor-resolved' : 'neighbor-changed',
      interface: neighbor.link.name,
      address: formatWords(neighbor.words),
      mac: formatMac(mac.high, mac.low),
      before: before === null ? null : formatMac(before.high, before.low),
    });
  }
}
