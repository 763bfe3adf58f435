import { type Batch, Kind } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as mpls from '../../wire/mpls.ts';
import * as pbb from '../../wire/pbb.ts';
import * as vlan from '../../wire/vlan.ts';
import { Parse } from '../parse.ts';
import { setArp16, setArpAddress, setArpMac } from './edit-arp.ts';
import { Edit } from './edit-code.ts';
import { setFlowLabel, setIpv4Address, setIpv6Address, setProtocol, setTypeOfService } from './edit-ip.ts';
import { popMpls, popPbb, popVlan, pushMpls, pushPbb, pushVlan } from './edit-tags.ts';
import * as transport from './edit-transport.ts';
import { copyTtl, decrementTtl, setTtl } from './edit-ttl.ts';
import { Headers } from './headers.ts';
import { SetField } from './program.ts';

export { Edit } from './edit-code.ts';

const { Icmp, Icmpv6, Sctp, Tcp, Udp } = ipv4.Protocol;

/**
 * The actions that edit a frame, one method each. They work in place on the head slot, which nobody shares, and leave lengths,
 * checksums and the batch's columns (as `Parse` would set them) right. Super-frames that an action cannot bear were segmented before
 * (`RuleStore.single`). Whatever the bytes are, nothing throws and nothing outside the frame is read or written.
 * Source: OpenFlow Switch Specification 1.3.5, sections 5.12 and 7.2.5.
 */
