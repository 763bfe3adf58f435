import { DROP_COUNT } from './drop.ts';

/**
 * What became of every frame of one tenant on one worker: a row per port and one for the router, a column per thing counted.
 * `origin` columns are kept in the row where a frame came from, so that in each row, and so in each tenant,
 *
 *     received + generated + cloned + segments + leakedIn + borrowed = sent + dropped + consumed + held + leakedOut + lent
 *
 * holds exactly between batches. One worker writes, anyone reads; readers sum over workers. Float64, since a BigInt allocates.
 */
export const Column = {
  /** Frames read from the port, and their bytes on the wire (headers of a super-frame counted once). */
  Received: 0,
  ReceivedBytes: 1,
  /** Frames that the slow path made. */
  Generated: 2,
  /** Further references made by flooding or mirroring, and copies punted while the frame itself goes on. */
  Cloned: 3,
  /** Frames that segmentation and fragmentation added (n pieces of one frame add n - 1). */
  Segments: 4,
  /** Frames that came from, and went to, another tenant's router through `share`. */
  LeakedIn: 5,
  LeakedOut: 6,
  /** Frames that came from here and were written to a port. */
  Sent: 7,
  /** Frames handed to the slow path. */
  Consumed: 8,
  /** Frames that wait: for a neighbour, or for their write to end. */
  Held: 9,
  /** Frames written to this port, whatever row they came from, and their bytes. */
  Transmitted: 10,
  TransmittedBytes: 11,
  /** Source MACs that were not learned since the tenant's table is full; the frames went on. */
  LearnFull: 12,
  /** Source MACs that moved to this port from another one. */
  Moves: 13,
  /** Frames given to the worker that owns the device they leave by, and taken from workers that do not. */
  Lent: 14,
  Borrowed: 15,
  /** First of DROP_COUNT columns, one a drop reason, kept in the row where the frame came from. */
  Drops: 16,
} as const;
export type Column = (typeof Column)[keyof typeof Column];

export const COLUMNS = Column.Drops + DROP_COUNT;

export class Ledger {
  /** Ports + 1: the last row is the router's. */
  readonly rows: number;
  readonly memory: SharedArrayBuffer;
  readonly cells: Float64Array;

  constructor(rows: number, memory = new SharedArrayBuffer(rows * COLUMNS * 8)) {
    this.rows = rows;
    this.memory = memory;
    this.cells = new Float64Array(memory);
  }

  add(row: number, column: number, amount: number): void {
    this.cells[row * COLUMNS + column] += amount;
  }

  drop(row: number, reason: number): void {
    this.cells[row * COLUMNS + Column.Drops + reason]++;
  }

  get(row: number, column: number): number {
    return this.cells[row * COLUMNS + column];
  }

  /** @returns what came in less what went out, 0 between batches */
  imbalance(row: number): number {
    const at = row * COLUMNS;
    const { cells } = this;
    let dropped = 0;
    for (let i = 0; i < DROP_COUNT; i++) dropped += cells[at + Column.Drops + i];
    const came =
      cells[at + Column.Received] +
      cells[at + Column.Generated] +
      cells[at + Column.Cloned] +
      cells[at + Column.Segments] +
      cells[at + Column.LeakedIn] +
      cells[at + Column.Borrowed];
    const went =
      cells[at + Column.Sent] +
      dropped +
      cells[at + Column.Consumed] +
      cells[at + Column.Held] +
      cells[at + Column.LeakedOut] +
      cells[at + Column.Lent];
    return came - went;
  }

  /** The worker has died, and all that it held with it: what it can no longer account for is dropped. @returns frames */
  writeOff(reason: number): number {
    let lost = 0;
    for (let row = 0; row < this.rows; row++) {
      this.cells[row * COLUMNS + Column.Held] = 0;
      const open = this.imbalance(row);
      // It may have died between two halves of an entry.
      if (open > 0) this.cells[row * COLUMNS + Column.Drops + reason] += open;
      else this.cells[row * COLUMNS + Column.Cloned] -= open;
      lost += open > 0 ? open : 0;
    }
    return lost;
  }
}
