/** Whole frames of ARP and of neighbour discovery, for the slow path and for tests. Source: RFC 826; RFC 4861. */
import { multicastMacOf, parseAddress, solicitedNodeOf } from './address.ts';
import { Operation } from './arp.ts';
import { type AddressLike, frame, type MacLike, toMac, toWords } from './build-frame.ts';
import { BROADCAST } from './ethernet.ts';
import { Type } from './icmpv6.ts';
import * as ndp from './ndp.ts';

const ALL_NODES = parseAddress('ff02::1');
const ALL_ROUTERS = parseAddress('ff02::2');

/** @param destination MAC to ask, if it is known already (RFC 1122, section 2.3.2.1); else everybody is asked */
export function arpRequest(request: {
  readonly senderMac: MacLike;
  /** 0.0.0.0 in a probe (RFC 5227). */
  readonly senderAddress: AddressLike;
  readonly targetAddress: AddressLike;
  readonly destination?: MacLike;
}): Uint8Array<ArrayBuffer> {
  const { senderMac, senderAddress, targetAddress, destination = BROADCAST } = request;
  return frame({
    ethernet: { destination, source: senderMac },
    arp: { operation: Operation.Request, senderMac, senderAddress, targetAddress },
  });
}

export function arpReply(reply: {
  readonly senderMac: MacLike;
  readonly senderAddress: AddressLike;
  readonly targetMac: MacLike;
  readonly targetAddress: AddressLike;
}): Uint8Array<ArrayBuffer> {
  return frame({
    ethernet: { destination: reply.targetMac, source: reply.senderMac },
    arp: { operation: Operation.Reply, ...reply },
  });
}

/** Without `destination`: to the solicited-node group of the target; with it, to that neighbour alone (a probe). */
export function neighborSolicitation(message: {
  readonly sourceMac: MacLike;
  /** `::` while an address is being tested (RFC 4862, section 5.4); the option with our MAC is then left out. */
  readonly source: AddressLike;
  readonly target: AddressLike;
  readonly destination?: { readonly mac: MacLike; readonly address: AddressLike };
}): Uint8Array<ArrayBuffer> {
  const { sourceMac, source, target, destination } = message;
  const tested = toWords(source).every((word) => word === 0);
  const group = solicitedNodeOf(toWords(target));
  const payload = neighbor(target, ndp.Option.SourceLinkLayer, tested ? null : sourceMac);
  return discovery(
    sourceMac,
    source,
    destination?.mac ?? multicastMacOf(group.words),
    destination?.address ?? group,
    Type.NeighborSolicitation,
    0,
    payload,
  );
}

/** Without `destination`: to all nodes, unsolicited. */
export function neighborAdvertisement(message: {
  readonly sourceMac: MacLike;
  readonly source: AddressLike;
  readonly target: AddressLike;
  readonly destination?: { readonly mac: MacLike; readonly address: AddressLike };
  readonly router: boolean;
  readonly solicited: boolean;
  readonly override: boolean;
}): Uint8Array<ArrayBuffer> {
  const { sourceMac, source, target, destination } = message;
  const flags =
    (message.router ? ndp.NeighborFlag.Router : 0) |
    (message.solicited ? ndp.NeighborFlag.Solicited : 0) |
    (message.override ? ndp.NeighborFlag.Override : 0);
  return discovery(
    sourceMac,
    source,
    destination?.mac ?? multicastMacOf(ALL_NODES.words),
    destination?.address ?? ALL_NODES,
    Type.NeighborAdvertisement,
    flags << 24,
    neighbor(target, ndp.Option.TargetLinkLayer, sourceMac),
  );
}

export function routerSolicitation(message: {
  readonly sourceMac: MacLike;
  readonly source: AddressLike;
}): Uint8Array<ArrayBuffer> {
  const { sourceMac, source } = message;
  const anonymous = toWords(source).every((word) => word === 0);
  const payload = new Uint8Array(anonymous ? 0 : ndp.LINK_LAYER_LENGTH);
  if (!anonymous) ndp.buildLinkLayer(new DataView(payload.buffer), 0, ndp.Option.SourceLinkLayer, toMac(sourceMac));
  return discovery(
    sourceMac,
    source,
    multicastMacOf(ALL_ROUTERS.words),
    ALL_ROUTERS,
    Type.RouterSolicitation,
    0,
    payload,
  );
}

