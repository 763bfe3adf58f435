import { Inject } from '../path/punt.ts';
import { prefixOf } from '../wire/address.ts';
import { type AdvertisedPrefix, routerAdvertisement } from '../wire/build.ts';
import type { Context } from './context.ts';
import type { RouterInterface } from './interface.ts';
import type { Advertise } from './tenant.ts';
import type { Timed } from './timers.ts';
import { isLinkLocal6, type Words } from './words.ts';

/** Source: RFC 4861, section 10. */
export const INITIAL_ADVERTISEMENTS = 3;
export const INITIAL_INTERVAL_MS = 16_000;
export const BETWEEN_MS = 3000;
export const SOLICITED_DELAY_MS = 500;
/** Prefixes of that length are those that hosts make addresses in (RFC 4862, section 5.5.3; RFC 2464, section 4). */
const AUTONOMOUS_LENGTH = 64;

/**
 * Router advertisements of one tenant: three soon after the start, then one every now and then, one soon after each
 * solicitation but never two within three seconds, a last one that takes the router back. All go to all nodes.
 * Source: RFC 4861, section 6.2.
 */
export class Advertiser {
  readonly #context: Context;
  readonly #schedules = new Map<number, Schedule>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Begins to advertise on a link, if it is to, or begins anew. */
  enter({ index, ra, linkLocal }: RouterInterface, nowMs: number): void {
    const before = this.#schedules.get(index);
    if (before !== undefined) this.#context.timers.cancel(before);
    this.#schedules.delete(index);
    if (ra === null || linkLocal === null) return;
    const schedule = new Schedule(index, ra, linkLocal, this);
    this.#schedules.set(index, schedule);
    this.#context.timers.set(
      schedule,
      Math.max(nowMs + index, (before?.last ?? Number.NEGATIVE_INFINITY) + BETWEEN_MS),
    );
  }

  /** Takes the router back on a link where it advertised itself (RFC 4861, section 6.2.5). */
  leave({ index }: RouterInterface): void {
    const schedule = this.#schedules.get(index);
    if (schedule === undefined) return;
    this.#schedules.delete(index);
    this.#context.timers.cancel(schedule);
    this.#send(schedule, 0);
  }

  /** RFC 4861, section 6.2.6: a random delay, and a solicited advertisement is an unsolicited one that comes earlier. */
  solicited(link: RouterInterface, nowMs: number): void {
    const schedule = this.#schedules.get(link.index);
    if (schedule === undefined) return;
    const delay = this.#context.random() * SOLICITED_DELAY_MS;
    const at = Math.max(nowMs, schedule.last + BETWEEN_MS) + delay;
    if (at < schedule.due) this.#context.timers.set(schedule, at);
  }

  /** Takes the router back everywhere. */
  stop(): void {
    for (const link of this.#context.links.all) this.leave(link);
  }

  /** The time of an interface's advertisement has come. */
  advertise(schedule: Schedule, nowMs: number): void {
    const { timers, random } = this.#context;
    this.#send(schedule, schedule.ra.lifetimeSeconds);
    schedule.last = nowMs;
    schedule.sent++;
    const most = schedule.ra.intervalSeconds * 1000;
    // MinRtrAdvInterval's default (RFC 4861, section 6.2.1)
    const least = most >= 9000 ? most / 3 : most;
    const interval = least + random() * (most - least);
    const initial = schedule.sent < INITIAL_ADVERTISEMENTS;
    timers.set(schedule, nowMs + (initial ? Math.min(interval, INITIAL_INTERVAL_MS) : interval));
  }

  #send({ index, ra, linkLocal }: Schedule, lifetime: number): void {
    const { links, outbox, counters } = this.#context;
    const link = links.at(index);
    if (link === undefined) return;
    const frame = routerAdvertisement({
      sourceMac: link.mac,
      source: linkLocal,
      managed: ra.managed,
      other: ra.other,
      lifetime,
      mtu: link.mtu,
      prefixes: prefixesOf(link),
    });
    if (outbox.send(0, Inject.Bridge, link.vlan, frame)) counters.routerAdvertisements++;
  }
}

/** When an interface advertises next. */
class Schedule implements Timed {
  readonly index: number;
  readonly ra: Advertise;
  readonly linkLocal: Words;
  due = 0;
  place = -1;
  sent = 0;
  last = Number.NEGATIVE_INFINITY;
  readonly #owner: Advertiser;

  constructor(index: number, ra: Advertise, linkLocal: Words, owner: Advertiser) {
    this.index = index;
    this.ra = ra;
    this.linkLocal = linkLocal;
    this.#owner = owner;
  }

  fire(nowMs: number): void {
    this.#owner.advertise(this, nowMs);
  }
}

/** The prefixes of the interface, each once. */
function prefixesOf(link: RouterInterface): AdvertisedPrefix[] {
  const prefixes = new Map<string, AdvertisedPrefix>();
  for (const { family, words, length } of link.addresses) {
    if (family === 4 || isLinkLocal6(words)) continue;
    const prefix = prefixOf(words, length);
    prefixes.set(prefix.text, { prefix, length, autonomous: length === AUTONOMOUS_LENGTH });
  }
  return [...prefixes.values()];
}
