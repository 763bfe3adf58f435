import { Inject } from '../path/punt.ts';
import * as arp from '../wire/arp.ts';
import { arpReply, arpRequest } from '../wire/build.ts';
import * as ethernet from '../wire/ethernet.ts';
import { EtherType, formatMac, type Mac } from '../wire/ethernet.ts';
import type { Context } from './context.ts';
import { isStationMac, sameMac, viewOf } from './frames.ts';
import type { RouterInterface } from './interface.ts';
import type { Resolver } from './resolver.ts';
import { formatWords, fromIpv4, same, type Words } from './words.ts';

/** An address of ours that others use is defended at most once in that time (RFC 5227, section 1.1, DEFEND_INTERVAL). */
export const DEFEND_MS = 10_000;

/**
 * ARP of one tenant's router: answers for its own addresses and learns who asked; takes answers to what it asked; believes
 * announcements only of stations that it knows. Source: RFC 826; manners RFC 5227.
 */
export class Arp {
  readonly #context: Context;
  readonly #resolver: Resolver;
  /** When each own address was last defended, by interface and address. */
  readonly #defended = new Map<string, number>();

  constructor(context: Context, resolver: Resolver) {
    this.#context = context;
    this.#resolver = resolver;
  }

  receive(link: RouterInterface, frame: Uint8Array, worker: number, nowMs: number): void {
    const { counters } = this.#context;
    const bytes = viewOf(frame);
    const at = ethernet.HEADER_LENGTH;
    if (!arp.check(bytes, at, frame.length) || ethernet.etherType(bytes, 0) !== EtherType.Arp) {
      counters.malformed++;
      return;
    }
    const mac: Mac = { high: arp.senderMacHigh(bytes, at), low: arp.senderMacLow(bytes, at) };
    const sender = fromIpv4(arp.senderAddress(bytes, at));
    const target = fromIpv4(arp.targetAddress(bytes, at));
    const destination: Mac = { high: ethernet.destinationHigh(bytes, 0), low: ethernet.destinationLow(bytes, 0) };
    const toUs = sameMac(destination, link.mac);
    if (!isStationMac(mac) || sameMac(mac, link.mac) || (!toUs && !ethernet.isGroup(bytes, 0))) {
      counters.ignored++;
      return;
    }
    if (sender[3] !== 0 && link.owns(sender)) {
      this.#conflict(link, sender, mac, worker, nowMs);
      return;
    }
    switch (arp.operation(bytes, at)) {
      case arp.Operation.Request:
        this.#request(link, sender, mac, target, worker, nowMs);
        break;
      case arp.Operation.Reply:
        // A reply to somebody else, or to nobody, may still tell that a known station has moved (RFC 826, «merge»).
        if (toUs && link.owns(target) && this.#resolver.isAsking(link, sender)) {
          this.#resolver.answer(link, sender, { mac, solicited: true, override: true }, nowMs);
        } else this.#resolver.learn(link, sender, mac, false, nowMs);
        break;
      default:
        counters.ignored++;
    }
  }

  /** Asks who has an IPv4 address: the whole link, or the station that had it. */
  ask(link: RouterInterface, words: Words, mac: Mac | null): void {
    const source = link.sourceFor(words);
    if (source === null) return;
    const request = arpRequest({
      senderMac: link.mac,
      senderAddress: [source[3]],
      targetAddress: [words[3]],
      ...(mac === null ? {} : { destination: mac }),
    });
    if (this.#send(0, link, request)) this.#context.counters.arpRequests++;
  }

  /** Tells the link about all IPv4 addresses of the interface (gratuitous ARP; RFC 5227, section 2.3). */
  announce(link: RouterInterface): void {
    for (const own of link.addresses) if (own.family === 4) this.#announce(0, link, own.words);
  }

  #request(link: RouterInterface, sender: Words, mac: Mac, target: Words, worker: number, nowMs: number): void {
    const probe = sender[3] === 0;
    const ours = link.owns(target);
    if (!ours && !same(sender, target)) this.#context.counters.ignored++;
    if (!probe) this.#resolver.learn(link, sender, mac, ours, nowMs);
    if (!ours) return;
    const reply = arpReply({
      senderMac: link.mac,
      senderAddress: [target[3]],
      targetMac: mac,
      targetAddress: [sender[3]],
    });
    if (this.#send(worker, link, reply)) this.#context.counters.arpReplies++;
  }

  /** Another station uses an address of ours: logged, and defended as RFC 5227, section 2.4 (b), has it. */
  #conflict(link: RouterInterface, address: Words, mac: Mac, worker: number, nowMs: number): void {
    const { counters, events } = this.#context;
    const key = `${link.index},${address[3]}`;
    const last = this.#defended.get(key);
    const defended = last === undefined || nowMs - last >= DEFEND_MS;
    if (defended) {
      this.#defended.set(key, nowMs);
      this.#announce(worker, link, address);
    }
    counters.addressConflicts++;
    const [text, station] = [formatWords(address), formatMac(mac.high, mac.low)];
    events.emit(nowMs, { kind: 'address-conflict', interface: link.name, address: text, mac: station, defended });
  }

  #announce(worker: number, link: RouterInterface, address: Words): void {
    const own = [address[3]];
    const frame = arpRequest({ senderMac: link.mac, senderAddress: own, targetAddress: own });
    if (this.#send(worker, link, frame)) this.#context.counters.arpAnnouncements++;
  }

  #send(worker: number, link: RouterInterface, frame: Uint8Array): boolean {
    return this.#context.outbox.send(worker, Inject.Bridge, link.vlan, frame);
  }
}
