import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { join, replace, sum } from '../wire/checksum.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { Gso } from '../wire/vnet.ts';
import type { Pieces } from './pieces.ts';

/** What only the last segment may say, and what only the first may. */
const LAST = tcp.Flag.Fin | tcp.Flag.Push;
const FIRST = tcp.Flag.WindowReduced;

/**
 * Completes a partial checksum: adds the sum from `at` to the end of the frame to the pseudo-header sum that stands in the field.
 * The frame's end is where the sum ends for Linux, too (skb_checksum_help, net/core/dev.c), which also writes 0 as 0xffff for
 * any protocol: in one's complement both are zero, and in UDP 0 says «none».
 * @param at absolute position of `csumStart` in a head that nobody shares @param end absolute, of the frame in the head
 */
export function completeChecksum(
  bytes: DataView,
  at: number,
  offset: number,
  end: number,
  bodyStart: number,
  bodyLength: number,
): void {
  let total = sum(bytes, at, end);
  if (bodyLength > 0) total = join(total, end - at, sum(bytes, bodyStart, bodyStart + bodyLength));
  bytes.setUint16(at + offset, total === 0xffff ? 0xffff : ~total);
}

/**
 * Cuts super-frames of TCP and UDP into packets of `gsoSize` payload bytes, for ways out that cannot carry them whole. The frame has
 * passed the offload check, so its headers lie in the head and fit its type, and any VLAN tags before them come along.
 *
 * IPv4 identifications count up; TCP sequence numbers go on; FIN and PSH are left to the last segment and CWR to the first
 * (RFC 3168, section 6.1.2). The pseudo-header sum in the frame is that of the whole length: it is patched to each segment's length,
 * not made anew, so that it is also right where the destination is not that of the header (IPv6 routing headers).
 * Source: linux net/ipv4/tcp_offload.c, tcp_gso_segment; udp_offload.c, __udp_gso_segment; af_inet.c, inet_gso_segment.
 */
export class Segmenter {
  readonly #pool: Pool;
  readonly #pieces: Pieces;

  /** @param pieces where the segments are put */
  constructor(pool: Pool, pieces: Pieces) {
    this.#pool = pool;
    this.#pieces = pieces;
  }

  /**
   * Cuts frame i as it lies in the head of an output (with the layout of the frame's own head). Output and frame keep their references.
   * @returns segments that the frame takes; fewer are in `pieces` when heads ran out
   */
  cut(batch: Batch, i: number, head: number, start: number, headLength: number): number {
    const pool = this.#pool;
    const pieces = this.#pieces;
    const { bytes } = pool;
    const shift = pool.position(head) - pool.position(batch.head[i]);
    const l3 = batch.l3[i] + shift;
    const l4 = batch.l4[i] + shift;
    const offset = batch.csumOffset[i];
    const size = batch.gsoSize[i];
    const isTcp = batch.gsoType[i] !== Gso.UdpL4;
    // By the header, not by kind: to a tunnel what lies behind a customer's tag is no packet.
    const isV4 = bytes.getUint8(l3) >> 4 === 4;
    const header = isTcp ? tcp.headerLength(bytes, l4) : udp.HEADER_LENGTH;
    const data = l4 + header;
    const payload = start + headLength + batch.bodyLength[i] - data;
    const segments = ((payload + size - 1) / size) | 0;
    const partial = bytes.getUint16(l4 + offset);
    const whole = header + payload;
    const sequence = isTcp ? tcp.sequence(bytes, l4) : 0;
    const flags = isTcp ? tcp.flags(bytes, l4) : 0;
    const identification = ipv4.identification(bytes, l3);
    pieces.open(head, start, headLength, batch.body[i], batch.bodyStart[i], data);
    for (let k = 0; k < segments; k++) {
      const from = k * size;
      const length = k === segments - 1 ? payload - from : size;
      const move = pieces.begin();
      if (move === 0) return segments;
      const inHead = pieces.finish(data + move, from, length);
      const ip = l3 + move;
      const transport = l4 + move;
      if (isV4) {
        ipv4.setTotalLength(bytes, ip, data + length - l3);
        ipv4.setIdentification(bytes, ip, (identification + k) & 0xffff);
        ipv4.writeChecksum(bytes, ip);
      } else {
        ipv6.setPayloadLength(bytes, ip, data + length - l3 - ipv6.HEADER_LENGTH);
      }
      if (isTcp) {
        tcp.setSequence(bytes, transport, (sequence + from) | 0);
        let now = flags;
        if (k !== segments - 1) now &= ~LAST;
        if (k !== 0) now &= ~FIRST;
        tcp.setFlags(bytes, transport, now);
      } else {
        udp.setLength(bytes, transport, header + length);
      }
      bytes.setUint16(transport + offset, replace(partial, whole, header + length));
      completeChecksum(bytes, transport, offset, data + move + inHead, pieces.bodyStart[k], pieces.bodyLength[k]);
    }
    return segments;
  }
}
