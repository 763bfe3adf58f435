import { Drop } from '../../observe/drop.ts';

/** What has become of the frame that rules are being carried out for. One object serves all frames. */
export class Run {
  /** Packets that the frame stands for, and their bytes on the wire, as it came in: what counters and meters charge. */
  packets = 1;
  bytes = 0;
  /** OpenFlow port that it came in by. */
  inPort = 0;
  /** Outputs made, frames given to controllers, and those of them that found no room. */
  sent = 0;
  told = 0;
  lost = 0;
  /** Buckets that have acted on it; and whether more were to act than may. */
  buckets = 0;
  exhausted = false;
  /** It is to go on through the built-in stages, and nothing has been changed since. */
  normal = false;
  /** Queue of later outputs, 0 for none. */
  queue = 0;
  /** The flow key is older than the frame. */
  stale = true;
  /** Why it is dropped if nothing is made of it. */
  reason: number = Drop.RuleDrop;
  /** Table and rule that are carried out, -1 for the actions of a packet-out. */
  table = 0;
  rule = -1;

  begin(inPort: number, packets: number, bytes: number): void {
    this.packets = packets;
    this.bytes = bytes;
    this.inPort = inPort;
    this.sent = 0;
    this.told = 0;
    this.lost = 0;
    this.buckets = 0;
    this.exhausted = false;
    this.normal = false;
    this.queue = 0;
    this.stale = true;
    this.reason = Drop.RuleDrop;
    this.table = 0;
    this.rule = -1;
  }
}
