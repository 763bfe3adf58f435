import { execFileSync } from 'node:child_process';
import { concat } from './packets.ts';

/** A capture file, microseconds, Ethernet. Source: draft-ietf-opsawg-pcap. */
export function pcap(frames: readonly Uint8Array[]): Uint8Array {
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const records = frames.flatMap((frame, i) => [words(1, i, frame.length, frame.length), frame]);
  return concat(words(0xa1b2c3d4, 0x0004_0002, 0, 0, 262144, 1), ...records);
}

const CHECKSUMS = ['ip', 'tcp', 'udp', 'icmp', 'icmpv6'].map((protocol) => `${protocol}.checksum.status == 0`);
/** A display filter for frames with which something is wrong. */
export const WRONG = ['_ws.malformed', '_ws.expert.severity == "Error"', ...CHECKSUMS].join(' || ');

/** What tshark, which must be installed, says of a capture, all checksums checked. */
export function tshark(file: string, ...options: string[]): string {
  const checks = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
  const arguments_ = ['-n', '-r', file, ...checks, ...options];
  return execFileSync('tshark', arguments_, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
