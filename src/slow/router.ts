import { isDeepStrictEqual } from 'node:util';
import type { Ring } from '../frame/ring.ts';
import { ACL_EGRESS, Punt } from '../path/punt.ts';
import * as ethernet from '../wire/ethernet.ts';
import { formatMac } from '../wire/ethernet.ts';
import { Advertiser } from './advertise.ts';
import { Arp } from './arp.ts';
import type { Context } from './context.ts';
import { newCounters, type SlowCounters } from './counters.ts';
import { Discovery } from './discovery.ts';
import { ErrorSender, errorOf } from './errors.ts';
import { EventGate } from './events.ts';
import { viewOf } from './frames.ts';
import type { RouterInterface } from './interface.ts';
import { Links } from './links.ts';
import { Local } from './local.ts';
import { Outbox, type PuntedFrame, readPunt } from './record.ts';
import { Resolver } from './resolver.ts';
import type { SlowInterface, SlowLimits, SlowTenant } from './tenant.ts';
import { Task, Timers } from './timers.ts';
import { isIpv4 } from './words.ts';

/** Between the two announcements of an interface's addresses (RFC 5227, section 1.1, ANNOUNCE_INTERVAL). */
export const ANNOUNCE_MS = 2000;
/** Interfaces start one after the other, so that thousands of them do not fill the ring to the worker. */
const STAGGER_MS = 1;
/** Timers that one turn runs. */
const MOST_TIMERS = 256;
const LOGGED_BYTES = 128;

/** The slow path of one tenant: hands what workers punt to the protocols, and lets time pass for them. */
export class TenantRouter {
  #tenant: SlowTenant;
  readonly counters: SlowCounters = newCounters();
  readonly #links = new Links();
  readonly #context: Context;
  readonly #resolver: Resolver;
  readonly #arp: Arp;
  readonly #discovery: Discovery;
  readonly #advertiser: Advertiser;
  readonly #errors: ErrorSender;
  readonly #local: Local;
  #firstRing = 0;
  #settled = 0;

