import { describe, expect, test } from 'vitest';
import { Backoff } from '../../src/openflow/channel/backoff.ts';
import { Connection } from '../../src/openflow/channel/connection.ts';
import { negotiate } from '../../src/openflow/channel/hello.ts';
import { DEFAULT_LIMITS } from '../../src/openflow/channel/options.ts';
import { parseTarget, TargetError } from '../../src/openflow/channel/target.ts';
import { encode } from '../../src/openflow/codec/codec.ts';
import { refuse } from '../../src/openflow/codec/errors.ts';
import { HandTimers, OpenFlowPeer, settled, streamPair } from '../support/openflow-peer.ts';

interface Ends {
  readonly timers: HandTimers;
  readonly connection: Connection;
  readonly peer: OpenFlowPeer;
  readonly reasons: string[];
  readonly seen: string[];
}

/** A connection over a stream in memory; a barrier waits until it is let go, a features request is refused. */
function connected(limits = DEFAULT_LIMITS, gate: { open: () => void } = { open: () => undefined }): Ends {
  const timers = new HandTimers();
  const [ours, theirs] = streamPair();
  const reasons: string[] = [];
  const seen: string[] = [];
  const connection: Connection = new Connection(
    ours,
    {
      greeted: () => seen.push('greeted'),
      message: ({ message, xid }) => {
        seen.push(message.type);
        if (message.type === 'features_request') throw refuse('BAD_REQUEST', 'EPERM', 'not today');
        if (message.type === 'role_request') throw new Error('a fault of ours');
        if (message.type !== 'barrier_request') return null;
        return new Promise<void>((resolve) => {
          gate.open = () => {
            connection.send({ type: 'barrier_reply' }, xid);
            resolve();
          };
        });
      },
      closed: (reason) => reasons.push(reason),
    },
    { timers, limits, idleMs: 5000, answerMs: 3000 },
  );
  return { timers, connection, peer: new OpenFlowPeer(theirs), reasons, seen };
}

/** A hello by hand: version of the header, elements behind it. */
const hello = (version: number, ...rest: number[]) =>
  Uint8Array.of(version, 0, 0, 8 + rest.length, 0, 0, 0, 1, ...rest);

describe('a version is agreed on', () => {
  test.each([
    ['by the bitmap, when both have one', 6, [4, 5, 6], 4],
    ['not, when the bitmap lacks ours', 6, [1, 5, 6], null],
    ['by the smaller of the headers, without a bitmap', 6, null, 4],
    ['not with OpenFlow 1.0', 1, null, null],
    ['by the bitmap of an old header', 1, [1, 4], 4],
  ] as const)('%s', (_, version, versions, agreed) => {
    expect(negotiate(version, versions)).toBe(agreed);
  });

  test('and whoever speaks another is told so, and left', async () => {
    const { peer, reasons } = connected();
    peer.stream.write(hello(1));
    expect(await peer.next('hello')).toMatchObject({ versions: [4] });
    const error = await peer.next('error');
    expect(error).toMatchObject({ errorType: 0, code: 0, xid: 1 });
    expect(Buffer.from(error.data).toString()).toContain('OpenFlow 1.3');
    await peer.ended();
    expect(reasons).toEqual(['it speaks no OpenFlow 1.3 (version 1)']);
  });

  test('before anything else is said', async () => {
    const { peer, reasons, seen } = connected();
    peer.send({ type: 'barrier_request' });
    expect(await peer.next('error')).toMatchObject({ errorType: 0, code: 0 });
    await peer.ended();
    expect([seen, reasons]).toEqual([[], ['the first message was no hello']]);
  });

  test('or the connection ends after 10 seconds', async () => {
    const { timers, peer, reasons } = connected();
    await timers.pass(9_900);
    expect(reasons).toEqual([]);
    await timers.pass(100);
    expect(reasons).toEqual(['no hello']);
    expect(peer.received.map(({ message }) => message.type)).toEqual(['hello']);
  });

  test('and messages of another version are refused afterwards', async () => {
    const { peer } = connected();
    peer.greet().stream.write(Uint8Array.of(1, 5, 0, 8, 0, 0, 0, 9));
    expect(await peer.next('error')).toMatchObject({ errorType: 1, code: 0, xid: 9 });
  });
});

