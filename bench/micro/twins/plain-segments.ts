/**
 * Segments of a TCP super-frame over IPv4 without options, cut out of one flat frame as RFC 9293 and RFC 1071 have it: each a copy of its own,
 * sums made anew 16 bits at a time. The slow twin of src/path/segment.ts.
 */

const [ETHERNET, IPV4, TCP] = [14, 20, 20];
export const HEADERS = ETHERNET + IPV4 + TCP;
const PROTOCOL_TCP = 6;
/** FIN and PSH are the last segment's, CWR the first's. */
const [LAST, FIRST] = [0x09, 0x80];

export function plainSegments(frame: Uint8Array, size: number): Uint8Array[] {
  const segments: Uint8Array[] = [];
  for (let from = HEADERS; from < frame.length; from += size) {
    const data = frame.slice(from, from + size);
    const out = new Uint8Array(HEADERS + data.length);
    out.set(frame.subarray(0, HEADERS));
    out.set(data, HEADERS);
    const view = new DataView(out.buffer);
    view.setUint16(ETHERNET + 2, out.length - ETHERNET);
    view.setUint16(ETHERNET + 4, view.getUint16(ETHERNET + 4) + segments.length);
    view.setUint16(ETHERNET + 10, 0);
    view.setUint16(ETHERNET + 10, ~folded(summed(view, ETHERNET, ETHERNET + IPV4)));
    const tcp = ETHERNET + IPV4;
    view.setUint32(tcp + 4, view.getUint32(tcp + 4) + (from - HEADERS));
    if (from + size < frame.length) out[tcp + 13] &= ~LAST;
    if (segments.length > 0) out[tcp + 13] &= ~FIRST;
    view.setUint16(tcp + 16, 0);
    const pseudo = summed(view, ETHERNET + 12, ETHERNET + IPV4) + PROTOCOL_TCP + (out.length - tcp);
    view.setUint16(tcp + 16, ~folded(pseudo + summed(view, tcp, out.length)));
    segments.push(out);
  }
  return segments;
}

function summed(bytes: DataView, from: number, to: number): number {
  let sum = 0;
  let at = from;
  for (; at + 1 < to; at += 2) sum += bytes.getUint16(at);
  return at < to ? sum + (bytes.getUint8(at) << 8) : sum;
}

function folded(sum: number): number {
  let left = sum;
  while (left > 0xffff) left = (left & 0xffff) + (left >>> 16);
  return left;
}
