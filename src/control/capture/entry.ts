import type { Ring } from '../../frame/ring.ts';
import { DROP_REASONS } from '../../observe/drop.ts';
import { bodyAt, CaptureRecord, Point } from '../../path/tap/record.ts';
import { Gso } from '../../wire/vnet.ts';

/** One captured frame, read from a ring: the fields are those of the record last read. */
export class Entry {
  point: number = Point.Void;
  row = 0;
  to = -1;
  reason = -1;
  length = 0;
  offload = 0;
  timeUs = 0;
  lost = 0;
  worker = 0;
  /** Where its two parts lie in `octets`. */
  octets: Uint8Array = new Uint8Array(0);
  head = 0;
  headBytes = 0;
  body = 0;
  bodyBytes = 0;

  read({ bytes, octets }: Ring, at: number, worker: number): void {
    const word = (field: number) => bytes.getInt32(at + field, true);
    const skips = word(CaptureRecord.Skips);
    this.point = word(CaptureRecord.Point);
    this.row = word(CaptureRecord.Row);
    this.to = word(CaptureRecord.To);
    this.reason = word(CaptureRecord.Reason);
    this.length = word(CaptureRecord.Length);
    this.offload = word(CaptureRecord.Offload);
    this.timeUs = bytes.getFloat64(at + CaptureRecord.Time, true);
    this.lost = word(CaptureRecord.Lost);
    this.worker = worker;
    this.octets = octets;
    this.headBytes = word(CaptureRecord.HeadBytes);
    this.bodyBytes = word(CaptureRecord.BodyBytes);
    this.head = at + CaptureRecord.Frame + (skips & 3);
    this.body = bodyAt(at, skips & 3, this.headBytes) + (skips >> 8);
  }

  /** When the frame of a record was seen, by the workers' clock. */
  static timeAt({ bytes }: Ring, at: number): number {
    return bytes.getFloat64(at + CaptureRecord.Time, true);
  }

  /** Row of the port that it is shown at: the one that it leaves by, else the one that it came from. */
  get place(): number {
    return this.point === Point.Egress ? this.to : this.row;
  }

  /** What is to be said besides its bytes. @param nameOf a port @returns '' where there is nothing */
  comment(nameOf: (row: number) => string): string {
    const said: string[] = [];
    if (this.point === Point.Egress) said.push(`From ${nameOf(this.row)}.`);
    if (this.point === Point.Drop) {
      const { name, text } = DROP_REASONS[this.reason];
      said.push(`Dropped, ${name}: ${text}`);
      if (this.to >= 0) said.push(`It was to leave by ${nameOf(this.to)}.`);
    }
    const type = this.offload & 0x7f;
    if (type !== Gso.None)
      said.push(`Super-frame: ${type === Gso.UdpL4 ? 'UDP' : 'TCP'} segments of ${this.offload >>> 16} bytes.`);
    else if ((this.offload & 0x100) !== 0) said.push('Its checksum is left to the device.');
    return said.join(' ');
  }

  /** All that the comment depends on. */
  get commentKey(): string {
    return `${this.point} ${this.row} ${this.to} ${this.reason} ${this.offload}`;
  }

  /** The bytes that were kept. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.headBytes + this.bodyBytes);
    all.set(this.octets.subarray(this.head, this.head + this.headBytes));
    all.set(this.octets.subarray(this.body, this.body + this.bodyBytes), this.headBytes);
    return all;
  }
}
