import { TokenBucket } from '../../table/token-bucket.ts';
import { encode } from '../codec/codec.ts';
import { PacketInReason } from '../codec/messages.ts';
import type { PacketInEvent } from '../datapath/datapath.ts';
import { type FieldName, fieldNamed } from '../fields.ts';
import { type FieldMatch, NO_BUFFER } from '../model.ts';
import type { ChannelLimits } from './options.ts';
import type { PacketBuffers } from './packet-buffers.ts';
import type { Session } from './session.ts';

/** OFPCML_NO_BUFFER: all of the frame, and no buffer. */
const WHOLE = 0xffff;
/** So many bytes of a frame fit into a message, whose length has 16 bits. */
const MOST_DATA = 0xff00;

/** Sends frames to controllers: no more than the rate, as much of each as was asked for, to whoever wants them and reads fast enough. */
export class PacketIns {
  readonly dropped = { nobody: 0, rate: 0, slow: 0 };
  readonly #buffers: PacketBuffers;
  readonly #limits: ChannelLimits;
  readonly #nowMs: () => number;
  readonly #rate = new TokenBucket(1);

  constructor(buffers: PacketBuffers, limits: ChannelLimits, nowMs: () => number) {
    this.#buffers = buffers;
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#rate.set(0, limits.packetInRate, limits.packetInBurst);
  }

  send(event: PacketInEvent, sessions: Iterable<Session>): void {
    const listeners: Session[] = [];
    for (const session of sessions) {
      if (!session.wants('packetIn', event.reason)) continue;
      if (session.connection.waiting < this.#limits.packetInBytes) listeners.push(session);
      else {
        session.packetInsDropped++;
        this.dropped.slow++;
      }
    }
    if (listeners.length === 0) {
      this.dropped.nobody++;
      return;
    }
    if (!this.#rate.take(0, 1, this.#nowMs() * 1000)) {
      this.dropped.rate++;
      return;
    }
    // One buffer for all, whoever names it first.
    let buffer: number | null | undefined;
    const messages = new Map<number, Uint8Array>();
    for (const { connection, missSendLength } of listeners) {
      const wanted = event.reason === PacketInReason.InvalidTtl ? missSendLength : event.maxLength;
      if (wanted !== WHOLE && buffer === undefined) buffer = this.#buffers.put(event.inPort, event.frame);
      const kept = wanted === WHOLE || buffer === undefined ? null : buffer;
      const length = Math.min(event.frame.length, MOST_DATA, kept === null ? MOST_DATA : wanted);
      // Whom the whole is sent and whom a buffer is named get different messages, though both be as long.
      const key = kept === null ? -1 : length;
      let bytes = messages.get(key);
      if (bytes === undefined) {
        bytes = encodeEvent(event, kept ?? NO_BUFFER, length);
        messages.set(key, bytes);
      }
      connection.sendBytes(bytes);
    }
  }
}

function encodeEvent(event: PacketInEvent, buffer: number, length: number): Uint8Array {
  const { reason, table, cookie, inPort, metadata, tunnelId, frame } = event;
  const match = [field('in_port', BigInt(inPort >>> 0))];
  if (metadata !== 0n) match.push(field('metadata', metadata));
  if (tunnelId !== 0n) match.push(field('tunnel_id', tunnelId));
  return encode(
    {
      ...{ type: 'packet_in', buffer, totalLength: Math.min(frame.length, WHOLE), reason, table, cookie, match },
      data: frame.subarray(0, length),
    },
    0,
  );
}

function field(name: FieldName, number: bigint): FieldMatch {
  const { bytes } = fieldNamed(name);
  const value = new Uint8Array(8);
  new DataView(value.buffer).setBigUint64(0, number);
  return { field: fieldNamed(name), value: value.subarray(8 - bytes), mask: null };
}
