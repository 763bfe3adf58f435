/**
 * What leaves: one entry for each port that a frame of the batch goes to. An entry owns one reference to its head and to the
 * frame's body; everything else about the frame is read from the batch at `frame`. An entry whose `port` is -1 was dropped
 * (its references are given back).
 */
export class Outputs {
  readonly capacity: number;
  count = 0;
  readonly frame: Int32Array;
  /** Index of the tenant's port. */
  readonly port: Int32Array;
  readonly head: Int32Array;
  /** Absolute position of the Ethernet header in the head, and bytes of the frame in it. */
  readonly start: Int32Array;
  readonly headLength: Int32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.frame = new Int32Array(capacity);
    this.port = new Int32Array(capacity);
    this.head = new Int32Array(capacity);
    this.start = new Int32Array(capacity);
    this.headLength = new Int32Array(capacity);
  }
}
