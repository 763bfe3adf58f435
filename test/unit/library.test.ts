import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { buildFrame, type ConfigInput, Tapyard, type TimedEvent } from '../../src/library/index.ts';

const bridge = (...ports: readonly string[]): ConfigInput => ({
  version: 1,
  tenants: { red: { bridge: { ports: Object.fromEntries(ports.map((name) => [name, { memory: true as const }])) } } },
});
const mac = (n: number) => `02:00:00:00:00:0${n}`;
const to = (destination: number, source: number, payload = '') =>
  buildFrame({ ethernet: { destination: mac(destination), source: mac(source), type: 0x88b5 }, payload, pad: true });
const text = (frame: Uint8Array | null) =>
  Buffer.from(frame?.subarray(14) ?? [])
    .toString()
    .replaceAll('\0', '');
const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
  return 'none';
};

describe('a switch in a program', () => {
  let lab: Tapyard;
  beforeAll(async () => {
    lab = await Tapyard.start(bridge('a', 'b', 'c'), { io: 'poll' });
  });
  afterAll(() => lab.stop());

  test('forwards frames between memory ports', async () => {
    const [a, b] = [lab.port('red', 'a'), lab.tenant('red').port('b')];
    expect(a.send(to(2, 1, 'hello'))).toBe(true);
    expect(text(await b.next())).toBe('hello');
    expect(a.receive()).toBeNull();
    expect(await b.next({ timeoutMs: 1 })).toBeNull();
  });

  test('gives frames to an iterator, in batches and to a callback, in order', async () => {
    const [a, c] = [lab.port('red', 'a'), lab.port('red', 'c')];
    c.send(to(9, 3));
    await a.next();
    // What was flooded before its address was learned.
    while (c.receive() !== null);
    const frames = Array.from({ length: 5000 }, (_, i) => to(3, 1, `frame ${i}`));
    const got: string[] = [];
    const sent = a.sendAll(frames);
    for await (const frame of c) if (got.push(text(frame)) === 1000) break;
    for await (const batch of c.batches({ most: 64 })) {
      expect(batch.length).toBeLessThanOrEqual(64);
      got.push(...batch.map(text));
      if (got.length >= 2000) break;
    }
    await new Promise<void>((resolve, reject) => {
      const stop = c.onFrames(
        (batch) => {
          got.push(...batch.map(text));
          if (got.length < 5000) return;
          stop();
          resolve();
        },
        { onError: reject },
      );
    });
    expect(await sent).toBe(5000);
    expect(got).toEqual(frames.map(text));
  });

  test('counts, traces and says what happened', async () => {
    const [row] = (await lab.tenant('red').show('ports')).filter(({ port }) => port === 'c');
    expect(row).toMatchObject({ tenant: 'red', kind: 'memory', tx_frames: expect.any(Number), dropped: 0 });
    expect(Number(row['tx_frames'])).toBeGreaterThanOrEqual(5000);
    const { outputs, steps } = await lab.tenant('red').trace('a', to(3, 1));
    expect(outputs).toMatchObject([{ tenant: 'red', port: 'c' }]);
    expect(steps.map(({ stage }) => stage)).toContain('learn');
    expect(await codeOf(() => lab.tenant('red').trace('none', to(3, 1)))).toBe('usage');
  });

  test('takes and gives back rules, as ovs-ofctl writes them', async () => {
    const { flows } = lab.tenant('red');
    expect(await flows.add(`priority=7,in_port=1,dl_dst=${mac(3)},actions=drop\npriority=6,actions=NORMAL`)).toBe(2);
    lab.port('red', 'a').send(to(3, 1, 'lost'));
    expect(await lab.port('red', 'c').next({ timeoutMs: 100 })).toBeNull();
    expect((await flows.list('in_port=1')).map(({ priority, packets }) => [priority, packets])).toEqual([[7, 1]]);
    expect(await codeOf(() => flows.add('actions=fly'))).toBe('rules-invalid');
    expect(await flows.delete('in_port=1')).toBe(1);
    lab.port('red', 'a').send(to(3, 1, 'found'));
    expect(text(await lab.port('red', 'c').next())).toBe('found');
    expect(await lab.tenant('red').groups.list()).toEqual([]);
  });

  test('changes while it runs: whole, or not at all', async () => {
    expect((await lab.plan(bridge('a', 'b'))).map(({ sign, kind, name }) => [sign, kind, name])).toEqual([
      ['-', 'port', 'c'],
    ]);
    const c = lab.port('red', 'c');
    const end = c.next({ timeoutMs: 20_000 });
    await lab.apply(bridge('a', 'b', 'd'));
    expect(await end).toBeNull();
    expect(await codeOf(() => c.send(to(1, 3)))).toBe('port-unusable');
    await lab.edit({ op: 'add', kind: 'port', tenant: 'red', name: 'e', value: { memory: true } });
    lab.port('red', 'e').send(to(9, 5, 'new'));
    expect(text(await lab.port('red', 'd').next())).toBe('new');
    expect(lab.export()).toContain('e:');
    expect(await codeOf(() => lab.apply({ ...bridge('a'), workers: 99 }))).toBe('config-invalid');
    expect(lab.tenants).toEqual(['red']);
  });
});

