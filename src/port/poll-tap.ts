import type { IovecTable } from '../../native-free/iovec.ts';
import { writev } from '../../native-free/poll.ts';
import { VNET_SIZE } from '../frame/layout.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { IoStat } from './io.ts';
import { lose } from './lose.ts';
import type { PollIo } from './poll-io.ts';
import { lostFor, type TapParts, TapPort } from './tap-port.ts';

/** A queue of a TAP that is written at once, a frame a system call. */
export class PollTap extends TapPort {
  readonly fd: number;
  readonly #io: PollIo;
  readonly #iovecs: IovecTable;
  readonly #entry: number;

  /** @param entry of the iovecs that writes may use */
  constructor(io: PollIo, fd: number, iovecs: IovecTable, entry: number, parts: TapParts) {
    super(parts);
    this.#io = io;
    this.fd = fd;
    this.#iovecs = iovecs;
    this.#entry = entry;
  }

  transmit(queue: TxQueue): number {
    if (this.gone || this.closing) {
      lose(this.pool, this.sink, queue, 0, this.gone ? Drop.TxError : Drop.PortClosed);
      return queue.count;
    }
    const { count, head, start, headLength, body, bodyStart, bodyLength, tenant, row, port } = queue;
    const { pool, sink, fd } = this;
    const { stats } = this.#io;
    const iovecs = this.#iovecs;
    const entry = this.#entry;
    for (let i = 0; i < count; i++) {
      iovecs.setHead(entry, start[i] - VNET_SIZE, headLength[i] + VNET_SIZE);
      let segments = 1;
      if (body[i] >= 0) {
        iovecs.setBody(entry, bodyStart[i], bodyLength[i]);
        segments = 2;
      }
      const result = writev(fd, iovecs, entry, segments);
      pool.release(head[i]);
      pool.release(body[i]);
      if (result > 0) {
        stats[IoStat.Writes]++;
        sink.sent(tenant[i], row[i], port[i], 1, headLength[i] + bodyLength[i]);
      } else {
        stats[IoStat.FailedWrites]++;
        sink.lost(tenant[i], row[i], lostFor(result));
      }
    }
    return count;
  }

  /** Nothing is ever in flight between calls. */
  close(): boolean {
    this.closing = true;
    this.forget();
    this.#io.closeTap(this);
    return true;
  }
}
