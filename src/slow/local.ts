import { icmpEchoReply } from '../wire/build.ts';
import * as ethernet from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { Protocol } from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as extension from '../wire/ipv6-extension.ts';
import { Walk } from '../wire/ipv6-extension.ts';
import type { Context } from './context.ts';
import { deliver } from './deliver.ts';
import { type ErrorSender, Errors, readPacket } from './errors.ts';
import { fieldNaming, readFragment, rebuild } from './fragments.ts';
import { viewOf } from './frames.ts';
import { Reassembly } from './reassembly.ts';
import type { PuntedFrame } from './record.ts';
import { isLinkLocal6, type Words } from './words.ts';

const L3 = ethernet.HEADER_LENGTH;

/**
 * IP packets to the router itself. Echo requests are answered from the address that was asked; every other service is told that
 * it is not here: port unreachable for UDP and, rather than a reset, for TCP, protocol unreachable for the rest. What was sent
 * to a group or a broadcast address gets no answer: RFC 1122, section 3.2.2.6, leaves that open, and floods come of it.
 */
export class Local {
  readonly #context: Context;
  readonly #errors: ErrorSender;
  readonly #reassembly = new Reassembly();

  constructor(context: Context, errors: ErrorSender) {
    this.#context = context;
    this.#errors = errors;
  }

  receive(punted: PuntedFrame, nowMs: number): void {
    const { counters } = this.#context;
    const packet = readPacket(punted.frame);
    if (packet === null || (packet.family === 4 && !ipv4.isChecksumRight(packet.bytes, L3))) {
      counters.malformed++;
      return;
    }
    if (ethernet.isGroup(packet.bytes, 0) || !this.#isOwn(packet.destination, punted.interface)) {
      counters.ignored++;
      return;
    }
    const { family, end } = packet;
    const to = { ...punted, frame: punted.frame.subarray(0, end) };
    const fragment = readFragment(to, family);
    if (fragment === null) {
      this.#serve(to, family, end, nowMs);
      return;
    }
    const whole = this.#reassembly.add(fragment, nowMs);
    const joined = whole === null ? null : rebuild(whole, family);
    if (whole === null || joined === null) return;
    counters.reassembled++;
    this.#serve(joined, family, whole.longest, nowMs);
  }

  /** When `expire` has something to do, Infinity when never. */
  get next(): number {
    return this.#reassembly.next;
  }

  /** Gives up datagrams whose fragments did not come in time. */
  expire(nowMs: number): void {
    for (const first of this.#reassembly.expire(nowMs)) {
      this.#context.counters.reassemblyTimeouts++;
      if (first !== null) this.#errors.send(first, Errors.Reassembly, 0, nowMs);
    }
  }

  /** @param longest frame that brought (a part of) the packet: that much the way back will carry, if it is the way here */
  #serve(to: PuntedFrame, family: 4 | 6, longest: number, nowMs: number): void {
    const bytes = viewOf(to.frame);
    if (family === 4) {
      // A fragment that was cut short on its way to us; its payload is of no use to anybody.
      if (ipv4.isFragment(bytes, L3)) this.#context.counters.ignored++;
      else this.#offer(to, family, ipv4.protocol(bytes, L3), 0, longest, nowMs);
      return;
    }
    const chain = extension.walk(bytes, L3, to.frame.length);
    const protocol = extension.protocol(chain);
    if ((chain & (Walk.Fragment | Walk.Incomplete)) !== 0 || protocol === Protocol.NoNext) {
      this.#context.counters.ignored++;
      return;
    }
    const wrong = fieldNaming(bytes, L3 + extension.offset(chain)) - L3;
    this.#offer(to, family, protocol, wrong, longest, nowMs);
  }

  /** @param wrong offset in the packet of the field that names the protocol (IPv6) */
  #offer(to: PuntedFrame, family: 4 | 6, protocol: number, wrong: number, longest: number, nowMs: number): void {
    if (protocol === (family === 4 ? Protocol.Icmp : Protocol.Icmpv6)) this.#echo(to, longest);
    else if (protocol === Protocol.Udp || protocol === Protocol.Tcp) this.#errors.send(to, Errors.Port, 0, nowMs);
    else this.#errors.send(to, Errors.Protocol, wrong, nowMs);
  }

  #echo(to: PuntedFrame, longest: number): void {
    const { counters, links } = this.#context;
    const reply = icmpEchoReply(to.frame);
    if (reply === null) {
      counters.ignored++;
      return;
    }
    const mtu = links.at(to.interface)?.mtu ?? ipv6.SMALLEST_MTU;
    const most = Math.max(ipv6.SMALLEST_MTU, Math.min(mtu, longest - L3));
    if (deliver(this.#context, to, reply, most)) counters.echoReplies++;
  }

  /** Any address of the router, as all its interfaces may be asked for it; a link-local one on its own link alone. */
  #isOwn(words: Words, index: number): boolean {
    const { links } = this.#context;
    if (isLinkLocal6(words)) return links.at(index)?.owns(words) === true;
    return links.all.some((link) => link.owns(words));
  }
}