  constructor(tenant: SlowTenant, random: () => number, nowMs: number) {
    const limits = limitsOf(tenant);
    this.#tenant = tenant;
    tenant.interfaces.forEach((one, number) => {
      if (one !== null) this.#links.add(number, one);
    });
    this.#context = {
      links: this.#links,
      outbox: new Outbox(tenant.injects, this.counters),
      timers: new Timers(),
      counters: this.counters,
      events: new EventGate(tenant.name, limits.eventsPerSecond, (event) => this.#tenant.onEvent(event)),
      random,
    };
    const ask = (link: RouterInterface, words: readonly number[], mac: ethernet.Mac | null) => {
      if (isIpv4(words)) this.#arp.ask(link, words, mac);
      else this.#discovery.ask(link, words, mac);
    };
    this.#resolver = new Resolver(tenant.neighbors, this.#context, ask, limits.neighborsSoft);
    this.#advertiser = new Advertiser(this.#context);
    this.#arp = new Arp(this.#context, this.#resolver);
    this.#discovery = new Discovery(this.#context, this.#resolver, this.#advertiser);
    this.#errors = new ErrorSender(this.#context, limits.icmpPerSecond, limits.icmpBurst);
    this.#local = new Local(this.#context, this.#errors);
    this.#resolver.adopt(this.#links, tenant.permanent, nowMs);
    this.announce(nowMs);
    for (const link of this.#links.all) this.#advertiser.enter(link, nowMs);
  }

  /** The tenant as it was described last. */
  get tenant(): SlowTenant {
    return this.#tenant;
  }

  /**
   * Makes the tenant another. Interfaces are told apart by number and name; what an interface that stays as it is knows and does, goes
   * on.
   */
  change(tenant: SlowTenant, nowMs: number): void {
    const before = limitsOf(this.#tenant);
    const limits = limitsOf(tenant);
    this.#tenant = tenant;
    this.#resolver.moveTo(tenant.neighbors, limits.neighborsSoft);
    if (before.icmpPerSecond !== limits.icmpPerSecond) this.#errors.setRate(limits.icmpPerSecond, limits.icmpBurst);
    const most = Math.max(this.#links.size, tenant.interfaces.length);
    for (let number = 0; number < most; number++) this.#changeLink(number, tenant.interfaces[number] ?? null, nowMs);
    this.#resolver.setPermanent(this.#links, tenant.permanent, nowMs);
    this.#context.outbox.wake((worker) => this.#tenant.wake(worker));
  }

  #changeLink(number: number, to: SlowInterface | null, nowMs: number): void {
    let link = this.#links.at(number);
    if (link !== undefined && to !== null && isDeepStrictEqual(link.from, to)) return;
    const moved = link !== undefined && (to === null || to.name !== link.name || to.vlan !== link.vlan);
    if (link !== undefined && (moved || to?.ra === null)) this.#advertiser.leave(link);
    if (link !== undefined && moved) this.#resolver.forgetLink(link);
    if (link !== undefined && (to === null || to.name !== link.name)) {
      this.#links.remove(number);
      link = undefined;
    }
    if (to === null) return;
    if (link === undefined) link = this.#links.add(number, to);
    else {
      link.configure(to);
      this.#resolver.prune(link);
    }
    this.#advertiser.enter(link, nowMs);
    this.#announce(link, nowMs);
  }

  /** A station is no longer where it was: it is asked for again when it is needed. */
  forgetStation(vlan: number, mac: ethernet.Mac): void {
    this.#resolver.forgetStation(vlan, mac);
  }

  /** Tells every link about the router's addresses, and asks whether another station has one of them. */
  announce(nowMs: number): void {
    for (const link of this.#links.all) this.#announce(link, nowMs);
  }

  #announce(link: RouterInterface, nowMs: number): void {
    const { timers } = this.#context;
    const isThere = () => this.#links.at(link.index) === link;
    const second = new Task(() => {
      if (!isThere()) return;
      this.#arp.announce(link);
      this.#discovery.announce(link);
    });
    const first = new Task((now) => {
      if (!isThere()) return;
      this.#arp.announce(link);
      this.#discovery.probeOwn(link);
      timers.set(second, now + ANNOUNCE_MS);
    });
    timers.set(first, nowMs + link.index * STAGGER_MS);
  }

  /**
   * Takes up to `most` records from the workers' rings, one from each in turn, then runs what is due.
   * @returns when to be called again, at the latest: 0 when more is waiting already
   */
  turn(nowMs: number, most: number): number {
    const { timers, outbox } = this.#context;
    const { neighbors } = this.#tenant;
    neighbors.reclaim(nowMs | 0);
    const waiting = this.#drain(nowMs, most);
    timers.run(nowMs, MOST_TIMERS);
    this.#local.expire(nowMs);
    outbox.wake((worker) => this.#tenant.wake(worker));
    this.#wakeHolders();
    return waiting ? nowMs : Math.min(timers.next, this.#local.next);
  }

  /** Takes the router back where it advertised itself. The workers must still run to send that. */
  close(): void {
    this.#advertiser.stop();
    this.#context.outbox.wake((worker) => this.#tenant.wake(worker));
  }

  /** Frames may wait for a neighbour that has answered, or that was given up: workers that sleep must look. */
  #wakeHolders(): void {
    const settled = this.counters.neighborsResolved + this.counters.neighborsFailed;
    if (settled === this.#settled) return;
    this.#settled = settled;
    for (let worker = 0; worker < this.#tenant.injects.length; worker++) this.#tenant.wake(worker);
  }

  /** @returns whether something is left */
  #drain(nowMs: number, most: number): boolean {
    const { punts } = this.#tenant;
    let left = most;
    let idle = 0;
    let at = this.#firstRing;
    while (left > 0 && idle < punts.length) {
      if (this.#takeOne(punts[at], at, nowMs)) {
        idle = 0;
        left--;
      } else idle++;
      at = (at + 1) % punts.length;
    }
    this.#firstRing = at;
    return left === 0 && punts.some((ring) => !ring.empty);
  }

  #takeOne(ring: Ring, worker: number, nowMs: number): boolean {
    const position = ring.peek();
    if (position < 0) return false;
    const punted = readPunt(ring, position, worker);
    ring.pop();
    this.counters.punts++;
    if (punted === null) this.counters.malformed++;
    else this.#receive(punted, nowMs);
    return true;
  }

  #receive(punted: PuntedFrame, nowMs: number): void {
    const { kind, worker, frame } = punted;
    const link = this.#links.at(punted.interface);
    switch (kind) {
      case Punt.Resolve:
        if (link === undefined) this.#strange(punted.interface);
        else this.#resolver.resolve(link, punted.address, nowMs);
        break;
      case Punt.Arp:
        if (link === undefined) this.#strange(punted.interface);
        else this.#arp.receive(link, frame, worker, nowMs);
        break;
      case Punt.Neighbor:
        if (link === undefined) this.#strange(punted.interface);
        else this.#discovery.receive(link, frame, worker, nowMs);
        break;
      case Punt.Local:
        this.#local.receive(punted, nowMs);
        break;
      case Punt.MacFlap:
      case Punt.MacMove:
      case Punt.AclLog:
        this.#log(punted, nowMs);
        break;
      default: {
        const error = errorOf(kind);
        if (error !== null) this.#errors.send(punted, error, punted.argument, nowMs);
      }
    }
  }

  /** A record names an interface that is gone, as workers may until they have heard of it, or one that never was. */
  #strange(number: number): void {
    if (number >= 0 && number < this.#links.size) this.counters.ignored++;
    else this.counters.malformed++;
  }

  #log(punted: PuntedFrame, nowMs: number): void {
    const { kind, port, vlan, argument, frame, frameLength } = punted;
    const { events } = this.#context;
    if (frame.length < ethernet.HEADER_LENGTH) {
      this.counters.malformed++;
      return;
    }
    if (kind === Punt.MacFlap || kind === Punt.MacMove) {
      const bytes = viewOf(frame);
      const mac = formatMac(ethernet.sourceHigh(bytes, 0), ethernet.sourceLow(bytes, 0));
      if (kind === Punt.MacFlap) this.counters.macFlaps++;
      events.emit(nowMs, { kind: kind === Punt.MacFlap ? 'mac-flap' : 'mac-move', vlan, mac, port: argument });
      return;
    }
    this.counters.aclLogs++;
    events.emit(nowMs, {
      kind: 'acl-log',
      acl: (argument & ~ACL_EGRESS) >>> 16,
      rule: argument & 0xffff,
      egress: (argument & ACL_EGRESS) !== 0,
      port,
      vlan,
      interface: this.#links.at(punted.interface)?.name ?? null,
      frameLength,
      frame: frame.slice(0, LOGGED_BYTES),
    });
  }
}

function limitsOf({ limits, neighbors }: SlowTenant): SlowLimits {
  const icmpPerSecond = limits?.icmpPerSecond ?? 100;
  return {
    icmpPerSecond,
    icmpBurst: Math.min(50, icmpPerSecond),
    eventsPerSecond: 10,
    neighborsSoft: neighbors.capacity >> 1,
    ...limits,
  };
}
