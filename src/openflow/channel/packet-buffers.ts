import { refuse } from '../codec/errors.ts';
import type { ChannelLimits } from './options.ts';

export interface BufferedFrame {
  readonly inPort: number;
  readonly frame: Uint8Array;
}

interface Slot {
  /** Grows with every frame that is put here. */
  generation: number;
  kept: BufferedFrame | null;
  bornMs: number;
}

/**
 * Frames that controllers were sent the beginning of, to be named by a packet-out or flow-mod: bounded in number, bytes and age.
 * A number is that of a slot, and of how often it was used, so that an old one is known for what it is.
 * Source: 1.3.5, section 6.1.2; buffer_id in 7.4.1, 7.3.7 and 7.3.4.1.
 */
export class PacketBuffers {
  readonly #limits: ChannelLimits;
  readonly #nowMs: () => number;
  readonly #slots: Slot[];
  /** So many that a number stays below OFP_NO_BUFFER. */
  readonly #generations: number;
  #next = 0;
  #bytes = 0;

  constructor(limits: ChannelLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#slots = Array.from({ length: limits.buffers }, () => ({ generation: 0, kept: null, bornMs: 0 }));
    this.#generations = Math.floor(0xffff_fffe / Math.max(1, limits.buffers));
  }

  /** Keeps a frame: its owner hands it over. @returns its number, null when there is no room: then all of it must be sent */
  put(inPort: number, frame: Uint8Array): number | null {
    const slots = this.#slots;
    if (slots.length === 0 || this.#bytes + frame.length > this.#limits.bufferBytes) this.#expire();
    if (slots.length === 0 || this.#bytes + frame.length > this.#limits.bufferBytes) return null;
    for (let tried = 0; tried < slots.length; tried++) {
      const index = this.#next;
      this.#next = (index + 1) % slots.length;
      const slot = slots[index];
      if (slot.kept !== null && !this.#isOld(slot)) continue;
      this.#empty(slot);
      slot.generation = (slot.generation % (this.#generations - 1)) + 1;
      slot.kept = { inPort, frame };
      slot.bornMs = this.#nowMs();
      this.#bytes += frame.length;
      return slot.generation * slots.length + index;
    }
    return null;
  }

  /** @throws OpenFlowError when it was never given, is used already or too old */
  find(buffer: number): BufferedFrame {
    const slot = this.#slots[buffer % this.#slots.length];
    if (slot === undefined || slot.generation !== Math.floor(buffer / this.#slots.length) || slot.generation === 0)
      throw refuse('BAD_REQUEST', 'BUFFER_UNKNOWN', `there is no buffer ${buffer}`);
    if (slot.kept !== null && this.#isOld(slot)) this.#empty(slot);
    if (slot.kept === null) throw refuse('BAD_REQUEST', 'BUFFER_EMPTY', `buffer ${buffer} was used, or is too old`);
    return slot.kept;
  }

  /** Forgets a frame that was found. */
  free(buffer: number): void {
    this.#empty(this.#slots[buffer % this.#slots.length]);
  }

  #isOld({ bornMs }: Slot): boolean {
    return this.#nowMs() - bornMs > this.#limits.bufferAgeMs;
  }

  #expire(): void {
    for (const slot of this.#slots) if (slot.kept !== null && this.#isOld(slot)) this.#empty(slot);
  }

  #empty(slot: Slot): void {
    this.#bytes -= slot.kept?.frame.length ?? 0;
    slot.kept = null;
  }
}
