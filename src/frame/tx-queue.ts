/** Columns that several queues share, each a part of them. Whoever fills many queues in one loop then works on the same few arrays. */
export class TxColumns {
  readonly head: Int32Array;
  readonly start: Int32Array;
  readonly headLength: Int32Array;
  readonly body: Int32Array;
  readonly bodyStart: Int32Array;
  readonly bodyLength: Int32Array;
  readonly tenant: Int32Array;
  readonly row: Int32Array;
  readonly port: Int32Array;

  /** @param rows of all queues together */
  constructor(rows: number) {
    const words = () => new Int32Array(rows);
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
}

/**
 * Frames that leave by one device at the end of a batch, in order. Each entry owns one reference to its head and to its body
 * (-1: none). The 10 bytes before `start` hold the virtio-net header, so that a port which carries offloads writes from there.
 * `tenant`, `row` (where the frame came from) and `port` (the tenant's port it leaves by) say whose books the outcome goes into.
 */
export class TxQueue {
  readonly capacity: number;
  readonly columns: TxColumns;
  /** Row of the shared columns at which the queue's own begin. */
  readonly first: number;
  count = 0;
  /**
   * So many of the first rows, those behind `count` too, hold the same of `ofTenant`, `ofRow`, `toPort`, and no body: who writes frames of that
   * kind need write no more than head, start and length.
   */
  alike = 0;
  ofTenant = -1;
  ofRow = -1;
  toPort = -1;
  readonly head: Int32Array;
  readonly start: Int32Array;
  readonly headLength: Int32Array;
  readonly body: Int32Array;
  readonly bodyStart: Int32Array;
  readonly bodyLength: Int32Array;
  readonly tenant: Int32Array;
  readonly row: Int32Array;
  readonly port: Int32Array;

  /** @param columns its own ones, if none are given */
  constructor(capacity: number, columns: TxColumns = new TxColumns(capacity), first = 0) {
    this.capacity = capacity;
    this.columns = columns;
    this.first = first;
    const own = (column: Int32Array) => column.subarray(first, first + capacity);
    this.head = own(columns.head);
    this.start = own(columns.start);
    this.headLength = own(columns.headLength);
    this.body = own(columns.body);
    this.bodyStart = own(columns.bodyStart);
    this.bodyLength = own(columns.bodyLength);
    this.tenant = own(columns.tenant);
    this.row = own(columns.row);
    this.port = own(columns.port);
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
    if (i < this.alike) this.alike = i;
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
    this.alike = 0;
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
