/**
 * MPLS label stack entry: label (20 bits), traffic class (3), bottom of stack (1), TTL (8). Source: RFC 3032, section 2.1;
 * RFC 5462. Offsets count from the entry; the outermost one lies behind the EtherType 0x8847 or 0x8848.
 */
import { EtherType } from './ethernet.ts';

export const Offset = { Entry: 0, Ttl: 3 } as const;

export const ENTRY_LENGTH = 4;

const TRAFFIC_CLASS = 0xe00;
const BOTTOM = 0x100;

/** Whether a whole entry lies at `at`. */
export function check(_bytes: DataView, at: number, end: number): boolean {
  return end - at >= ENTRY_LENGTH;
}

export function isMpls(type: number): boolean {
  return type === EtherType.Mpls || type === EtherType.MplsMulticast;
}

/** The whole entry, signed. */
export function entry(bytes: DataView, at: number): number {
  return bytes.getInt32(at);
}

export function label(bytes: DataView, at: number): number {
  return bytes.getInt32(at) >>> 12;
}

export function trafficClass(bytes: DataView, at: number): number {
  return (bytes.getInt32(at) & TRAFFIC_CLASS) >> 9;
}

/** Whether what lies behind the entry is the packet. */
export function isBottom(bytes: DataView, at: number): boolean {
  return (bytes.getInt32(at) & BOTTOM) !== 0;
}

export function ttl(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.Ttl);
}

export function setEntry(bytes: DataView, at: number, entry: number): void {
  bytes.setInt32(at, entry);
}

export function setLabel(bytes: DataView, at: number, label: number): void {
  bytes.setInt32(at, (bytes.getInt32(at) & 0xfff) | (label << 12));
}

export function setTrafficClass(bytes: DataView, at: number, value: number): void {
  bytes.setInt32(at, (bytes.getInt32(at) & ~TRAFFIC_CLASS) | (value << 9));
}

export function setBottom(bytes: DataView, at: number, bottom: number): void {
  bytes.setInt32(at, (bytes.getInt32(at) & ~BOTTOM) | (bottom << 8));
}

export function setTtl(bytes: DataView, at: number, ttl: number): void {
  bytes.setUint8(at + Offset.Ttl, ttl);
}

/** @returns the word of an entry */
export function makeEntry(label: number, trafficClass: number, bottom: number, ttl: number): number {
  return (label << 12) | (trafficClass << 9) | (bottom << 8) | ttl;
}
