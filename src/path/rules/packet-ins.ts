import type { Batch } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Ring } from '../../frame/ring.ts';
import { Pieces } from '../pieces.ts';
import type { Punter } from '../punter.ts';
import { completeChecksum, Segmenter } from '../segment.ts';
import { KeyWord } from './layout.ts';
import { PacketInRecord } from './log.ts';

/**
 * Copies frames for controllers into the ring to the control side. Controllers know nothing of offloads: partial checksums are
 * completed in the copy, and a super-frame goes as the packets that it stands for.
 */
export class PacketIns {
  readonly #pool: Pool;
  readonly #ring: Ring;
  readonly #punter: Punter;
  readonly #pieces: Pieces;
  readonly #segmenter: Segmenter;
  /** What is said of the frame besides: set before `write`. */
  reason = 0;
  table = 0;
  cookieHigh = 0;
  cookieLow = 0;

  /** @param punter is told that the control side has something to look at */
  constructor(pool: Pool, memory: SharedArrayBuffer, punter: Punter, tenant: number) {
    this.#pool = pool;
    this.#ring = new Ring(memory);
    this.#punter = punter;
    this.#pieces = new Pieces(pool, tenant);
    this.#segmenter = new Segmenter(pool, this.#pieces);
  }

  /**
   * @param key flow key, for the port and the pipeline's fields @param most bytes that the action asks for
   * @returns false: there is no room in the ring
   */
  write(batch: Batch, i: number, key: Int32Array, most: number): boolean {
    this.#punter.rang = true;
    if (batch.gsoType[i] !== 0) return this.#packets(batch, i, key, most);
    const { start, headLength, body, bodyStart, bodyLength, csumStart, csumOffset } = batch;
    const inBody = body[i] < 0 ? 0 : bodyLength[i];
    const at = this.#copy(key, most, start[i], headLength[i], bodyStart[i], inBody);
    if (at < 0) return false;
    if (csumStart[i] >= 0) {
      const from = at + csumStart[i] - start[i];
      completeChecksum(this.#ring.bytes, from, csumOffset[i], at + headLength[i] + inBody, 0, 0);
    }
    this.#ring.commit();
    return true;
  }

  /** All packets of a super-frame, or as many as there is room for. */
  #packets(batch: Batch, i: number, key: Int32Array, most: number): boolean {
    const pieces = this.#pieces;
    const pool = this.#pool;
    this.#segmenter.cut(batch, i, batch.head[i], batch.start[i], batch.headLength[i]);
    let written = 0;
    for (let k = 0; k < pieces.count; k++) {
      const { head, start, headLength, body, bodyStart, bodyLength } = pieces;
      if (written === k && this.#copy(key, most, start[k], headLength[k], bodyStart[k], bodyLength[k]) >= 0) {
        this.#ring.commit();
        written++;
      }
      pool.release(head[k]);
      pool.release(body[k]);
    }
    return written > 0;
  }

  /** Writes a record, not yet committed. @returns where the frame lies in the ring, -1: no room */
  #copy(key: Int32Array, most: number, start: number, inHead: number, bodyStart: number, inBody: number): number {
    const length = inHead + inBody;
    const at = this.#ring.reserve(PacketInRecord.Frame + length);
    if (at < 0) return -1;
    const { bytes, octets } = this.#ring;
    bytes.setInt32(at + PacketInRecord.Reason, this.reason, true);
    bytes.setInt32(at + PacketInRecord.Table, this.table, true);
    bytes.setInt32(at + PacketInRecord.CookieHigh, this.cookieHigh, true);
    bytes.setInt32(at + PacketInRecord.CookieLow, this.cookieLow, true);
    bytes.setInt32(at + PacketInRecord.InPort, key[KeyWord.InPort], true);
    bytes.setInt32(at + PacketInRecord.MetadataHigh, key[KeyWord.MetadataHigh], true);
    bytes.setInt32(at + PacketInRecord.MetadataLow, key[KeyWord.MetadataLow], true);
    bytes.setInt32(at + PacketInRecord.TunnelHigh, key[KeyWord.TunnelHigh], true);
    bytes.setInt32(at + PacketInRecord.TunnelLow, key[KeyWord.TunnelLow], true);
    bytes.setInt32(at + PacketInRecord.MaxLength, most, true);
    bytes.setInt32(at + PacketInRecord.Length, length, true);
    const to = at + PacketInRecord.Frame;
    const from = this.#pool.octets;
    for (let k = 0; k < inHead; k++) octets[to + k] = from[start + k];
    const behind = to + inHead;
    for (let k = 0; k < inBody; k++) octets[behind + k] = from[bodyStart + k];
    return to;
  }
}
