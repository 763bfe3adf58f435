import { Inject } from '../path/punt.ts';
import { neighborAdvertisement, neighborSolicitation } from '../wire/build.ts';
import { formatMac, isGroupHigh, type Mac } from '../wire/ethernet.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import * as ndp from '../wire/ndp.ts';
import type { Advertiser } from './advertise.ts';
import { DEFEND_MS } from './arp.ts';
import type { Context } from './context.ts';
import { sameMac } from './frames.ts';
import type { RouterInterface } from './interface.ts';
import { type Message, readMessage } from './message.ts';
import type { Resolver } from './resolver.ts';
import { formatWords, type Words } from './words.ts';

const UNSPECIFIED: Words = [0, 0, 0, 0];

interface Station {
  readonly mac: Mac;
  readonly address: Words;
}

interface Question {
  readonly source: Words;
  readonly target: Words;
  readonly destination?: Station;
}

/**
 * Neighbour discovery of one tenant's router: answers for its own addresses and learns who asked, takes answers to what it asked,
 * hands router solicitations to the advertiser. Source: RFC 4861, section 7.2; RFC 4862, section 5.4.
 */
export class Discovery {
  readonly #context: Context;
  readonly #resolver: Resolver;
  readonly #advertiser: Advertiser;
  /** When each own address was last defended, by interface and address. */
  readonly #defended = new Map<string, number>();

  constructor(context: Context, resolver: Resolver, advertiser: Advertiser) {
    this.#context = context;
    this.#resolver = resolver;
    this.#advertiser = advertiser;
  }

  receive(link: RouterInterface, frame: Uint8Array, worker: number, nowMs: number): void {
    const { counters } = this.#context;
    const message = readMessage(frame, worker);
    if (message === null) {
      counters.malformed++;
      return;
    }
    const { mac } = message;
    const toUs = sameMac(mac.to, link.mac);
    const ownEcho = sameMac(mac.from, link.mac);
    if (link.linkLocal === null || ownEcho || (!toUs && !isGroupHigh(mac.to.high))) {
      counters.ignored++;
      return;
    }
    switch (message.type) {
      case icmpv6.Type.NeighborSolicitation:
        this.#solicitation(link, message, nowMs);
        break;
      case icmpv6.Type.NeighborAdvertisement:
        this.#advertisement(link, message, nowMs);
        break;
      case icmpv6.Type.RouterSolicitation:
        this.#learn(link, message, true, nowMs);
        this.#advertiser.solicited(link, nowMs);
        break;
      default:
        // Other routers' advertisements: a router configures nothing by them (RFC 4861, section 6.2.7).
        counters.ignored++;
    }
  }

  /** Asks who has an IPv6 address: the group that only it should be in, or the station that had it. */
  ask(link: RouterInterface, words: Words, mac: Mac | null): void {
    if (link.linkLocal === null) return;
    const destination = mac === null ? {} : { destination: { mac, address: words } };
    this.#solicit(link, { source: link.linkLocal, target: words, ...destination });
  }

  /** Asks, from no address, whether another station has one of ours: the probe of duplicate address detection. */
  probeOwn(link: RouterInterface): void {
    for (const own of link.addresses6) this.#solicit(link, { source: UNSPECIFIED, target: own });
  }

  /** Tells the link about all IPv6 addresses of the interface (RFC 4861, section 7.2.6). */
  announce(link: RouterInterface): void {
    for (const own of link.addresses6) this.#advertise(0, link, own, null);
  }

  #solicitation(link: RouterInterface, message: Message, nowMs: number): void {
    const { target, source, mac } = message;
    if (!link.owns(target)) {
      this.#context.counters.ignored++;
      return;
    }
    if (source === null) {
      // Somebody else tries to take our address: the answer to all stops it (RFC 4861, section 7.2.4).
      this.#conflict(link, message, true, nowMs);
      this.#advertise(message.worker, link, target, null);
      return;
    }
    this.#learn(link, message, true, nowMs);
    const asker = { mac: message.linkLayer ?? mac.from, address: source };
    this.#advertise(message.worker, link, target, asker);
  }

  #advertisement(link: RouterInterface, message: Message, nowMs: number): void {
    const { target, flags, linkLayer } = message;
    if (link.owns(target)) {
      const defended = this.#mayDefend(link, target, nowMs);
      this.#conflict(link, message, defended, nowMs);
      if (defended) this.#advertise(message.worker, link, target, null);
      return;
    }
    const solicited = (flags & ndp.NeighborFlag.Solicited) !== 0;
    const override = (flags & ndp.NeighborFlag.Override) !== 0;
    this.#resolver.answer(link, target, { mac: linkLayer, solicited, override }, nowMs);
  }

  /** Who asks names itself, unless it has no address yet. */
  #learn(link: RouterInterface, message: Message, create: boolean, nowMs: number): void {
    const { source, linkLayer } = message;
    if (source !== null && linkLayer !== null) this.#resolver.learn(link, source, linkLayer, create, nowMs);
  }

  #conflict(link: RouterInterface, message: Message, defended: boolean, nowMs: number): void {
    const { high, low } = message.linkLayer ?? message.mac.from;
    const address = formatWords(message.target);
    this.#context.counters.addressConflicts++;
    this.#context.events.emit(nowMs, {
      kind: 'address-conflict',
      interface: link.name,
      address,
      mac: formatMac(high, low),
      defended,
    });
  }

  #solicit(link: RouterInterface, question: Question): void {
    const frame = neighborSolicitation({ sourceMac: link.mac, ...question });
    if (this.#send(0, link, frame)) this.#context.counters.neighborSolicitations++;
  }

  /** @param asker null: tells everybody, unasked */
  #advertise(worker: number, link: RouterInterface, own: Words, asker: Station | null): void {
    const frame = neighborAdvertisement({
      sourceMac: link.mac,
      source: own,
      target: own,
      router: true,
      solicited: asker !== null,
      override: true,
      ...(asker === null ? {} : { destination: asker }),
    });
    if (this.#send(worker, link, frame)) this.#context.counters.neighborAdvertisements++;
  }

  #send(worker: number, link: RouterInterface, frame: Uint8Array): boolean {
    return this.#context.outbox.send(worker, Inject.Bridge, link.vlan, frame);
  }

  #mayDefend(link: RouterInterface, address: Words, nowMs: number): boolean {
    const key = `${link.index},${formatWords(address)}`;
    const last = this.#defended.get(key);
    if (last !== undefined && nowMs - last < DEFEND_MS) return false;
    this.#defended.set(key, nowMs);
    return true;
  }
}
