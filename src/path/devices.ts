import type { TxColumns, TxQueue } from '../frame/tx-queue.ts';

/**
 * The devices of one worker as stages see them, by device index. `queues` collect what leaves in this batch; `offloads` say what
 * each can carry (bits of `Offload`, src/port/port.ts); `linkUp` is shared memory that the control side writes (1: up).
 */
export interface Devices {
  readonly count: number;
  readonly offloads: Int32Array;
  readonly linkUp: Int32Array;
  readonly queues: readonly TxQueue[];
  /** What all queues are parts of. */
  readonly columns: TxColumns;
}