describe('a connection', () => {
  test('answers an echo with its own bytes', async () => {
    const { peer } = connected();
    peer.greet().send({ type: 'echo_request', data: Uint8Array.of(1, 2, 3) }, 77);
    expect(await peer.next('echo_reply')).toMatchObject({ xid: 77, data: Uint8Array.of(1, 2, 3) });
  });

  test('asks a silent peer for an echo, and ends without an answer', async () => {
    const { timers, peer, reasons } = connected();
    peer.greet();
    await timers.pass(4_900);
    expect(peer.received.map(({ message }) => message.type)).toEqual(['hello']);
    await timers.pass(200);
    const { xid } = await peer.next('echo_request');
    peer.send({ type: 'echo_reply', data: new Uint8Array() }, xid);
    await timers.pass(5_100);
    expect((await peer.next('echo_request')).xid).not.toBe(xid);
    await timers.pass(3_000);
    expect(reasons).toEqual(['no answer to an echo request']);
  });

  test('does not blame a peer for its silence while it is not read from', async () => {
    const { timers, peer, reasons } = connected();
    peer.greet().send({ type: 'barrier_request' });
    await timers.pass(60_000);
    expect(reasons).toEqual([]);
  });

  test('answers what is refused with type, code and 64 bytes of it', async () => {
    const { peer, connection } = connected();
    peer.greet().send({ type: 'features_request' }, 5);
    const error = await peer.next('error');
    expect(error).toMatchObject({ errorType: 1, code: 5, xid: 5 });
    expect([...error.data]).toEqual([...encode({ type: 'features_request' }, 5)]);
    peer.send({ type: 'packet_in', ...NOTHING, data: new Uint8Array(500) }, 6);
    peer.stream.write(Uint8Array.of(4, 99, 0, 100, 0, 0, 0, 7, ...new Array<number>(92).fill(1)));
    const second = await peer.next('error');
    expect([second.errorType, second.code, second.xid, second.data.length]).toEqual([1, 1, 7, 64]);
    expect(connection.errors).toBe(2);
  });

  test('lets messages behind a barrier wait for its reply', async () => {
    const gate: { open: () => void } = { open: () => undefined };
    const { peer, seen } = connected(DEFAULT_LIMITS, gate);
    peer.greet().send({ type: 'barrier_request' }, 1);
    for (let k = 2; k < 40; k++) peer.send({ type: 'echo_request', data: new Uint8Array() }, k);
    await settled();
    expect(peer.received.map(({ message }) => message.type)).toEqual(['hello']);
    expect(seen).toEqual(['greeted', 'barrier_request']);
    gate.open();
    await settled();
    expect(peer.received.map(({ xid }) => xid).slice(1)).toEqual(Array.from({ length: 39 }, (_, k) => k + 1));
  });

  test('reads nothing more while messages wait', async () => {
    const { peer, connection } = connected();
    peer.greet().send({ type: 'barrier_request' }, 1);
    let taken = 0;
    for (; taken < 10_000 && peer.stream.writableLength < 200_000; taken++) {
      peer.send({ type: 'echo_request', data: new Uint8Array(1000) });
      if (taken % 16 === 0) await settled();
    }
    // What has not been read stays with the peer.
    expect(taken).toBeLessThan(1_000);
    expect(connection.received).toBe(2);
  });

  test('gives up a peer that does not read, at a bound', async () => {
    const limits = { ...DEFAULT_LIMITS, mostBytes: 100_000 };
    const timers = new HandTimers();
    const [ours] = streamPair();
    const reasons: string[] = [];
    const nothing = { greeted: () => undefined, message: () => null };
    const events = { ...nothing, closed: (reason: string) => reasons.push(reason) };
    const connection = new Connection(ours, events, { timers, limits, idleMs: 1e6, answerMs: 1e6 });
    for (let k = 0; k < 1000 && connection.open; k++)
      connection.send({ type: 'echo_request', data: new Uint8Array(1000) });
    expect(reasons).toEqual(['it does not read what it is sent']);
    expect(connection.waiting).toBeLessThan(110_000);
  });

  test('ends when a length cannot be, for then nothing more can be found in the stream', async () => {
    const { peer, reasons } = connected();
    peer.greet().stream.write(Uint8Array.of(4, 5, 0, 3, 0, 0, 0, 9));
    expect(await peer.next('error')).toMatchObject({ errorType: 1, code: 6 });
    await peer.ended();
    expect(reasons).toHaveLength(1);
  });

  test('that meets a fault of ours costs its peer the connection, and nobody else anything', async () => {
    const { peer, reasons } = connected();
    peer.greet().send({ type: 'role_request', role: 0, generationId: 0n });
    await peer.ended();
    expect(reasons[0]).toMatch(/^internal error: Error: a fault of ours/);
  });

  test('understands every message, wherever the stream is cut', async () => {
    const bytes = Buffer.concat([
      encode({ type: 'hello', versions: [4] }, 1),
      encode({ type: 'echo_request', data: Uint8Array.of(1, 2, 3, 4, 5) }, 2),
      encode({ type: 'features_request' }, 3),
      encode({ type: 'echo_request', data: new Uint8Array() }, 4),
    ]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { peer } = connected();
      peer.stream.write(bytes.subarray(0, cut));
      await settled();
      peer.stream.write(bytes.subarray(cut));
      await settled();
      expect(peer.received.map(({ message, xid }) => `${message.type} ${xid}`).slice(1), `cut at ${cut}`).toEqual([
        ...['echo_reply 2', 'error 3', 'echo_reply 4'],
      ]);
    }
  });
});

