import { type Batch, Kind } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import * as arp from '../../wire/arp.ts';
import { EtherType, SMALLEST_TYPE } from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as mpls from '../../wire/mpls.ts';
import * as ndp from '../../wire/ndp.ts';
import * as pbb from '../../wire/pbb.ts';
import * as vlan from '../../wire/vlan.ts';
import { extensionBits } from './extension-bits.ts';
import { KEY_WORDS, KeyWord, VID_PRESENT } from './layout.ts';
import { isNeighbor, linkLayer } from './neighbor.ts';
import { Op, opCode, SetField } from './program.ts';
import { TagStack } from './stack.ts';

const { Icmp, Icmpv6, Tcp, Udp } = ipv4.Protocol;

/** What stands for the EtherType of 802.3 frames, which have none (OFP_DL_TYPE_NOT_ETH_TYPE of OpenFlow 1.0, as Open vSwitch has it). */
export const NO_ETHER_TYPE = 0x05ff;

/**
 * The flow key of one frame, as it lies in its slots now: extracted when the frame enters table 0, and again after edits, before the
 * next table. The words of the pipeline (ports, metadata, tunnel id) are the caller's: `enter` sets them, `extract` leaves them.
 *
 * What a frame does not have is 0: fields of headers that are cut off or contradict themselves, and transport fields of later
 * fragments. Headers lie in the head slot, so nothing is looked for in the body.
 * Source: OpenFlow Switch Specification 1.3.5, section 7.2.3.7, table 12.
 */
export class FlowKey {
  /** See `KeyWord` for what lies where. */
  readonly words = new Int32Array(KEY_WORDS);
  readonly #bytes: DataView;
  readonly #stack: TagStack;

  constructor(pool: Pool) {
    this.#bytes = pool.bytes;
    this.#stack = new TagStack(pool);
  }

  /** Begins a frame: it came in by that OpenFlow port; metadata and tunnel id are 0. */
  enter(inPort: number): void {
    const { words } = this;
    words[KeyWord.InPort] = inPort;
    words[KeyWord.InPhyPort] = inPort;
    words[KeyWord.MetadataHigh] = 0;
    words[KeyWord.MetadataLow] = 0;
    words[KeyWord.TunnelHigh] = 0;
    words[KeyWord.TunnelLow] = 0;
  }

  /** Carries out `WriteMetadata`, whose op begins at `ops[at]`. */
  writeMetadata(ops: Int32Array, at: number): void {
    const { words } = this;
    words[KeyWord.MetadataHigh] = (words[KeyWord.MetadataHigh] & ~ops[at + 3]) | (ops[at + 1] & ops[at + 3]);
    words[KeyWord.MetadataLow] = (words[KeyWord.MetadataLow] & ~ops[at + 4]) | (ops[at + 2] & ops[at + 4]);
  }

  /** Carries out a set-field of metadata or tunnel id, which are the key's alone. @returns whether the op is one */
  setPipelineField(ops: Int32Array, at: number): boolean {
    if (!isPipelineField(ops, at)) return false;
    const high = ops[at + 1] === SetField.TunnelId ? KeyWord.TunnelHigh : KeyWord.MetadataHigh;
    this.words[high] = ops[at + 2];
    this.words[high + 1] = ops[at + 3];
    return true;
  }

  /** Fills all words from `EthDstHigh` on, of a frame whose columns `Parse` or `FrameEditor` has set. Never throws. */
  extract(batch: Batch, i: number): void {
    const { words } = this;
    const bytes = this.#bytes;
    const at = batch.start[i];
    for (let w = KeyWord.EthType as number; w < KEY_WORDS; w++) words[w] = 0;
    words[KeyWord.EthDstHigh] = bytes.getUint16(at);
    words[KeyWord.EthDstLow] = bytes.getInt32(at + 2);
    words[KeyWord.EthSrcHigh] = bytes.getUint16(at + 6);
    words[KeyWord.EthSrcLow] = bytes.getInt32(at + 8);
    if (batch.tagged[i] === 1) {
      const tci = bytes.getUint16(at + vlan.Offset.Tci);
      words[KeyWord.Vlan] = (tci & 0xfff) | VID_PRESENT | (vlan.pcp(tci) << 16);
    }
    const columns = this.#stack.behind(batch, i);
    const k = columns === batch ? i : 0;
    const type = columns.etherType[k];
    words[KeyWord.EthType] = type < SMALLEST_TYPE ? NO_ETHER_TYPE : type;
    const kind = columns.kind[k];
    if (kind === Kind.Ipv4) this.#ipv4(columns, k);
    else if (kind === Kind.Ipv6) this.#ipv6(columns, k);
    else if (kind === Kind.Arp) this.#arp(columns, k);
    else if (mpls.isMpls(type)) this.#mpls(columns, k);
    else if (type === EtherType.BackboneService) this.#pbb(columns, k);
  }

