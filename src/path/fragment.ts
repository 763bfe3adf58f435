import type { Pool } from '../frame/pool.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { copyForFragment } from '../wire/ipv4-options.ts';
import type { Pieces } from './pieces.ts';

const { More, Offset } = ipv4.Fragment;
const LONGEST_DATAGRAM = 65535;

/**
 * Cuts IPv4 packets that are longer than the next link's MTU into fragments. The first keeps all options, the others those whose
 * copied flag is set; a packet that is a fragment itself goes on from its own offset, and its last piece keeps its own
 * more-fragments flag. Bytes behind the IP packet (padding of short frames) are left out.
 * Source: RFC 791, sections 2.3 and 3.2; RFC 1812, section 5.2.3.
 */
export class Fragmenter {
  readonly #pool: Pool;
  readonly #pieces: Pieces;

  /** @param pieces where the fragments are put */
  constructor(pool: Pool, pieces: Pieces) {
    this.#pool = pool;
    this.#pieces = pieces;
  }

  /**
   * Cuts one frame, which keeps its references. Its transport checksum is complete, and it may be fragmented (no DF).
   * @param l3 absolute position of the IPv4 header, whose lengths have been found to agree with the frame
   * @param limit longest fragment, IP header included, bytes
   * @returns fragments that the packet takes, 0 when the limit leaves no room for data, or asks for too many; fewer are in
   * `pieces` when heads ran out
   */
  cut(
    head: number,
    start: number,
    headLength: number,
    body: number,
    bodyStart: number,
    l3: number,
    limit: number,
  ): number {
    const { bytes } = this.#pool;
    const pieces = this.#pieces;
    const header = ipv4.headerLength(bytes, l3);
    const field = ipv4.fragmentField(bytes, l3);
    const data = ipv4.totalLength(bytes, l3) - header;
    // All but the last hold a multiple of 8 bytes. Later headers may be shorter than the first: their room is not used.
    const room = (limit - header) & ~7;
    pieces.open(head, start, headLength, body, bodyStart, l3 + header);
    if (room < 8) return 0;
    const fragments = ((data + room - 1) / room) | 0;
    const firstOffset = field & Offset;
    // A fragment that reaches beyond the longest datagram would carry its offset into the flags.
    if (fragments > pieces.capacity || (firstOffset << 3) + data > LONGEST_DATAGRAM) return 0;
    const upper = field & ~Offset;
    for (let k = 0; k < fragments; k++) {
      const from = k * room;
      const last = k === fragments - 1;
      const length = last ? data - from : room;
      const move = pieces.begin();
      if (move === 0) return fragments;
      const ip = l3 + move;
      let ownHeader = header;
      if (k > 0 && header > ipv4.HEADER_LENGTH) {
        ownHeader = copyForFragment(bytes, l3, ip);
        bytes.setUint8(ip, 0x40 | (ownHeader >> 2));
      }
      pieces.finish(ip + ownHeader, from, length);
      ipv4.setTotalLength(bytes, ip, ownHeader + length);
      ipv4.setFragmentField(bytes, ip, (last ? upper : upper | More) | (firstOffset + (from >> 3)));
      ipv4.writeChecksum(bytes, ip);
    }
    return fragments;
  }
}
