/**
 * Neighbour discovery: router and neighbour solicitations and advertisements, each an ICMPv6 message followed by options of
 * type, length in units of 8 bytes, data. Source: RFC 4861, section 4. Offsets count from the ICMPv6 header.
 */
import type { Mac } from './ethernet.ts';
import { Type } from './icmpv6.ts';

export const Offset = {
  /** Solicitation and advertisement of a neighbour. */
  NeighborFlags: 4,
  Target: 8,
  NeighborOptions: 24,
  RouterSolicitationOptions: 8,
  /** Advertisement of a router. */
  HopLimit: 4,
  RouterFlags: 5,
  Lifetime: 6,
  ReachableTime: 8,
  RetransmitTimer: 12,
  RouterOptions: 16,
} as const;

/** First byte of a neighbour advertisement's flags. */
export const NeighborFlag = { Router: 0x80, Solicited: 0x40, Override: 0x20 } as const;

/** A router advertisement's flags: addresses, or other things, are to be had by DHCPv6. */
export const RouterFlag = { Managed: 0x80, Other: 0x40 } as const;

export const Option = { SourceLinkLayer: 1, TargetLinkLayer: 2, Prefix: 3, Redirected: 4, Mtu: 5 } as const;
export type Option = (typeof Option)[keyof typeof Option];

/** Lengths in bytes of the options that we build. */
export const LINK_LAYER_LENGTH = 8;
export const PREFIX_LENGTH = 32;
export const MTU_LENGTH = 8;

/** Flags of a prefix information option (RFC 4861, section 4.6.2). */
export const PrefixFlag = { OnLink: 0x80, Autonomous: 0x40 } as const;

/** Every message comes with this hop limit, which no router can have passed on. */
export const HOP_LIMIT = 255;

/** Bytes before the options of a message of that type, or 0 if it is not one of the four. */
export function fixedLength(type: number): number {
  switch (type) {
    case Type.RouterSolicitation:
      return Offset.RouterSolicitationOptions;
    case Type.RouterAdvertisement:
      return Offset.RouterOptions;
    case Type.NeighborSolicitation:
    case Type.NeighborAdvertisement:
      return Offset.NeighborOptions;
    default:
      return 0;
  }
}

/**
 * Whether one of the four messages lies at `at`, code 0, its options filling it exactly to `end`, none of length 0. The hop
 * limit, the checksum and the addresses are for the caller (RFC 4861, sections 6.1 and 7.1).
 */
export function check(bytes: DataView, at: number, end: number): boolean {
  if (end - at < 8 || bytes.getUint8(at + 1) !== 0) return false;
  const fixed = fixedLength(bytes.getUint8(at));
  if (fixed === 0 || end - at < fixed) return false;
  let position = at + fixed;
  while (end - position >= 8) {
    const length = bytes.getUint8(position + 1) << 3;
    if (length === 0 || length > end - position) return false;
    position += length;
  }
  return position === end;
}

/** Word 0..3 of the target address of a neighbour message; signed. */
export function target(bytes: DataView, at: number, word: number): number {
  return bytes.getInt32(at + Offset.Target + (word << 2));
}

/** See `NeighborFlag`. */
export function neighborFlags(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.NeighborFlags);
}

/** See `RouterFlag`. */
export function routerFlags(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.RouterFlags);
}

export function routerHopLimit(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.HopLimit);
}

/** Seconds for which the sender is a default router; 0: it is none. */
export function routerLifetime(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Lifetime);
}

/** @returns offset of the first option of that type in a message that has passed `check`, or -1 */
export function findOption(bytes: DataView, at: number, end: number, type: number): number {
  for (let position = at + fixedLength(bytes.getUint8(at)); end - position >= 8; ) {
    if (bytes.getUint8(position) === type) return position;
    position += bytes.getUint8(position + 1) << 3;
  }
  return -1;
}

/** First 16 bits of the MAC of a link-layer option at `option`. */
export function linkLayerHigh(bytes: DataView, option: number): number {
  return bytes.getUint16(option + 2);
}

export function linkLayerLow(bytes: DataView, option: number): number {
  return bytes.getInt32(option + 4);
}

/** Of an MTU option; signed 32 bits. */
export function mtu(bytes: DataView, option: number): number {
  return bytes.getInt32(option + 4);
}

/** Of a prefix option. */
export function prefixLength(bytes: DataView, option: number): number {
  return bytes.getUint8(option + 2);
}

/** Word 0..3 of the prefix; signed. */
export function prefix(bytes: DataView, option: number, word: number): number {
  return bytes.getInt32(option + 16 + (word << 2));
}

/** Writes a source or target link-layer option. @returns offset behind it */
export function buildLinkLayer(bytes: DataView, at: number, type: number, mac: Mac): number {
  bytes.setUint8(at, type);
  bytes.setUint8(at + 1, 1);
  bytes.setUint16(at + 2, mac.high);
  bytes.setInt32(at + 4, mac.low);
  return at + LINK_LAYER_LENGTH;
}

export function buildMtu(bytes: DataView, at: number, mtu: number): number {
  bytes.setUint8(at, Option.Mtu);
  bytes.setUint8(at + 1, 1);
  bytes.setUint16(at + 2, 0);
  bytes.setInt32(at + 4, mtu);
  return at + MTU_LENGTH;
}

/**
 * Writes a prefix information option.
 * @param flags see `PrefixFlag` @param valid @param preferred lifetimes in seconds, 0xffffffff for ever
 */
export function buildPrefix(
  bytes: DataView,
  at: number,
  words: readonly number[],
  length: number,
  flags: number,
  valid: number,
  preferred: number,
): number {
  bytes.setUint8(at, Option.Prefix);
  bytes.setUint8(at + 1, 4);
  bytes.setUint8(at + 2, length);
  bytes.setUint8(at + 3, flags);
  bytes.setUint32(at + 4, valid);
  bytes.setUint32(at + 8, preferred);
  bytes.setInt32(at + 12, 0);
  words.forEach((word, i) => {
    bytes.setInt32(at + 16 + i * 4, word);
  });
  return at + PREFIX_LENGTH;
}
