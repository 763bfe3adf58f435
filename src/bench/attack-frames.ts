import { frame } from '../wire/build-frame.ts';
import { random } from './statistics.ts';

const SEED = 20_241_126;
/** Frames that no cache of a switch or a processor holds all of. */
const MANY = 1 << 17;
const BYTES = {
  destination: 0,
  source: 6,
  sourceAddress: 26,
  destinationAddress: 30,
  sourcePort: 34,
  destinationPort: 36,
};
const ETHERNET = { destination: '02:00:00:00:02:0b', source: '02:00:00:00:02:0a' };
/** Policy of the tuple-space explosion: three rules that look at one field each; what none of them allows is denied. */
export const EXPLOSION = { destinationPort: 80, sourceAddress: '10.0.0.10', sourcePort: 12_345 } as const;
const ADDRESS_BITS = 32;
const PORT_BITS = 16;

/** An ordinary datagram of the shortest frame. */
export function plainFrame(): Uint8Array {
  return frame({
    ethernet: ETHERNET,
    ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
    udp: { source: 4000, destination: 5000, checksum: false },
    payload: 18,
  });
}

/** What port b of a bridge has to send once, so that its address is known. */
export function answerFrame(): Uint8Array {
  return frame({
    ethernet: { destination: ETHERNET.source, source: ETHERNET.destination },
    ipv4: { source: '10.0.0.2', destination: '10.0.0.1' },
    udp: { source: 5000, destination: 4000, checksum: false },
    payload: 18,
  });
}

/** The same datagram over and over, with something else in each. */
function variants(count: number, change: (bytes: DataView, i: number, next: () => number) => void): Uint8Array[] {
  const base = plainFrame();
  const next = random(SEED);
  return Array.from({ length: count }, (_, i) => {
    const one = base.slice();
    change(new DataView(one.buffer), i, next);
    completeHeader(one);
    return one;
  });
}

/** Flows that differ in their source ports. */
export function manyFlows(count: number): Uint8Array[] {
  return variants(count, (bytes, i) => bytes.setUint16(BYTES.sourcePort, 1024 + (i % 60_000)));
}

/** Addresses and ports at random: no frame is of a flow that was seen before. */
export function randomHeaders(): Uint8Array[] {
  return variants(MANY, (bytes, _, next) => {
    // No group, no loopback, nothing of 0.0.0.0/8: what a policy has to look at, and no martian.
    bytes.setUint32(BYTES.sourceAddress, 0x0b00_0000 | (next() & 0xff_ffff));
    bytes.setUint32(BYTES.destinationAddress, 0x0c00_0000 | (next() & 0xff_ffff));
    bytes.setUint16(BYTES.sourcePort, next() & 0xffff);
    bytes.setUint16(BYTES.destinationPort, next() & 0xffff);
  });
}

/**
 * A frame for each triple of first differing bits of the three fields of `EXPLOSION`: a cache of wildcarded verdicts needs a mask for each of
 * them. Source: Csikor et al., "Tuple Space Explosion: A Denial-of-Service Attack Against a Software Packet Classifier", CoNEXT 2019.
 */
export function tupleSpaceExplosion(): Uint8Array[] {
  const address = EXPLOSION.sourceAddress.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return variants(PORT_BITS * ADDRESS_BITS * PORT_BITS, (bytes, i) => {
    const destinationBit = Math.floor(i / (ADDRESS_BITS * PORT_BITS));
    const addressBit = Math.floor(i / PORT_BITS) % ADDRESS_BITS;
    bytes.setUint32(BYTES.sourceAddress, (address ^ (1 << addressBit)) >>> 0);
    bytes.setUint16(BYTES.sourcePort, EXPLOSION.sourcePort ^ (1 << (i % PORT_BITS)));
    bytes.setUint16(BYTES.destinationPort, EXPLOSION.destinationPort ^ (1 << destinationBit));
  });
}

/** Each frame from a station that was never seen before. */
export function randomSources(): Uint8Array[] {
  return variants(MANY, (bytes, i, next) => {
    bytes.setUint16(BYTES.source, 0x0600 | (i >>> 16));
    bytes.setUint32(BYTES.source + 2, next());
  });
}

/** Each frame to another host of a network behind the router, none of which is there. @param network upper 16 bits of its addresses */
export function absentNeighbors(network: number, router: string): Uint8Array[] {
  const mac = router.split(':').map((part) => Number.parseInt(part, 16));
  return variants(1 << 16, (bytes, i) => {
    mac.forEach((octet, k) => {
      bytes.setUint8(BYTES.destination + k, octet);
    });
    bytes.setUint32(BYTES.destinationAddress, ((network << 16) | i) >>> 0);
  });
}

/** To everybody. */
export function broadcasts(): Uint8Array[] {
  return variants(1, (bytes) => {
    bytes.setUint16(BYTES.destination, 0xffff);
    bytes.setUint32(BYTES.destination + 2, 0xffff_ffff);
    bytes.setUint32(BYTES.destinationAddress, 0x0a00_00ff);
  });
}

/** The checksum of an IPv4 header without options. Source: RFC 791, section 3.1; RFC 1071. */
function completeHeader(one: Uint8Array): void {
  const bytes = new DataView(one.buffer);
  bytes.setUint16(24, 0);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += bytes.getUint16(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  bytes.setUint16(24, ~(sum + (sum >>> 16)) & 0xffff);
}
