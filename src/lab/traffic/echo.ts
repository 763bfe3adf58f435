import { writeFileSync } from 'node:fs';

/** ICMP echo through datagram sockets (icmp(7)): the kernel sets identifier and checksum. Source: RFC 792; RFC 4443, section 4.1. */
const REQUEST = { 4: 8, 6: 128 } as const;
const REPLY = { 4: 0, 6: 129 } as const;
const LENGTH = 64;
/** Groups of the namespace that may open such sockets; it counts for IPv6 too. */
const GROUPS = '/proc/sys/net/ipv4/ping_group_range';

export function echoRequest(family: 4 | 6, sequence: number): Uint8Array {
  const message = new Uint8Array(LENGTH);
  message[0] = REQUEST[family];
  message[6] = sequence >> 8;
  message[7] = sequence;
  return message;
}

export function isEchoReply(message: Uint8Array, family: 4 | 6, sequence: number): boolean {
  return message[0] === REPLY[family] && message[6] * 256 + message[7] === (sequence & 0xffff);
}

/** Lets everybody in the calling thread's namespace send echo requests. @returns false where /proc/sys cannot be written (a container) */
export function allowEcho(): boolean {
  try {
    writeFileSync(GROUPS, '0 2147483647');
    return true;
  } catch {
    return false;
  }
}