export interface RouterAdvertisement {
  readonly sourceMac: MacLike;
  /** The link-local address of the interface (RFC 4861, section 4.2). */
  readonly source: AddressLike;
  /** All nodes, if absent. */
  readonly destination?: { readonly mac: MacLike; readonly address: AddressLike };
  /** Hop limit for hosts to use; 64 if absent. */
  readonly hopLimit?: number;
  readonly managed?: boolean;
  readonly other?: boolean;
  /** Seconds for which we are a default router; 0: not one. */
  readonly lifetime: number;
  /** Milliseconds; 0 or absent: as hosts think best. */
  readonly reachableTime?: number;
  readonly retransmitTimer?: number;
  readonly mtu?: number;
  readonly prefixes: readonly AdvertisedPrefix[];
}

/** Lifetimes in seconds, 0xffffffff for ever; absent ones are the defaults of RFC 4861, section 6.2.1: 30 and 7 days. */
export interface AdvertisedPrefix {
  readonly prefix: AddressLike;
  readonly length: number;
  readonly onLink?: boolean;
  readonly autonomous?: boolean;
  readonly validLifetime?: number;
  readonly preferredLifetime?: number;
}

export function routerAdvertisement(message: RouterAdvertisement): Uint8Array<ArrayBuffer> {
  const { sourceMac, source, destination, prefixes, mtu, hopLimit = 64 } = message;
  const options =
    ndp.LINK_LAYER_LENGTH + (mtu === undefined ? 0 : ndp.MTU_LENGTH) + prefixes.length * ndp.PREFIX_LENGTH;
  const payload = new Uint8Array(8 + options);
  const bytes = new DataView(payload.buffer);
  bytes.setUint32(0, message.reachableTime ?? 0);
  bytes.setUint32(4, message.retransmitTimer ?? 0);
  let at = ndp.buildLinkLayer(bytes, 8, ndp.Option.SourceLinkLayer, toMac(sourceMac));
  if (mtu !== undefined) at = ndp.buildMtu(bytes, at, mtu);
  for (const entry of prefixes) {
    const { length, onLink = true, autonomous = true, validLifetime = 2_592_000, preferredLifetime = 604_800 } = entry;
    const flags = (onLink ? ndp.PrefixFlag.OnLink : 0) | (autonomous ? ndp.PrefixFlag.Autonomous : 0);
    at = ndp.buildPrefix(bytes, at, toWords(entry.prefix), length, flags, validLifetime, preferredLifetime);
  }
  const flags =
    (message.managed === true ? ndp.RouterFlag.Managed : 0) | (message.other === true ? ndp.RouterFlag.Other : 0);
  return discovery(
    sourceMac,
    source,
    destination?.mac ?? multicastMacOf(ALL_NODES.words),
    destination?.address ?? ALL_NODES,
    Type.RouterAdvertisement,
    (hopLimit << 24) | (flags << 16) | message.lifetime,
    payload,
  );
}

/** Target address and, unless `mac` is null, one link-layer option. */
function neighbor(target: AddressLike, option: number, mac: MacLike | null): Uint8Array {
  const payload = new Uint8Array(16 + (mac === null ? 0 : ndp.LINK_LAYER_LENGTH));
  const bytes = new DataView(payload.buffer);
  toWords(target).forEach((word, i) => {
    bytes.setUint32(i * 4, word);
  });
  if (mac !== null) ndp.buildLinkLayer(bytes, 16, option, toMac(mac));
  return payload;
}

function discovery(
  sourceMac: MacLike,
  source: AddressLike,
  destinationMac: MacLike,
  destination: AddressLike,
  type: number,
  rest: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return frame({
    ethernet: { destination: destinationMac, source: sourceMac },
    ipv6: { source, destination, hopLimit: ndp.HOP_LIMIT },
    icmp: { type, rest },
    payload,
  });
}
