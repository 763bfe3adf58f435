import { type Batch, Kind } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { TagStack } from './stack.ts';

/**
 * Where the headers of the frame that is being edited lie, behind all its VLAN tags. One object serves all frames: `find` fills it.
 * Positions are absolute.
 */
export class Headers {
  readonly bytes: DataView;
  readonly #stack: TagStack;
  /** EtherType behind the tags; it lies in the two bytes before `l3`. */
  type = 0;
  kind: Kind = Kind.Other;
  l3 = 0;
  /** Transport header, or -1; protocol, or -1. */
  l4 = -1;
  protocol = -1;
  /** See `Trait`: those that tell of fragments. */
  traits = 0;
  /** Length of the IP packet as its header says, 0 if that cannot be or it is none. */
  ipLength = 0;
  /** End of the frame in its head, and end of the packet there: padding lies between them, or the packet reaches into the body. */
  end = 0;
  stop = 0;
  /** Field that holds a partial checksum (NEEDS_CSUM), or -1. */
  partial = -1;

  constructor(pool: Pool) {
    this.bytes = pool.bytes;
    this.#stack = new TagStack(pool);
  }

  /** Finds the headers of frame i, whose columns are those of the frame as it is. */
  find(batch: Batch, i: number): void {
    const columns = this.#stack.behind(batch, i);
    const k = columns === batch ? i : 0;
    this.type = columns.etherType[k];
    this.kind = columns.kind[k] as Kind;
    this.l3 = columns.l3[k];
    this.l4 = columns.l4[k];
    this.protocol = columns.proto[k];
    this.traits = columns.traits[k];
    this.ipLength = columns.ipLength[k];
    this.end = columns.start[k] + columns.headLength[k];
    const stop = this.ipLength > 0 ? this.l3 + this.ipLength : this.end;
    this.stop = stop < this.end ? stop : this.end;
    this.partial = batch.csumStart[i] < 0 ? -1 : batch.csumStart[i] + batch.csumOffset[i];
  }

  /** Whether there is a whole IPv4, or IPv6, header whose lengths agree with the frame. */
  isIpv4(): boolean {
    return this.kind === Kind.Ipv4 && this.ipLength > 0;
  }

  isIpv6(): boolean {
    return this.kind === Kind.Ipv6 && this.ipLength > 0;
  }
}
