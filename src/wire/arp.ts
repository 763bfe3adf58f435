/** ARP for IPv4 over Ethernet. Source: RFC 826; address conflict detection RFC 5227. */
import type { Mac } from './ethernet.ts';

export const Offset = {
  HardwareType: 0,
  ProtocolType: 2,
  HardwareLength: 4,
  ProtocolLength: 5,
  Operation: 6,
  SenderMac: 8,
  SenderAddress: 14,
  TargetMac: 18,
  TargetAddress: 24,
} as const;

export const PACKET_LENGTH = 28;

export const Operation = { Request: 1, Reply: 2 } as const;
export type Operation = (typeof Operation)[keyof typeof Operation];

/** Hardware type 1 (Ethernet) and protocol type 0x0800 (IPv4) as one word. */
const ETHERNET_IPV4 = 0x0001_0800;

/** Whether a whole ARP packet for IPv4 over Ethernet lies at `at`. */
export function check(bytes: DataView, at: number, end: number): boolean {
  return end - at >= PACKET_LENGTH && bytes.getInt32(at) === ETHERNET_IPV4 && bytes.getUint16(at + 4) === 0x0604;
}

export function operation(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Operation);
}

export function senderMacHigh(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.SenderMac);
}

export function senderMacLow(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.SenderMac + 2);
}

/** 0 in a probe (RFC 5227, section 1.1). */
export function senderAddress(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.SenderAddress);
}

export function targetMacHigh(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.TargetMac);
}

export function targetMacLow(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.TargetMac + 2);
}

export function targetAddress(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.TargetAddress);
}

export function setSender(bytes: DataView, at: number, high: number, low: number, address: number): void {
  bytes.setUint16(at + Offset.SenderMac, high);
  bytes.setInt32(at + Offset.SenderMac + 2, low);
  bytes.setInt32(at + Offset.SenderAddress, address);
}

export function setTarget(bytes: DataView, at: number, high: number, low: number, address: number): void {
  bytes.setUint16(at + Offset.TargetMac, high);
  bytes.setInt32(at + Offset.TargetMac + 2, low);
  bytes.setInt32(at + Offset.TargetAddress, address);
}

/** Writes a whole packet. @returns offset behind it */
export function build(
  bytes: DataView,
  at: number,
  operation: number,
  senderMac: Mac,
  senderAddress: number,
  targetMac: Mac,
  targetAddress: number,
): number {
  bytes.setInt32(at, ETHERNET_IPV4);
  bytes.setUint16(at + Offset.HardwareLength, 0x0604);
  bytes.setUint16(at + Offset.Operation, operation);
  setSender(bytes, at, senderMac.high, senderMac.low, senderAddress);
  setTarget(bytes, at, targetMac.high, targetMac.low, targetAddress);
  return at + PACKET_LENGTH;
}