export class FrameEditor {
  readonly #pool: Pool;
  readonly #parse: Parse;
  readonly #headers: Headers;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#parse = new Parse(pool);
    this.#headers = new Headers(pool);
  }

  /**
   * Writes a field of the frame. Metadata and tunnel id are none: the caller writes the key.
   * @param code which one @param words the value, right-aligned, from `words[at]` on
   */
  setField(batch: Batch, i: number, code: SetField, words: Int32Array, at: number): Edit {
    const edit =
      code <= SetField.VlanPcp ? this.#link(batch, i, code, words, at) : this.#packet(batch, i, code, words, at);
    if (edit === Edit.Done) this.#parse.headers(batch, i);
    return edit;
  }

  /** @param tpid 0x8100 or 0x88a8 */
  pushVlan(batch: Batch, i: number, tpid: number): Edit {
    return this.#again(batch, i, pushVlan(this.#pool, batch, i, tpid));
  }

  popVlan(batch: Batch, i: number): Edit {
    return this.#again(batch, i, popVlan(this.#pool, batch, i));
  }

  /** @param type 0x8847 or 0x8848 */
  pushMpls(batch: Batch, i: number, type: number): Edit {
    return this.#again(batch, i, pushMpls(this.#pool, batch, i, this.#find(batch, i), type));
  }

  /** @param type EtherType of what lies behind the label */
  popMpls(batch: Batch, i: number, type: number): Edit {
    return this.#again(batch, i, popMpls(this.#pool, batch, i, this.#find(batch, i), type));
  }

  /** @param type 0x88e7 */
  pushPbb(batch: Batch, i: number, type: number): Edit {
    return this.#again(batch, i, pushPbb(this.#pool, batch, i, this.#find(batch, i), type));
  }

  popPbb(batch: Batch, i: number): Edit {
    const { BackboneService } = ethernet.EtherType;
    return this.#again(batch, i, popPbb(this.#pool, batch, i, this.#find(batch, i), BackboneService));
  }

  setMplsTtl(batch: Batch, i: number, ttl: number): Edit {
    return setTtl(this.#find(batch, i), true, ttl);
  }

  decMplsTtl(batch: Batch, i: number): Edit {
    return decrementTtl(this.#find(batch, i), true);
  }

  setNwTtl(batch: Batch, i: number, ttl: number): Edit {
    return setTtl(this.#find(batch, i), false, ttl);
  }

  decNwTtl(batch: Batch, i: number): Edit {
    return decrementTtl(this.#find(batch, i), false);
  }

  /** From the second outermost header that has a TTL to the outermost. */
  copyTtlOut(batch: Batch, i: number): Edit {
    return copyTtl(this.#find(batch, i), false);
  }

  copyTtlIn(batch: Batch, i: number): Edit {
    return copyTtl(this.#find(batch, i), true);
  }

  #find(batch: Batch, i: number): Headers {
    this.#headers.find(batch, i);
    return this.#headers;
  }

  /** Sets the columns of an edited frame. */
  #again(batch: Batch, i: number, edit: Edit): Edit {
    if (edit === Edit.Done) this.#parse.headers(batch, i);
    return edit;
  }

  /** Fields of Ethernet header and outermost tag. */
  #link(batch: Batch, i: number, code: SetField, words: Int32Array, at: number): Edit {
    const { bytes } = this.#pool;
    const start = batch.start[i];
    const value = words[at];
    switch (code) {
      case SetField.EthDst:
        ethernet.setDestination(bytes, start, value, words[at + 1]);
        return Edit.Done;
      case SetField.EthSrc:
        ethernet.setSource(bytes, start, value, words[at + 1]);
        return Edit.Done;
      case SetField.EthType:
        bytes.setUint16(this.#find(batch, i).l3 - 2, value);
        return Edit.Done;
      case SetField.VlanVid:
        if (batch.tagged[i] === 0) return Edit.Absent;
        vlan.setVid(bytes, start, value & 0xfff);
        return Edit.Done;
      case SetField.VlanPcp:
        if (batch.tagged[i] === 0) return Edit.Absent;
        vlan.setTci(bytes, start, (vlan.tci(bytes, start) & 0x1fff) | (value << 13));
        return Edit.Done;
      default:
        return Edit.Absent;
    }
  }

  #packet(batch: Batch, i: number, code: SetField, words: Int32Array, at: number): Edit {
    const h = this.#find(batch, i);
    const value = words[at];
    switch (code) {
      case SetField.IpDscp:
        return setTypeOfService(h, 0xfc, value << 2);
      case SetField.IpEcn:
        return setTypeOfService(h, 3, value);
      case SetField.IpProto:
        return setProtocol(h, value);
      case SetField.Ipv4Src:
        return setIpv4Address(h, ipv4.Offset.Source, value);
      case SetField.Ipv4Dst:
        return setIpv4Address(h, ipv4.Offset.Destination, value);
      case SetField.Ipv6Src:
        return setIpv6Address(h, ipv6.Offset.Source, words, at);
      case SetField.Ipv6Dst:
        return setIpv6Address(h, ipv6.Offset.Destination, words, at);
      case SetField.Ipv6Label:
        return setFlowLabel(h, value);
      case SetField.TcpSrc:
        return transport.setPort(h, Tcp, 0, value);
      case SetField.TcpDst:
        return transport.setPort(h, Tcp, 2, value);
      case SetField.UdpSrc:
        return transport.setPort(h, Udp, 0, value);
      case SetField.UdpDst:
        return transport.setPort(h, Udp, 2, value);
      case SetField.SctpSrc:
        return transport.setPort(h, Sctp, 0, value);
      case SetField.SctpDst:
        return transport.setPort(h, Sctp, 2, value);
      case SetField.Icmpv4Type:
        return transport.setIcmp(h, Kind.Ipv4, Icmp, 0, value);
      case SetField.Icmpv4Code:
        return transport.setIcmp(h, Kind.Ipv4, Icmp, 1, value);
      case SetField.Icmpv6Type:
        return transport.setIcmp(h, Kind.Ipv6, Icmpv6, 0, value);
      case SetField.Icmpv6Code:
        return transport.setIcmp(h, Kind.Ipv6, Icmpv6, 1, value);
      case SetField.ArpOp:
        return setArp16(h, arp.Offset.Operation, value);
      case SetField.ArpSpa:
        return setArpAddress(h, arp.Offset.SenderAddress, value);
      case SetField.ArpTpa:
        return setArpAddress(h, arp.Offset.TargetAddress, value);
      case SetField.ArpSha:
        return setArpMac(h, arp.Offset.SenderMac, value, words[at + 1]);
      case SetField.ArpTha:
        return setArpMac(h, arp.Offset.TargetMac, value, words[at + 1]);
      case SetField.NdTarget:
        return transport.setNeighborTarget(h, words, at);
      case SetField.NdSll:
        return transport.setSourceLinkLayer(h, words, at);
      case SetField.NdTll:
        return transport.setTargetLinkLayer(h, words, at);
      case SetField.MplsLabel:
      case SetField.MplsTc:
      case SetField.MplsBos:
      case SetField.PbbIsid:
        return this.#label(h, code, value);
      default:
        return Edit.Absent;
    }
  }

  #label(h: Headers, code: SetField, value: number): Edit {
    const { bytes, l3 } = h;
    if (code === SetField.PbbIsid) {
      if (h.type !== ethernet.EtherType.BackboneService || !pbb.check(bytes, l3, h.end)) return Edit.Absent;
      pbb.setIsid(bytes, l3, value);
      return Edit.Done;
    }
    if (!mpls.isMpls(h.type) || !mpls.check(bytes, l3, h.end)) return Edit.Absent;
    if (code === SetField.MplsLabel) mpls.setLabel(bytes, l3, value);
    else if (code === SetField.MplsTc) mpls.setTrafficClass(bytes, l3, value);
    else mpls.setBottom(bytes, l3, value);
    return Edit.Done;
  }
}
