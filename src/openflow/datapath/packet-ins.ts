import { Ring } from '../../frame/ring.ts';
import { PacketInRecord, type RulesImage } from '../../path/rules/log.ts';
import type { PacketInEvent } from './datapath.ts';

/** Reads the frames that workers send to controllers. */
export class PacketInReader {
  readonly #rings: readonly Ring[];

  constructor(image: RulesImage) {
    this.#rings = image.workers.map(({ packetIns }) => new Ring(packetIns));
  }

  /**
   * @param most so many of each worker
   * @returns whether there are more
   */
  read(most: number, take: (event: PacketInEvent) => void): boolean {
    let more = false;
    for (const ring of this.#rings) {
      for (let k = 0; k < most; k++) {
        const at = ring.peek();
        if (at < 0) break;
        take(recordAt(ring, at));
        ring.pop();
      }
      more ||= !ring.empty;
    }
    return more;
  }
}

function recordAt({ bytes, octets }: Ring, at: number): PacketInEvent {
  const word = (offset: number) => bytes.getInt32(at + offset, true);
  const wide = (high: number, low: number) => (BigInt(word(high) >>> 0) << 32n) | BigInt(word(low) >>> 0);
  const from = at + PacketInRecord.Frame;
  return {
    reason: word(PacketInRecord.Reason),
    table: word(PacketInRecord.Table),
    cookie: wide(PacketInRecord.CookieHigh, PacketInRecord.CookieLow),
    inPort: word(PacketInRecord.InPort) >>> 0,
    metadata: wide(PacketInRecord.MetadataHigh, PacketInRecord.MetadataLow),
    tunnelId: wide(PacketInRecord.TunnelHigh, PacketInRecord.TunnelLow),
    maxLength: word(PacketInRecord.MaxLength),
    // Its place in the ring is used again.
    frame: Uint8Array.from(octets.subarray(from, from + word(PacketInRecord.Length))),
  };
}
