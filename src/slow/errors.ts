import { Punt } from '../path/punt.ts';
import { icmpError, LONGEST_ERROR6, mayAnswerWithError } from '../wire/build.ts';
import * as ethernet from '../wire/ethernet.ts';
import { EtherType } from '../wire/ethernet.ts';
import * as icmp from '../wire/icmp.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import type { Context } from './context.ts';
import { deliver } from './deliver.ts';
import { viewOf } from './frames.ts';
import { Rate } from './rate.ts';
import type { PuntedFrame } from './record.ts';
import { fromIpv4, isLinkLocal6, isUnicast, type Words, wordsAt } from './words.ts';

/** Type and code of an error in both families. */
export interface ErrorKind {
  readonly four: readonly [type: number, code: number];
  readonly six: readonly [type: number, code: number];
  /** Answers IPv6 multicast too (RFC 4443, section 2.4, e.3). */
  readonly evenToGroup?: boolean;
}

const { Unreachable, TimeExceeded } = icmp;
const { Unreachable: Unreachable6, TimeExceeded: TimeExceeded6, ParameterProblem } = icmpv6;
const [TO, TO6] = [icmp.Type.Unreachable, icmpv6.Type.Unreachable];

/** Sources: RFC 792; RFC 1191; RFC 1812, section 5.2.7.1; RFC 4443, section 3. */
export const Errors = {
  TtlExceeded: {
    four: [icmp.Type.TimeExceeded, TimeExceeded.InTransit],
    six: [icmpv6.Type.TimeExceeded, TimeExceeded6.HopLimit],
  },
  Reassembly: {
    four: [icmp.Type.TimeExceeded, TimeExceeded.Reassembly],
    six: [icmpv6.Type.TimeExceeded, TimeExceeded6.Reassembly],
  },
  NoRoute: { four: [TO, Unreachable.Network], six: [TO6, Unreachable6.NoRoute] },
  Prohibited: { four: [TO, Unreachable.Prohibited], six: [TO6, Unreachable6.Prohibited] },
  TooBig: { four: [TO, Unreachable.FragmentationNeeded], six: [icmpv6.Type.PacketTooBig, 0], evenToGroup: true },
  HostUnreachable: { four: [TO, Unreachable.Host], six: [TO6, Unreachable6.Address] },
  Port: { four: [TO, Unreachable.Port], six: [TO6, Unreachable6.Port] },
  /** IPv6 has no «protocol unreachable»: the next header field is the problem (RFC 4443, section 3.4). */
  Protocol: {
    four: [TO, Unreachable.Protocol],
    six: [icmpv6.Type.ParameterProblem, ParameterProblem.NextHeader],
  },
} as const satisfies Record<string, ErrorKind>;

/** @returns the error that a punt asks for, or null when it asks for none */
export function errorOf(kind: Punt): ErrorKind | null {
  switch (kind) {
    case Punt.TtlExceeded:
      return Errors.TtlExceeded;
    case Punt.NoRoute:
      return Errors.NoRoute;
    case Punt.Reject:
      return Errors.Prohibited;
    case Punt.TooBig:
      return Errors.TooBig;
    case Punt.HostUnreachable:
      return Errors.HostUnreachable;
    default:
      return null;
  }
}

/** ICMP errors of one tenant's router: when they may be sent, from which address, and how often. */
export class ErrorSender {
  readonly #context: Context;
  #rate: Rate;

  constructor(context: Context, perSecond: number, burst: number) {
    this.#context = context;
    this.#rate = new Rate(perSecond, burst);
  }

  setRate(perSecond: number, burst: number): void {
    this.#rate = new Rate(perSecond, burst);
  }

  /**
   * Answers a punted packet, or does not.
   * @param value MTU of the next link, or offset of the wrong byte from the IP header, where the error carries one
   */
  send(to: PuntedFrame, kind: ErrorKind, value: number, nowMs: number): void {
    const { counters, events } = this.#context;
    const packet = readPacket(to.frame);
    if (packet === null) {
      counters.malformed++;
      return;
    }
    const { bytes, end, source, destination, family } = packet;
    const group = ethernet.isGroup(bytes, 0);
    const may = mayAnswerWithError(bytes, ethernet.HEADER_LENGTH, end, group, kind.evenToGroup === true);
    if (!may || !this.#isStation(source) || this.#isBroadcast(destination)) {
      counters.icmpForbidden++;
      return;
    }
    const own = this.#sourceFor(to, source, family);
    if (own === null) {
      counters.icmpForbidden++;
      return;
    }
    if (!this.#rate.take(nowMs)) {
      counters.icmpRateLimited++;
      events.emit(nowMs, { kind: 'icmp-rate-limited' });
      return;
    }
    const [type, code] = family === 4 ? kind.four : kind.six;
    const error = icmpError({
      packet: to.frame.subarray(ethernet.HEADER_LENGTH, end),
      type,
      code,
      source: family === 4 ? [own[3]] : own,
      ...(type === icmpv6.Type.ParameterProblem && family === 6 ? { pointer: value } : { mtu: value }),
    });
    if (deliver(this.#context, to, error, LONGEST_ERROR6)) counters.icmpErrors++;
  }

  /** Whether the packet came from one station, which the router is not itself. */
  #isStation(source: Words): boolean {
    return (
      isUnicast(source) && !this.#context.links.all.some((link) => link.owns(source)) && !this.#isBroadcast(source)
    );
  }

  #isBroadcast(words: Words): boolean {
    return this.#context.links.all.some((link) => link.isBroadcast(words));
  }

  /** The address of the interface that the packet came in by (RFC 1812, section 4.3.2.4), or any that the sender can answer. */
  #sourceFor(to: PuntedFrame, source: Words, family: 4 | 6): Words | null {
    const { links } = this.#context;
    const link = links.at(to.interface);
    const own = link?.sourceFor(source) ?? null;
    if (own !== null || (family === 6 && isLinkLocal6(source))) return own;
    for (const other of links.all) {
      const address = other.sourceFor(source);
      if (address !== null) return address;
    }
    return null;
  }
}

interface Packet {
  readonly bytes: DataView;
  readonly end: number;
  readonly family: 4 | 6;
  readonly source: Words;
  readonly destination: Words;
}

/** @returns the IP packet in a frame, as far as it is there; null when it has no whole header */
export function readPacket(frame: Uint8Array): Packet | null {
  const bytes = viewOf(frame);
  const l3 = ethernet.HEADER_LENGTH;
  if (frame.length < l3) return null;
  const type = ethernet.etherType(bytes, 0);
  if (type === EtherType.Ipv4 && ipv4.check(bytes, l3, frame.length)) {
    return {
      bytes,
      end: Math.min(frame.length, l3 + ipv4.totalLength(bytes, l3)),
      family: 4,
      source: fromIpv4(ipv4.source(bytes, l3)),
      destination: fromIpv4(ipv4.destination(bytes, l3)),
    };
  }
  if (type !== EtherType.Ipv6 || !ipv6.check(bytes, l3, frame.length)) return null;
  return {
    bytes,
    end: Math.min(frame.length, l3 + ipv6.totalLength(bytes, l3)),
    family: 6,
    source: wordsAt(bytes, l3 + ipv6.Offset.Source),
    destination: wordsAt(bytes, l3 + ipv6.Offset.Destination),
  };
}