describe('errors and endings', () => {
  test('all that is wrong with a configuration is told at once, with places', async () => {
    const wrong =
      'version: 1\ntenants: {red: {bridge: {ports: {a: {memory: true, vlan: 5000}, b: {tap: much-too-long-a-name}}}}}';
    const error = await Tapyard.start(wrong, { name: 'mine' }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UserError);
    const { code, diagnostics } = error as UserError;
    expect(code).toBe('config-invalid');
    expect(diagnostics.map(({ place }) => [place.file, place.line])).toEqual([
      ['mine', 2],
      ['mine', 2],
    ]);
    expect(() => Tapyard.check(bridge('a'))).not.toThrow();
    // @ts-expect-error a key that the schema does not have is an error of the type, too
    expect(() => Tapyard.check({ version: 1, tennants: {} })).toThrow(UserError);
  });

  test('`await using` ends it, and with it iterators, listeners and waiting', async () => {
    let waiting: Promise<unknown>[];
    let left: Tapyard;
    {
      await using lab = await Tapyard.start(bridge('a', 'b'), { io: 'poll' });
      left = lab;
      const drain = async (stream: AsyncIterable<unknown>) => {
        for await (const _ of stream);
        return 'ended';
      };
      waiting = [drain(lab.port('red', 'a')), drain(lab.events()), lab.port('red', 'b').next({ timeoutMs: 20_000 })];
      expect(await codeOf(() => lab.port('red', 'none'))).toBe('port-unusable');
      expect(await codeOf(() => lab.tenant('blue'))).toBe('usage');
    }
    expect(await Promise.all(waiting)).toEqual(['ended', 'ended', null]);
    expect(await codeOf(() => left.port('red', 'a'))).toBe('port-unusable');
    await left.stop();
  });

  test('what happens comes to who listens and to who iterates', async () => {
    const ports = { a: { memory: true as const }, b: { memory: true as const } };
    const acls = { all: { rules: [{ deny: 'any' as const, log: true }], ingress: ['a'] } };
    await using lab = await Tapyard.start(
      { version: 1, tenants: { red: { bridge: { ports }, acls } } },
      { io: 'poll' },
    );
    const heard: TimedEvent[] = [];
    const stop = lab.onEvent((event) => heard.push(event));
    lab.port('red', 'a').send(buildFrame({ ipv4: { source: '10.0.0.1', destination: '10.0.0.2' }, payload: 'x' }));
    for await (const event of lab.events({ signal: AbortSignal.timeout(120_000) })) {
      expect(event).toMatchObject({ number: 1, event: { type: 'slow', tenant: 'red', event: { port: 0 } } });
      break;
    }
    stop();
    expect(heard).toHaveLength(1);
  });

  test('two switches in one process are apart', async () => {
    await using one = await Tapyard.start(bridge('a', 'b'), { io: 'poll' });
    await using other = await Tapyard.start(bridge('a', 'b'), { io: 'poll' });
    one.port('red', 'a').send(to(2, 1, 'one'));
    expect(text(await one.port('red', 'b').next())).toBe('one');
    expect(other.port('red', 'b').receive()).toBeNull();
  });

  test('the example runs, as its reader would run it in a checkout', () => {
    const words = ['bin/node-pinned', '--conditions=tapyard-source', '--test', 'examples/library/policy.ts'];
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const done = spawnSync('sh', words, { encoding: 'utf8', env, timeout: 120_000 });
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toMatch(/pass 1\b/);
  });
});
