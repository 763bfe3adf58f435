import { add, pseudo6, sum } from '../wire/checksum.ts';
import * as ethernet from '../wire/ethernet.ts';
import { EtherType, type Mac } from '../wire/ethernet.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import { Protocol } from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as ndp from '../wire/ndp.ts';
import { isStationMac, viewOf } from './frames.ts';
import { isLinkLocal6, isUnicast, type Words, wordsAt } from './words.ts';

/** A message of neighbour discovery that has passed the checks of RFC 4861, sections 6.1 and 7.1. */
export interface Message {
  readonly type: number;
  /** null: the unspecified address, of a station that has none yet. */
  readonly source: Words | null;
  /** Of a neighbour solicitation or advertisement; undefined words otherwise. */
  readonly target: Words;
  /** Of a neighbour advertisement. */
  readonly flags: number;
  /** The source (solicitations) or target (advertisements) link-layer address option, if it names a single station. */
  readonly linkLayer: Mac | null;
  /** MAC addresses of the frame. */
  readonly mac: { readonly from: Mac; readonly to: Mac };
  readonly worker: number;
}

/** @returns the message in a frame, or null when it is none or must not be believed */
export function readMessage(frame: Uint8Array, worker: number): Message | null {
  const bytes = viewOf(frame);
  const ip = ethernet.HEADER_LENGTH;
  const at = ip + ipv6.HEADER_LENGTH;
  if (!ipv6.check(bytes, ip, frame.length) || ethernet.etherType(bytes, 0) !== EtherType.Ipv6) return null;
  const end = ip + ipv6.totalLength(bytes, ip);
  // Extension headers have no business here (RFC 6980), and a router on the way would have lowered the hop limit.
  if (ipv6.nextHeader(bytes, ip) !== Protocol.Icmpv6 || ipv6.hopLimit(bytes, ip) !== ndp.HOP_LIMIT) return null;
  if (end > frame.length || !ndp.check(bytes, at, end)) return null;
  if (add(pseudo6(bytes, ip, Protocol.Icmpv6, end - at), sum(bytes, at, end)) !== 0xffff) return null;
  const type = icmpv6.type(bytes, at);
  const linkLayer = readLinkLayer(bytes, at, end, type);
  const source = readSource(bytes, ip, type, linkLayer !== null);
  if (source === undefined) return null;
  const toGroup = ipv6.isMulticastAt(bytes, ip + ipv6.Offset.Destination);
  const message: Message = {
    type,
    source,
    target: type >= icmpv6.Type.NeighborSolicitation ? wordsAt(bytes, at + ndp.Offset.Target) : [],
    flags: type === icmpv6.Type.NeighborAdvertisement ? ndp.neighborFlags(bytes, at) : 0,
    linkLayer: linkLayer !== null && isStationMac(linkLayer) ? linkLayer : null,
    mac: {
      from: { high: ethernet.sourceHigh(bytes, 0), low: ethernet.sourceLow(bytes, 0) },
      to: { high: ethernet.destinationHigh(bytes, 0), low: ethernet.destinationLow(bytes, 0) },
    },
    worker,
  };
  return areFieldsRight(message, toGroup) ? message : null;
}

/** @returns undefined when nobody may send from that address */
function readSource(bytes: DataView, ip: number, type: number, hasOption: boolean): Words | null | undefined {
  const at = ip + ipv6.Offset.Source;
  if (!ipv6.isUnspecifiedAt(bytes, at)) {
    const source = wordsAt(bytes, at);
    return isUnicast(source) ? source : undefined;
  }
  if (type === icmpv6.Type.RouterSolicitation) return hasOption ? undefined : null;
  if (type !== icmpv6.Type.NeighborSolicitation || hasOption) return undefined;
  // Duplicate address detection asks the solicited-node group ff02::1:ff00:0/104.
  const [a, b, c, d] = wordsAt(bytes, ip + ipv6.Offset.Destination);
  return a === (0xff02_0000 | 0) && b === 0 && c === 1 && d >>> 24 === 0xff ? null : undefined;
}

function readLinkLayer(bytes: DataView, at: number, end: number, type: number): Mac | null {
  const wanted = type === icmpv6.Type.NeighborAdvertisement ? ndp.Option.TargetLinkLayer : ndp.Option.SourceLinkLayer;
  const option = ndp.findOption(bytes, at, end, wanted);
  return option < 0 ? null : { high: ndp.linkLayerHigh(bytes, option), low: ndp.linkLayerLow(bytes, option) };
}

function areFieldsRight({ type, source, target, flags }: Message, toGroup: boolean): boolean {
  switch (type) {
    case icmpv6.Type.NeighborSolicitation:
      return isUnicast(target);
    case icmpv6.Type.NeighborAdvertisement:
      return isUnicast(target) && !(toGroup && (flags & ndp.NeighborFlag.Solicited) !== 0);
    case icmpv6.Type.RouterAdvertisement:
      return source !== null && isLinkLocal6(source);
    default:
      return true;
  }
}
