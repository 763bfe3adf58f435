import type { Ring } from '../frame/ring.ts';
import { InjectRecord, Punt, PuntRecord } from '../path/punt.ts';
import type { SlowCounters } from './counters.ts';

/** A punt record, copied out of its ring. */
export interface PuntedFrame {
  readonly kind: Punt;
  /** The worker that it came from; answers go back through it. */
  readonly worker: number;
  readonly port: number;
  readonly vlan: number;
  /** Index of the router interface, -1 for none. */
  readonly interface: number;
  readonly argument: number;
  /** Four words. */
  readonly address: readonly number[];
  /** Length of the frame on the wire; `frame` may hold less. */
  readonly frameLength: number;
  readonly frame: Uint8Array;
}

/** @returns the record at `position` of the ring, or null when it cannot be one */
export function readPunt(ring: Ring, position: number, worker: number): PuntedFrame | null {
  const length = ring.lengthAt(position);
  if (length < PuntRecord.Frame || position + length > ring.octets.length) return null;
  const { bytes } = ring;
  const word = (offset: number) => bytes.getInt32(position + offset, true);
  const kind = word(PuntRecord.Kind);
  if (!isPunt(kind)) return null;
  const address = PuntRecord.Address;
  return {
    kind,
    worker,
    port: word(PuntRecord.Port),
    vlan: word(PuntRecord.Vlan),
    interface: word(PuntRecord.Interface),
    argument: word(PuntRecord.Argument),
    address: [word(address), word(address + 4), word(address + 8), word(address + 12)],
    frameLength: word(PuntRecord.FrameLength),
    frame: ring.octets.slice(position + PuntRecord.Frame, position + length),
  };
}

function isPunt(kind: number): kind is Punt {
  return kind >= Punt.Resolve && kind <= Punt.MacMove;
}

/** The way back: a tenant's rings to the workers, and which workers have something to read. */
export class Outbox {
  readonly #rings: readonly Ring[];
  readonly #counters: SlowCounters;
  readonly #waiting = new Set<number>();

  constructor(rings: readonly Ring[], counters: SlowCounters) {
    this.#rings = rings;
    this.#counters = counters;
  }

  /** @returns false when the frame was lost because the ring is full; that is counted */
  send(worker: number, kind: number, vlan: number, frame: Uint8Array): boolean {
    const ring = this.#rings[worker];
    const position = ring === undefined ? -1 : ring.reserve(InjectRecord.Frame + frame.length);
    if (position < 0) {
      this.#counters.injectFull++;
      return false;
    }
    ring.bytes.setInt32(position + InjectRecord.Kind, kind, true);
    ring.bytes.setInt32(position + InjectRecord.Vlan, vlan, true);
    ring.octets.set(frame, position + InjectRecord.Frame);
    ring.commit();
    this.#counters.injected++;
    this.#waiting.add(worker);
    return true;
  }

  /** Wakes each worker that was sent something since the last call, once. */
  wake(wake: (worker: number) => void): void {
    for (const worker of this.#waiting) wake(worker);
    this.#waiting.clear();
  }
}
