import { Kind } from '../../frame/batch.ts';
import * as arp from '../../wire/arp.ts';
import { Edit } from './edit-code.ts';
import type { Headers } from './headers.ts';

/** Fields of ARP packets, which have no checksum. @param offset in the packet */
export function setArp16(h: Headers, offset: number, value: number): Edit {
  if (!hasArp(h)) return Edit.Absent;
  h.bytes.setUint16(h.l3 + offset, value);
  return Edit.Done;
}

export function setArpAddress(h: Headers, offset: number, address: number): Edit {
  if (!hasArp(h)) return Edit.Absent;
  h.bytes.setInt32(h.l3 + offset, address);
  return Edit.Done;
}

export function setArpMac(h: Headers, offset: number, high: number, low: number): Edit {
  if (!hasArp(h)) return Edit.Absent;
  h.bytes.setUint16(h.l3 + offset, high);
  h.bytes.setInt32(h.l3 + offset + 2, low);
  return Edit.Done;
}

function hasArp(h: Headers): boolean {
  return h.kind === Kind.Arp && arp.check(h.bytes, h.l3, h.end);
}
