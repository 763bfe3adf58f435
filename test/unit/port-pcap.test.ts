import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Batch, Fate } from '../../src/frame/batch.ts';
import { Pool } from '../../src/frame/pool.ts';
import { TxQueue } from '../../src/frame/tx-queue.ts';
import { Drop } from '../../src/observe/drop.ts';
import { type PcapOptions, PcapPort } from '../../src/port/pcap-port.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapyard-pcap-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sink = {
  frames: 0,
  reasons: [] as number[],
  sent: () => void sink.frames++,
  cloned: () => undefined,
  lost: (_tenant: number, _row: number, reason: number) => void sink.reasons.push(reason),
};

/** What a word of a capture file is: depends on byte order. */
interface Format {
  readonly little: boolean;
  readonly nanoseconds: boolean;
}

const frame = (n: number, length: number) => Uint8Array.from({ length }, (_, i) => (n + i) & 255);

/** @param records [seconds, fraction, frame, bytes kept] */
function file(
  name: string,
  format: Format,
  records: readonly (readonly [number, number, Uint8Array, number?])[],
): string {
  const word = (value: number, size = 4) => {
    const bytes = Buffer.alloc(size);
    if (format.little) bytes.writeUIntLE(value, 0, size);
    else bytes.writeUIntBE(value, 0, size);
    return bytes;
  };
  const head = [
    word(format.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4),
    word(2, 2),
    word(4, 2),
    word(0),
    word(0),
    word(65535),
    word(1),
  ];
  const body = records.flatMap(([seconds, fraction, bytes, kept = bytes.length]) => [
    ...[seconds, fraction, kept, bytes.length].map((value) => word(value)),
    bytes.subarray(0, kept),
  ]);
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([...head, ...body]));
  return path;
}

function open(options: Partial<PcapOptions>, clock = { us: 0 }) {
  const pool = new Pool(512, 4, 2);
  const all: PcapOptions = { read: null, write: null, pace: 'speed', loops: 1, ...options };
  return {
    pool,
    clock,
    port: new PcapPort('p', all, pool, sink, () => clock.us, 1_700_000_000_250_000),
    batch: new Batch(),
  };
}

type Opened = ReturnType<typeof open>;

function take({ port, batch, pool }: Opened, most = 256): Uint8Array[] {
  batch.count = 0;
  port.request(most, 0);
  port.receive(batch, most);
  const out: Uint8Array[] = [];
  for (let i = 0; i < batch.count; i++) {
    out.push(pool.octets.slice(batch.start[i], batch.start[i] + batch.headLength[i]));
    pool.release(batch.head[i]);
    pool.release(batch.body[i]);
  }
  return out;
}

