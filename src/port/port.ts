import type { Batch } from '../frame/batch.ts';
import type { TxQueue } from '../frame/tx-queue.ts';

/** What a way out can carry without help; bits. A frame that needs more is segmented or completed in software before. */
export const Offload = {
  /** Partial checksums: VIRTIO_NET_HDR_F_NEEDS_CSUM. */
  Checksum: 1,
  Tso4: 2,
  Tso6: 4,
  /** UDP segmentation, VIRTIO_NET_HDR_GSO_UDP_L4. */
  Uso: 8,
  /** Segments of a TCP super-frame may carry ECN marks. */
  Ecn: 16,
} as const;

/**
 * Where frames of one device enter and leave one worker. A worker calls, in this order, once a turn:
 *
 *     port.request(credit)        say how many frames it would take
 *     io.turn(wait)               everything that was asked for happens, once for all ports (TAPs only)
 *     port.receive(batch, most)   take what has come
 *     ... path ...
 *     port.transmit(queue)        hand over what leaves
 *
 * No method throws or allocates once the port is open. A port is used by one thread only.
 */
export interface Port {
  /** Name of the device as the user wrote it. */
  readonly name: string;
  readonly kind: 'tap' | 'netdev' | 'qemu' | 'cap' | 'pcap' | 'memory' | 'remote';
  /** Sum of `Offload` bits. */
  readonly offloads: number;
  /** Whether the device has vanished, or the file has failed: nothing comes any more, and what is transmitted is lost. */
  readonly gone: boolean;

  /** The clock's microseconds at which frames will be there without anything telling of it; infinity where something tells. */
  readonly dueUs: number;

  /**
   * Asks for up to `most` frames; a port from which nothing needs to be asked for does nothing. 0 leaves the backlog where it is.
   * @param tenant index of the tenant that slots are charged to until the path has looked at the frame
   */
  request(most: number, tenant: number): void;

  /**
   * Appends frames that have come to the batch, in order, with their virtio-net columns set (`csumStart` absolute) and
   * `fate` Live; a frame that filled its buffers has fate Dropped, reason truncated. The batch owns the slots.
   * @returns frames appended, at most `most`; 0 when nothing waits
   */
  receive(batch: Batch, most: number): number;

  /** Whether `receive` would return frames now. */
  readonly pending: boolean;

  /**
   * Takes the first frames of the queue, as many as fit, with their references, and reports each of them later (or at once) to
   * the worker's `TxSink`. The queue itself stays as it is: the caller shifts it by the frames taken, or empties it and gives the
   * references of the others back.
   * @returns frames taken
   */
  transmit(queue: TxQueue): number;

  /**
   * Stops reading, gives back all slots that are in flight, in order of completion; called until it returns true. Only then may
   * the device and its index be used again.
   */
  close(): boolean;
}

/** Whose books the outcome of a transmitted frame goes into. The port has released the slots before it reports. */
export interface TxSink {
  /** So many frames were written, with so many bytes on the wire in all. */
  sent(tenant: number, row: number, port: number, frames: number, bytes: number): void;
  /** The port has made a second frame of one, which it will report as well. */
  cloned(tenant: number, row: number): void;
  /** The frame was not written; `reason` is a `Drop`. */
  lost(tenant: number, row: number, reason: number): void;
}