  #ipv4(columns: Batch, k: number): void {
    if (columns.ipLength[k] === 0) return;
    const { words } = this;
    const bytes = this.#bytes;
    const l3 = columns.l3[k];
    const protocol = columns.proto[k];
    words[KeyWord.Ip] = protocol | spread(ipv4.typeOfService(bytes, l3));
    words[KeyWord.Ipv4Src] = ipv4.source(bytes, l3);
    words[KeyWord.Ipv4Dst] = ipv4.destination(bytes, l3);
    // ICMP of the other family is no ICMP.
    if (columns.sport[k] < 0 || protocol === Icmpv6) return;
    words[KeyWord.Transport] = (columns.sport[k] << 16) | columns.dport[k];
  }

  #ipv6(columns: Batch, k: number): void {
    const length = columns.ipLength[k];
    if (length === 0) return;
    const { words } = this;
    const bytes = this.#bytes;
    const l3 = columns.l3[k];
    const protocol = columns.proto[k];
    words[KeyWord.Ip] = protocol | spread(ipv6.trafficClass(bytes, l3));
    for (let w = 0; w < 4; w++) {
      words[KeyWord.Ipv6Src + w] = ipv6.source(bytes, l3, w);
      words[KeyWord.Ipv6Dst + w] = ipv6.destination(bytes, l3, w);
    }
    const next = ipv6.nextHeader(bytes, l3);
    const end = columns.start[k] + columns.headLength[k];
    const stop = l3 + length < end ? l3 + length : end;
    const bits = next === Tcp || next === Udp || next === Icmpv6 ? 0 : extensionBits(bytes, l3, stop);
    words[KeyWord.Ipv6Label] = ipv6.flowLabel(bytes, l3) | (bits << 20);
    if (columns.sport[k] < 0 || protocol === Icmp) return;
    words[KeyWord.Transport] = (columns.sport[k] << 16) | columns.dport[k];
    if (protocol === Icmpv6) this.#neighbor(columns.l4[k], stop);
  }

  #neighbor(at: number, stop: number): void {
    const { words } = this;
    const bytes = this.#bytes;
    if (!isNeighbor(bytes, at, stop)) return;
    for (let w = 0; w < 4; w++) words[KeyWord.NdTarget + w] = ndp.target(bytes, at, w);
    const source = linkLayer(bytes, at, stop, ndp.Option.SourceLinkLayer);
    if (source >= 0) {
      words[KeyWord.ArpShaHigh] = bytes.getUint16(source);
      words[KeyWord.ArpShaLow] = bytes.getInt32(source + 2);
    }
    const target = linkLayer(bytes, at, stop, ndp.Option.TargetLinkLayer);
    if (target >= 0) {
      words[KeyWord.ArpThaHigh] = bytes.getUint16(target);
      words[KeyWord.ArpThaLow] = bytes.getInt32(target + 2);
    }
  }

  #arp(columns: Batch, k: number): void {
    const { words } = this;
    const bytes = this.#bytes;
    const at = columns.l3[k];
    if (!arp.check(bytes, at, columns.start[k] + columns.headLength[k])) return;
    words[KeyWord.Transport] = arp.operation(bytes, at) << 16;
    words[KeyWord.Ipv4Src] = arp.senderAddress(bytes, at);
    words[KeyWord.Ipv4Dst] = arp.targetAddress(bytes, at);
    words[KeyWord.ArpShaHigh] = arp.senderMacHigh(bytes, at);
    words[KeyWord.ArpShaLow] = arp.senderMacLow(bytes, at);
    words[KeyWord.ArpThaHigh] = arp.targetMacHigh(bytes, at);
    words[KeyWord.ArpThaLow] = arp.targetMacLow(bytes, at);
  }

  #mpls(columns: Batch, k: number): void {
    const at = columns.l3[k];
    if (!mpls.check(this.#bytes, at, columns.start[k] + columns.headLength[k])) return;
    this.words[KeyWord.Mpls] = mpls.entry(this.#bytes, at) & ~0xff;
  }

  #pbb(columns: Batch, k: number): void {
    const at = columns.l3[k];
    if (!pbb.check(this.#bytes, at, columns.start[k] + columns.headLength[k])) return;
    this.words[KeyWord.PbbIsid] = pbb.isid(this.#bytes, at);
  }
}

/** Type of service or traffic class as it lies in the word `Ip`. */
function spread(tos: number): number {
  return ((tos & 3) << 8) | ((tos >>> 2) << 10);
}

/** Whether the op at `ops[at]` sets metadata or tunnel id, which are the key's alone. */
export function isPipelineField(ops: Int32Array, at: number): boolean {
  if (opCode(ops[at]) !== Op.SetField) return false;
  return ops[at + 1] === SetField.TunnelId || ops[at + 1] === SetField.Metadata;
}
