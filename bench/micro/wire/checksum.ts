import { checksum, replace } from '../../../src/wire/checksum.ts';
import { compare } from '../suite.ts';

const bytes = new DataView(new ArrayBuffer(1500));
for (let i = 0; i < bytes.byteLength; i++) bytes.setUint8(i, (i * 37) & 255);

/** RFC 1071 as it is written down: 16 bits at a time. */
function plain(from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at += 2) sum += bytes.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

compare('wire/checksum', [
  {
    name: 'of 1,500 bytes',
    fast: () => checksum(bytes, 0, 1500),
    slow: () => plain(0, 1500),
    least: 1.2,
    reason: 'software segmentation sums every byte',
  },
]);

const header = checksum(bytes, 0, 20);
const edited = new DataView(bytes.buffer.slice(0, 20));
edited.setUint16(8, 0x3f11);
compare('wire/checksum', [
  {
    name: 'patched for one word (RFC 1624)',
    fast: () => ~replace(~header & 0xffff, bytes.getUint16(8), 0x3f11) & 0xffff,
    slow: () => checksum(edited, 0, 20),
    least: 1.5,
    reason: 'every routed frame is patched',
  },
]);
