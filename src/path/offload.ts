import { type Batch, Fate, Kind, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { EtherType } from '../wire/ethernet.ts';
import { Fragment, Protocol } from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { isTpid, TAG_LENGTH } from '../wire/vlan.ts';
import { Gso } from '../wire/vnet.ts';
import type { Stage } from './stage.ts';

/**
 * Most packets that one super-frame may stand for. A gso_size of 1 would make 65,000 packets of one read; 1,024 lets 64 KiB pass
 * in pieces of 64 bytes, while the pieces of real senders are 536 bytes and more (TCP; RFC 9293, 3.7.1) or 128 at most (UDP;
 * UDP_MAX_SEGMENTS, linux/udp.h). The number is bounded, not the size: few small pieces harm nobody.
 */
export const MOST_SEGMENTS = 1024;

/** More stacked tags than anybody uses; the walk over them must end. */
const DEEPEST_TAGS = 4;

/**
 * Holds the virtio-net header, which is input like any other and may lie, against the headers that were parsed. Behind this stage
 * a partial checksum lies where the transport header has its checksum (else its completion would write into addresses or
 * ports that an ACL has looked at already), and a super-frame is whole, of a known type and of few enough segments. `hdr_len` is
 * not looked at: ours is computed. Sets `segments`; a super-frame of one segment becomes an ordinary frame.
 * Source: virtio 1.2, 5.1.6.2; linux/virtio_net.h, virtio_net_hdr_to_skb.
 */
export class OffloadCheck implements Stage {
  readonly name = 'offload';
  readonly #bytes: DataView;

  constructor(pool: Pool) {
    this.#bytes = pool.bytes;
  }

  run(batch: Batch): void {
    const { count, fate, gsoType, csumStart } = batch;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live) continue;
      if (gsoType[i] !== Gso.None) {
        const segments = this.segmentsOf(batch, i);
        if (segments === 0) batch.drop(i, Drop.BadOffload);
        else this.#divide(batch, i, segments);
      } else if (csumStart[i] >= 0) {
        if (!this.#partial(batch, i)) batch.drop(i, Drop.BadOffload);
      }
    }
  }

  #partial(batch: Batch, i: number): boolean {
    const at = batch.csumStart[i];
    const offset = batch.csumOffset[i];
    if (at + offset + 2 > batch.start[i] + batch.headLength[i]) return false;
    // A fragment cannot have its checksum completed: the sum runs over all of the packet.
    if ((batch.traits[i] & Trait.Fragment) !== 0) return false;
    if (batch.kind[i] === Kind.Other) return this.#behindTags(batch, i);
    return at === batch.l4[i] && offset === checksumOffset(batch.proto[i]);
  }

  #divide(batch: Batch, i: number, segments: number): void {
    batch.segments[i] = segments;
    if (segments > 1) return;
    batch.gsoType[i] = Gso.None;
    batch.gsoEcn[i] = 0;
    batch.gsoSize[i] = 0;
  }

  /** Packets that super-frame i, which was parsed, stands for; 0 if its virtio-net header lies. Changes nothing. */
  segmentsOf(batch: Batch, i: number): number {
    const l4 = batch.l4[i];
    if (l4 < 0 || batch.csumStart[i] !== l4 || (batch.traits[i] & Trait.Fragment) !== 0) return 0;
    const size = batch.gsoSize[i];
    const headEnd = batch.start[i] + batch.headLength[i];
    // The packet must fill the frame: the segments share out all that is behind the headers.
    const left = headEnd + batch.bodyLength[i] - l4;
    if (size === 0 || batch.l3[i] + batch.ipLength[i] !== l4 + left) return 0;
    const header = this.#transportHeader(batch, i);
    if (header === 0 || l4 + header > headEnd || left <= header) return 0;
    const segments = ((left - header + size - 1) / size) | 0;
    return segments > MOST_SEGMENTS ? 0 : segments;
  }

  /** @returns bytes of the transport header that the GSO type speaks of, 0 when the frame has no such header */
  #transportHeader(batch: Batch, i: number): number {
    const type = batch.gsoType[i];
    const kind = batch.kind[i];
    if (type === Gso.UdpL4) {
      const fits =
        batch.proto[i] === Protocol.Udp && batch.csumOffset[i] === udp.Offset.Checksum && batch.gsoEcn[i] === 0;
      return fits ? udp.HEADER_LENGTH : 0;
    }
    if (!((type === Gso.Tcp4 && kind === Kind.Ipv4) || (type === Gso.Tcp6 && kind === Kind.Ipv6))) return 0;
    if (batch.proto[i] !== Protocol.Tcp || batch.csumOffset[i] !== tcp.Offset.Checksum) return 0;
    const l4 = batch.l4[i];
    return tcp.check(this.#bytes, l4, batch.start[i] + batch.headLength[i]) ? tcp.headerLength(this.#bytes, l4) : 0;
  }

  /**
   * Behind two and more VLAN tags nothing was parsed, yet Linux leaves checksums there to us (a TAP has NETIF_F_HW_CSUM, which
   * stacked VLANs keep; it never leaves segmentation: dflt_features_check, net/core/dev.c). The partial checksum was
   * found to lie in the head.
   */
  #behindTags(batch: Batch, i: number): boolean {
    const bytes = this.#bytes;
    const at = batch.csumStart[i];
    let type = batch.start[i] + 12;
    for (let tags = 0; tags < DEEPEST_TAGS && type + 6 <= at && isTpid(bytes.getUint16(type)); tags++)
      type += TAG_LENGTH;
    const ip = type + 2;
    // The head reaches beyond `at`, so whatever lies before it may be read.
    if (ip + 20 > at) return false;
    let protocol = 0;
    if (bytes.getUint16(type) === EtherType.Ipv4) {
      if (
        ip + ((bytes.getUint8(ip) & 15) << 2) !== at ||
        (bytes.getUint16(ip + 6) & (Fragment.More | Fragment.Offset)) !== 0
      )
        return false;
      protocol = bytes.getUint8(ip + 9);
    } else if (bytes.getUint16(type) === EtherType.Ipv6) {
      if (ip + 40 !== at) return false;
      protocol = bytes.getUint8(ip + 6);
    }
    return batch.csumOffset[i] === checksumOffset(protocol);
  }
}

/** @returns bytes from the transport header to its checksum, -1 for protocols whose checksum nobody leaves to us */
function checksumOffset(protocol: number): number {
  switch (protocol) {
    case Protocol.Tcp:
      return tcp.Offset.Checksum;
    case Protocol.Udp:
      return udp.Offset.Checksum;
    case Protocol.Icmp:
    case Protocol.Icmpv6:
      return 2;
    case Protocol.Gre:
      return 4;
    default:
      return -1;
  }
}
