/**
 * Frames that leave by one device at the end of a batch, in order. Each entry owns one reference to its head and to its body
 * (-1: none). The 10 bytes before `start` hold the virtio-net header, so that a port which carries offloads writes from there.
 * `tenant`, `row` (where the frame came from) and `port` (the tenant's port it leaves by) say whose books the outcome goes into.
 */
export class TxQueue {
  readonly capacity: number;
  count = 0;
  readonly head: Int32Array;
  readonly start: Int32Array;
  readonly headLength: Int32Array;
  readonly body: Int32Array;
  readonly bodyStart: Int32Array;
  readonly bodyLength: Int32Array;
  readonly tenant: Int32Array;
  readonly row: Int32Array;
  readonly port: Int32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    const words = () => new Int32Array(capacity);
    this.head = words();
    this.start = words();
    this.headLength = words();
    this.body = words();
    this.bodyStart = words();
    this.bodyLength = words();
    this.tenant = words();
    this.row = words();
    this.port = words();
  }

  /** @returns false when there is no room; the references then stay with the caller */
  push(
    head: number,
    start: number,
    headLength: number,
    body: number,
    bodyStart: number,
    bodyLength: number,
    tenant: number,
    row: number,
    port: number,
  ): boolean {
    const i = this.count;
    if (i === this.capacity) return false;
    this.count = i + 1;
    this.head[i] = head;
    this.start[i] = start;
    this.headLength[i] = headLength;
    this.body[i] = body;
    this.bodyStart[i] = bodyStart;
    this.bodyLength[i] = bodyLength;
    this.tenant[i] = tenant;
    this.row[i] = row;
    this.port[i] = port;
    return true;
  }

  /** Forgets the first `taken` entries. */
  shift(taken: number): void {
    const left = this.count - taken;
    if (left > 0) {
      this.head.copyWithin(0, taken, this.count);
      this.start.copyWithin(0, taken, this.count);
      this.headLength.copyWithin(0, taken, this.count);
      this.body.copyWithin(0, taken, this.count);
      this.bodyStart.copyWithin(0, taken, this.count);
      this.bodyLength.copyWithin(0, taken, this.count);
      this.tenant.copyWithin(0, taken, this.count);
      this.row.copyWithin(0, taken, this.count);
      this.port.copyWithin(0, taken, this.count);
    }
    this.count = left;
  }
}