describe('a pcap port', () => {
  for (const little of [true, false]) {
    for (const nanoseconds of [true, false]) {
      it(`reads ${little ? 'little' : 'big'} endian files with ${nanoseconds ? 'nano' : 'micro'}seconds, paced by them`, () => {
        const unit = nanoseconds ? 1000 : 1;
        const path = file('in.pcap', { little, nanoseconds }, [
          [1000, 999_990 * unit, frame(1, 60)],
          [1001, 10 * unit, frame(2, 61)],
          [1001, 10 * unit, frame(3, 62)],
          [1003, 0, frame(4, 63)],
        ]);
        const opened = open({ read: path, pace: 'recorded' }, { us: 5_000_000 });
        expect(take(opened)).toEqual([frame(1, 60)]);
        expect(opened.port.dueUs).toBeCloseTo(5_000_020, 2);
        opened.clock.us += 19;
        expect(take(opened)).toEqual([]);
        expect(opened.port.pending).toBe(false);
        opened.clock.us += 2;
        opened.port.request(256, 0);
        expect(opened.port.pending).toBe(true);
        expect(take(opened)).toEqual([frame(2, 61), frame(3, 62)]);
        opened.clock.us += 3_000_000;
        expect(take(opened)).toEqual([frame(4, 63)]);
        expect(opened.port.finished).toBe(true);
        expect(opened.port.failure).toBe(null);
      });
    }
  }

  it('reads a file as often as it is told, its pace unbroken', () => {
    const path = file('loop.pcap', { little: true, nanoseconds: false }, [
      [1, 0, frame(1, 60)],
      [1, 500, frame(2, 60)],
    ]);
    const opened = open({ read: path, pace: 'recorded', loops: 3 });
    const due: number[] = [];
    while (!opened.port.finished) {
      opened.port.request(1, 0);
      if (opened.port.pending) due.push(opened.clock.us);
      if (take(opened, 1).length === 0) opened.clock.us += 100;
    }
    expect(due).toEqual([0, 500, 500, 1000, 1000, 1500]);
    const endless = open({ read: path, loops: null });
    expect(take(endless, 200).length).toBe(200);
    expect(endless.port.finished).toBe(false);
  });

  it('reads files larger than its memory', () => {
    const records = Array.from({ length: 3000 }, (_, n) => [n, 0, frame(n, 300 + (n % 1200))] as const);
    const opened = open({ read: file('large.pcap', { little: true, nanoseconds: false }, records) });
    for (let n = 0; n < 3000; )
      for (const bytes of take(opened)) expect(Buffer.compare(bytes, records[n++][2])).toBe(0);
    expect(opened.port.finished).toBe(true);
  });

  it('drops frames that the capture cut short as truncated', () => {
    const path = file('cut.pcap', { little: true, nanoseconds: false }, [
      [1, 0, frame(1, 100), 40],
      [1, 0, frame(2, 60)],
    ]);
    const opened = open({ read: path });
    expect(take(opened)).toEqual([frame(1, 40), frame(2, 60)]);
    expect([...opened.batch.fate.subarray(0, 2)]).toEqual([Fate.Dropped, Fate.Live]);
    expect(opened.batch.reason[0]).toBe(Drop.Truncated);
  });

  it('stops at a broken record and says so', () => {
    const whole = readFileSync(
      file('x.pcap', { little: true, nanoseconds: false }, [
        [1, 0, frame(1, 60)],
        [1, 0, frame(2, 60)],
      ]),
    );
    const path = join(folder, 'broken.pcap');
    writeFileSync(path, whole.subarray(0, whole.length - 1));
    const within = open({ read: path });
    expect(take(within)).toEqual([frame(1, 60)]);
    expect(within.port.failure).toMatch(/broken\.pcap ends within a record/);
    whole.writeUInt32LE(300_000, 24 + 76 + 8);
    writeFileSync(path, whole);
    const absurd = open({ read: path });
    expect(take(absurd)).toEqual([frame(1, 60)]);
    expect(absurd.port.failure).toMatch(/a record claims more than 262144 bytes/);
  });

  it('refuses what is no capture of Ethernet frames, and says what to do', () => {
    const path = join(folder, 'other');
    const refuse = (bytes: Buffer) => {
      writeFileSync(path, bytes);
      return () => open({ read: path });
    };
    const good = readFileSync(file('good.pcap', { little: true, nanoseconds: false }, []));
    const linux = Buffer.from(good);
    linux.writeUInt32LE(113, 20);
    expect(refuse(linux)).toThrow(/link type 113, not of Ethernet/);
    expect(refuse(Buffer.concat([Buffer.from([0x0a, 0x0d, 0x0d, 0x0a]), Buffer.alloc(30)]))).toThrow(/pcapng.*editcap/);
    expect(refuse(Buffer.from('hello, this is no capture at all'))).toThrow(/is not a pcap file/);
    expect(refuse(Buffer.alloc(0))).toThrow(/is not a pcap file/);
    expect(() => open({ read: join(folder, 'absent') })).toThrow(/ENOENT/);
  });

  it('writes nanosecond files, to be seen after a while, and loses nothing at the end', () => {
    const path = join(folder, 'out.pcap');
    const opened = open({ write: path });
    const { port, pool, clock } = opened;
    const queue = new TxQueue(4);
    const send = (n: number, length: number) => {
      const head = pool.takeHead(0);
      pool.octets.set(frame(n, length), pool.frameStart(head));
      queue.count = 0;
      queue.push(head, pool.frameStart(head), length, -1, 0, 0, 0, 0, 0);
      return port.transmit(queue);
    };
    port.request(0, 0);
    expect(readFileSync(path).length).toBe(24);
    clock.us = 1_250_001.5;
    expect(send(1, 60)).toBe(1);
    port.request(0, 0);
    expect(readFileSync(path).length).toBe(24);
    clock.us += 20_000;
    port.request(0, 0);
    expect(readFileSync(path).length).toBe(24 + 76);
    for (let n = 0; n < 1000; n++) send(n, 1000);
    port.close();
    const written = readFileSync(path);
    expect(written.length).toBe(24 + 76 + 1000 * 1016);
    expect(written.readUInt32LE(0)).toBe(0xa1b23c4d);
    expect([written.readUInt32LE(24), written.readUInt32LE(28)]).toEqual([1_700_000_001, 500_001_500]);
    expect(pool.audit().usedHeads).toBe(0);
  });

  it('loses what is sent when there is nowhere to write it', () => {
    const none = open({ read: file('r.pcap', { little: true, nanoseconds: false }, []) });
    const full = open({ write: '/dev/full' });
    const queue = new TxQueue(1);
    sink.reasons = [];
    for (const { pool, port, clock } of [none, full]) {
      for (let i = 0; i < 2; i++) {
        const head = pool.takeHead(0);
        queue.count = 0;
        queue.push(head, pool.frameStart(head), 60, -1, 0, 0, 0, 0, 0);
        expect(port.transmit(queue)).toBe(1);
        clock.us += 1e6;
        port.request(0, 0);
      }
      expect(pool.audit().usedHeads).toBe(0);
    }
    expect(sink.reasons).toEqual([Drop.LinkDown, Drop.LinkDown, Drop.TxError]);
    expect(full.port.gone).toBe(true);
    expect(full.port.failure).toMatch(/\/dev\/full cannot be written: ENOSPC/);
    full.port.close();
  });
});
