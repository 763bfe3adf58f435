import { addressOf } from '../wire/address.ts';
import * as arp from '../wire/arp.ts';
import { arpReply, neighborAdvertisement } from '../wire/build-neighbor.ts';
import { EtherType } from '../wire/ethernet.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import { Protocol } from '../wire/ipv4.ts';
import { isTpid, TAG_LENGTH } from '../wire/vlan.ts';

/** Bytes of both MACs, behind which tags lie. */
const MACS = 12;

const ARP_AT = 14;
const ICMP_AT = 14 + 40;

/**
 * What a host would answer to an ARP request or a neighbour solicitation for its address, whatever the address, by the VLAN that it came
 * by; the MAC is made of the address, so that every host behind a port has its own. For benchmarks; allocates.
 * @returns null for every other frame
 */
export function answerTo(frame: Uint8Array): Uint8Array | null {
  const tags = frame.slice(MACS, typeAt(frame, 0));
  const answer = answerPlain(withoutTags(frame));
  if (answer === null || tags.length === 0) return answer;
  const tagged = new Uint8Array(answer.length + tags.length);
  tagged.set(answer.subarray(0, MACS));
  tagged.set(tags, MACS);
  tagged.set(answer.subarray(MACS), MACS + tags.length);
  return tagged;
}

/**
 * Whether the frame from `start` to `end` is ARP, or ICMPv6 from router solicitation to redirect (RFC 4861, section 4). Allocates nothing: it is
 * asked of each frame that is no plain IPv4 or IPv6.
 */
export function isResolution(octets: Uint8Array, start: number, end: number): boolean {
  const at = typeAt(octets, start);
  const type = (octets[at] << 8) | octets[at + 1];
  if (type === EtherType.Arp) return at + 2 <= end;
  if (type !== EtherType.Ipv6 || at + 42 >= end || octets[at + 8] !== Protocol.Icmpv6) return false;
  return octets[at + 42] >= 133 && octets[at + 42] <= 137;
}

/** Where the EtherType lies behind all tags of the frame from `start` on, of any length. */
function typeAt(octets: Uint8Array, start: number): number {
  let at = start + MACS;
  while (isTpid((octets[at] << 8) | octets[at + 1])) at += TAG_LENGTH;
  return at;
}

function withoutTags(frame: Uint8Array): Uint8Array {
  const at = typeAt(frame, 0);
  if (at === MACS) return frame;
  const plain = new Uint8Array(Math.max(MACS, frame.length - at + MACS));
  plain.set(frame.subarray(0, MACS));
  plain.set(frame.subarray(at), MACS);
  return plain;
}

function answerPlain(frame: Uint8Array): Uint8Array | null {
  const bytes = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const type = frame.length < 42 ? 0 : bytes.getUint16(12);
  if (type === EtherType.Arp && arp.check(bytes, ARP_AT, frame.length)) return answerArp(bytes);
  if (type === EtherType.Ipv6 && frame.length >= ICMP_AT + 24) return answerNeighbor(bytes);
  return null;
}

function answerArp(bytes: DataView): Uint8Array | null {
  const asked = arp.targetAddress(bytes, ARP_AT);
  const asking = arp.senderAddress(bytes, ARP_AT);
  if (arp.operation(bytes, ARP_AT) !== arp.Operation.Request || asked === asking) return null;
  return arpReply({
    senderMac: { high: 0x0254, low: asked },
    senderAddress: addressOf([asked]),
    targetMac: { high: arp.senderMacHigh(bytes, ARP_AT), low: arp.senderMacLow(bytes, ARP_AT) },
    targetAddress: addressOf([asking]),
  });
}

function answerNeighbor(bytes: DataView): Uint8Array | null {
  if (bytes.getUint8(20) !== Protocol.Icmpv6 || bytes.getUint8(ICMP_AT) !== icmpv6.Type.NeighborSolicitation)
    return null;
  const words = (at: number) => [0, 4, 8, 12].map((k) => bytes.getInt32(at + k));
  const asking = words(22);
  if (asking.every((word) => word === 0)) return null;
  const asked = words(ICMP_AT + 8);
  return neighborAdvertisement({
    sourceMac: { high: 0x0256, low: asked[3] },
    source: addressOf(asked),
    target: addressOf(asked),
    destination: { mac: { high: bytes.getUint16(6), low: bytes.getInt32(8) }, address: addressOf(asking) },
    router: false,
    solicited: true,
    override: true,
  });
}