const NOTHING = { buffer: 0, totalLength: 0, reason: 0, table: 0, cookie: 0n, match: [] } as const;

describe('waiting for a controller', () => {
  test('begins below a second, doubles, ends at 8 seconds, and begins anew after a connection', () => {
    const backoff = new Backoff(new HandTimers());
    const waits = Array.from({ length: 8 }, () => backoff.next());
    expect(waits).toEqual([188, 375, 750, 1500, 3000, 6000, 6000, 6000]);
    backoff.reset();
    expect(backoff.next()).toBe(188);
  });

  test.each([0, 0.999])('never comes at once, nor later than the bound (random %d)', (random) => {
    const backoff = new Backoff(Object.assign(new HandTimers(), { random: () => random }));
    for (let k = 0; k < 10; k++) {
      const wait = backoff.next();
      expect(wait).toBeGreaterThanOrEqual(125);
      expect(wait).toBeLessThanOrEqual(8000);
    }
  });
});

describe('an address', () => {
  test.each([
    ['tcp:127.0.0.1:6654', { kind: 'tcp', host: '127.0.0.1', port: 6654 }],
    ['tcp:controller.example', { kind: 'tcp', host: 'controller.example', port: 6653 }],
    ['ssl:[::1]:7000', { kind: 'ssl', host: '::1', port: 7000 }],
    ['unix:run/red.mgmt', { kind: 'unix', path: 'run/red.mgmt' }],
    ['ptcp:', { kind: 'tcp', host: '127.0.0.1', port: 6653 }],
    ['ptcp:6654', { kind: 'tcp', host: '127.0.0.1', port: 6654 }],
    ['ptcp:6654:0.0.0.0', { kind: 'tcp', host: '0.0.0.0', port: 6654 }],
    ['pssl:6653:[::]', { kind: 'ssl', host: '::', port: 6653 }],
    ['punix:red.mgmt', { kind: 'unix', path: 'red.mgmt' }],
  ])('to listen at: %s', (text, target) => {
    expect(parseTarget(text, true)).toMatchObject(target);
  });

  test.each([
    ...[
      '',
      'tcp',
      'tcp:',
      'udp:127.0.0.1:1',
      'tcp:127.0.0.1:0',
      'tcp:127.0.0.1:70000',
      'tcp:a:b:1',
      'ptcp:6653',
      'unix:',
    ],
    `unix:${'x'.repeat(108)}`,
  ])('of a controller cannot be "%s"', (text) => {
    expect(() => parseTarget(text, false)).toThrow(TargetError);
  });
});
