import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Batch } from '../../src/frame/batch.ts';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { Ledger } from '../../src/observe/ledger.ts';
import { Emit } from '../../src/path/emit.ts';
import type { BridgeImage } from '../../src/path/image.ts';
import { OffloadCheck } from '../../src/path/offload.ts';
import { Outputs } from '../../src/path/outputs.ts';
import { Parse } from '../../src/path/parse.ts';
import { frameBytes, poolOf, pushFrame } from '../support/frames.ts';
import { concat, destinationOptions, type Packet, packet, pattern } from '../support/packets.ts';

/** The frames that leave, by a device without offloads, when one comes in. */
function emitted(spec: Packet, gsoSize: number, limit: number, headSplit: number): Uint8Array[] {
  const pool = poolOf(256, 2);
  const batch = new Batch();
  const built = packet({ ...spec, partial: true });
  const gsoType = gsoSize === 0 ? 0 : spec.protocol === 'tcp' ? (spec.version === 6 ? 4 : 1) : 5;
  const vnet = { gsoType, gsoSize, csumStart: built.l4, csumOffset: built.csumOffset };
  pushFrame(batch, pool, built.bytes, { vnet, headSplit });
  new Parse(pool).run(batch);
  new OffloadCheck(pool).run(batch);
  batch.limit[0] = limit;
  const outputs = new Outputs(1);
  outputs.count = 1;
  outputs.head[0] = batch.head[0];
  outputs.start[0] = batch.start[0];
  outputs.headLength[0] = batch.headLength[0];
  const queue = new TxQueue(256);
  const devices = { count: 1, offloads: Int32Array.of(0), linkUp: Int32Array.of(1), queues: [queue] };
  const bridge = { device: Int32Array.of(0) } as unknown as BridgeImage;
  new Emit(pool, new Ledger(1), devices, bridge, 0).run(batch, outputs);
  return Array.from({ length: queue.count }, (_, k) => frameBytes(pool, queue, k));
}

/** A capture file, microseconds, Ethernet. Source: draft-ietf-opsawg-pcap. */
function pcap(frames: readonly Uint8Array[]): Uint8Array {
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const records = frames.flatMap((frame, i) => [words(1, i, frame.length, frame.length), frame]);
  return concat(words(0xa1b2c3d4, 0x0004_0002, 0, 0, 262144, 1), ...records);
}

const folder = mkdtempSync(join(tmpdir(), 'tapyard-golden-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What tshark, which must be installed, says of a capture. */
function tshark(file: string, ...options: string[]): string {
  const checks = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
  const capture = ['-n', '-r', join(folder, file), ...checks, '-o', 'ip.defragment:TRUE'];
  return execFileSync('tshark', [...capture, ...options], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

const TIMESTAMPS = Uint8Array.from([1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]);
const ROUTER_ALERT = Uint8Array.from([148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0]);
const tags = [{ tpid: 0x88a8, tci: 0x6064 }];

interface Case {
  readonly name: string;
  readonly spec: Packet;
  readonly gsoSize: number;
  readonly limit?: number;
  readonly headSplit: number;
  readonly frames: number;
}

const tcp = { protocol: 'tcp', tcpOptions: TIMESTAMPS, tcpFlags: 0x199, payload: pattern(20001) } as const;
const udp = { protocol: 'udp', payload: pattern(20001) } as const;
const CASES: Case[] = [
  { name: 'tcp4', spec: tcp, gsoSize: 1448, headSplit: 1982, frames: 14 },
  { name: 'tcp4-options', spec: { ...tcp, options: ROUTER_ALERT, tags }, gsoSize: 1403, headSplit: 501, frames: 15 },
  { name: 'tcp6', spec: { ...tcp, version: 6 }, gsoSize: 1428, headSplit: 1982, frames: 15 },
  {
    name: 'tcp6-extension',
    spec: { ...tcp, version: 6, tags, options: destinationOptions(16, 6) },
    gsoSize: 1001,
    headSplit: 1982,
    frames: 20,
  },
  { name: 'udp4', spec: udp, gsoSize: 1472, headSplit: 1982, frames: 14 },
  { name: 'udp6', spec: { ...udp, version: 6 }, gsoSize: 1452, headSplit: 333, frames: 14 },
  { name: 'fragments', spec: udp, gsoSize: 0, limit: 1500, headSplit: 1982, frames: 14 },
  {
    name: 'fragments-options',
    spec: { ...udp, options: ROUTER_ALERT, tags },
    gsoSize: 0,
    limit: 577,
    headSplit: 200,
    frames: 37,
  },
  { name: 'segments-fragmented', spec: udp, gsoSize: 1472, limit: 1000, headSplit: 1982, frames: 27 },
];

describe('what the segmenter and the fragmenter emit, as tshark sees it', () => {
  const captures = new Map<string, Uint8Array[]>();
  beforeAll(() => {
    for (const { name, spec, gsoSize, limit = 0, headSplit } of CASES) {
      const frames = emitted(spec, gsoSize, limit, headSplit);
      captures.set(name, frames);
      writeFileSync(join(folder, name), pcap(frames));
    }
    const spoilt = captures.get('udp4')!.map((bytes) => bytes.with(60, bytes[60] ^ 1));
    writeFileSync(join(folder, 'spoilt'), pcap(spoilt));
  });

  const wrong = '_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0';

  it('is found wrong where a byte is changed, so that the other tests say something', () => {
    expect(tshark('spoilt', '-Y', wrong).trim().split('\n')).toHaveLength(14);
  });

  for (const { name, spec, frames } of CASES) {
    it(`${name}: no malformed frame, no bad checksum, and the payload whole`, () => {
      expect(captures.get(name)).toHaveLength(frames);
      expect(tshark(name, '-Y', wrong)).toBe('');
      let hex: string;
      if (spec.protocol === 'tcp') {
        expect(tshark(name, '-Y', 'tcp.analysis.flags')).toBe('');
        const stream = tshark(name, '-q', '-z', 'follow,tcp,raw,0');
        hex = stream.match(/^[0-9a-f]+$/gm)?.join('') ?? '';
      } else {
        hex = tshark(name, '-T', 'fields', '-e', 'udp.payload').replace(/\s/g, '');
      }
      expect(Buffer.from(hex, 'hex').equals(Buffer.from(spec.payload!))).toBe(true);
    });
  }
});
