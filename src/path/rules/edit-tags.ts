import type { Batch } from '../../frame/batch.ts';
import { VNET_SIZE } from '../../frame/layout.ts';
import type { Pool } from '../../frame/pool.ts';
import * as mpls from '../../wire/mpls.ts';
import * as pbb from '../../wire/pbb.ts';
import * as vlan from '../../wire/vlan.ts';
import { Edit } from './edit-code.ts';
import { ttlOfPacket } from './edit-ttl.ts';
import type { Headers } from './headers.ts';

/**
 * Pushing and popping: what lies before the place moves into the head-room or out of it, and nothing behind it does, so that
 * the positions of the packet, and of its partial checksum, stay. New headers take the values of those that were outermost before (1.3.5,
 * section 5.12.1, table 7). A VLAN tag and an I-TAG go to the very front; a label goes behind the VLAN tags, since a switch that is
 * no LSR must still see them, and since Open vSwitch has it so (the specification would hide them behind the label).
 */

const MAC_PAIR = 12;

/** Whether so many bytes fit between the frame and the place of the virtio-net header. */
function hasRoom(pool: Pool, batch: Batch, i: number, length: number): boolean {
  return batch.start[i] - length - VNET_SIZE >= pool.position(batch.head[i]);
}

/** Makes room of `length` bytes before `place`, by moving what lies before it; or, negative, takes that many bytes away. */
function shift(pool: Pool, batch: Batch, i: number, place: number, length: number): void {
  const { octets } = pool;
  const at = batch.start[i];
  if (length > 0) for (let p = at; p < place; p++) octets[p - length] = octets[p];
  else for (let p = place + length - 1; p >= at; p--) octets[p - length] = octets[p];
  batch.start[i] = at - length;
  batch.headLength[i] += length;
}

/** VID and priority are those of the tag that was outermost, or 0. */
export function pushVlan(pool: Pool, batch: Batch, i: number, tpid: number): Edit {
  if (!hasRoom(pool, batch, i, vlan.TAG_LENGTH)) return Edit.NoRoom;
  const tci = batch.tagged[i] === 1 ? vlan.tci(pool.bytes, batch.start[i]) & 0xefff : 0;
  batch.start[i] = vlan.pushTag(pool.bytes, batch.start[i], tpid, tci);
  batch.headLength[i] += vlan.TAG_LENGTH;
  return Edit.Done;
}

export function popVlan(pool: Pool, batch: Batch, i: number): Edit {
  if (batch.tagged[i] === 0) return Edit.Absent;
  batch.start[i] = vlan.popTag(pool.bytes, batch.start[i]);
  batch.headLength[i] -= vlan.TAG_LENGTH;
  return Edit.Done;
}

/** Label, traffic class and TTL are those of the label that was outermost; else the TTL is the packet's, and the others are 0. */
export function pushMpls(pool: Pool, batch: Batch, i: number, h: Headers, type: number): Edit {
  if (!hasRoom(pool, batch, i, mpls.ENTRY_LENGTH)) return Edit.NoRoom;
  const { bytes, l3 } = h;
  const hasLabel = mpls.isMpls(h.type) && mpls.check(bytes, l3, h.end);
  const entry = hasLabel ? mpls.entry(bytes, l3) & ~0x100 : mpls.makeEntry(0, 0, 1, ttlOfPacket(h));
  shift(pool, batch, i, l3, mpls.ENTRY_LENGTH);
  bytes.setUint16(l3 - mpls.ENTRY_LENGTH - 2, type);
  mpls.setEntry(bytes, l3 - mpls.ENTRY_LENGTH, entry);
  return Edit.Done;
}

export function popMpls(pool: Pool, batch: Batch, i: number, h: Headers, type: number): Edit {
  const { bytes, l3 } = h;
  if (!mpls.isMpls(h.type) || !mpls.check(bytes, l3, h.end)) return Edit.Absent;
  const place = l3 + mpls.ENTRY_LENGTH;
  shift(pool, batch, i, place, -mpls.ENTRY_LENGTH);
  bytes.setUint16(place - 2, type);
  return Edit.Done;
}

/** The backbone's MACs are the customer's, the I-SID that of an I-TAG that was outermost, the priority that of the VLAN tag; else 0. */
export function pushPbb(pool: Pool, batch: Batch, i: number, h: Headers, type: number): Edit {
  if (!hasRoom(pool, batch, i, pbb.HEADER_LENGTH)) return Edit.NoRoom;
  const { bytes } = h;
  const at = batch.start[i];
  const hasTag = h.type === type && pbb.check(bytes, h.l3, h.end);
  const isid = hasTag ? pbb.isid(bytes, h.l3) : 0;
  const priority = batch.tagged[i] === 1 ? vlan.pcp(vlan.tci(bytes, at)) : 0;
  const start = at - pbb.HEADER_LENGTH;
  for (let p = 0; p < MAC_PAIR; p++) pool.octets[start + p] = pool.octets[at + p];
  bytes.setUint16(start + MAC_PAIR, type);
  pbb.setControl(bytes, start + MAC_PAIR + 2, priority, isid);
  batch.start[i] = start;
  batch.headLength[i] += pbb.HEADER_LENGTH;
  return Edit.Done;
}

/** The customer's MACs become the frame's; VLAN tags before the I-TAG (B-TAGs) stay (1.3.5, section 7.2.5). */
export function popPbb(pool: Pool, batch: Batch, i: number, h: Headers, type: number): Edit {
  const { bytes, l3 } = h;
  if (h.type !== type || h.end - l3 < pbb.TAG_LENGTH) return Edit.Absent;
  const first = bytes.getInt32(l3 + pbb.Offset.Destination);
  const second = bytes.getInt32(l3 + pbb.Offset.Destination + 4);
  const third = bytes.getInt32(l3 + pbb.Offset.Destination + 8);
  // The tags end where the I-TAG's EtherType begins; the customer's EtherType comes to lie behind them.
  shift(pool, batch, i, l3 + pbb.Offset.Type, -pbb.HEADER_LENGTH);
  const start = batch.start[i];
  bytes.setInt32(start, first);
  bytes.setInt32(start + 4, second);
  bytes.setInt32(start + 8, third);
  return Edit.Done;
}
