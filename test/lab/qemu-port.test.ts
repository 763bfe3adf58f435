import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SocketAddress } from '../../native-free/unix-socket.ts';
import { call } from '../../src/control/rpc.ts';
import { numbered } from '../contract/ports.ts';
import { StreamEnd } from '../contract/stream-end.ts';
import { eventually, SwitchProcess, tapyard } from '../support/switch-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'qemu-port-'));
const path = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(['uring', 'poll'])('a switch with qemu ports (%s)', (io) => {
  let running: SwitchProcess;
  beforeAll(async () => {
    running = await SwitchProcess.started(
      `version: 1
workers: 2
tenants:
  red:
    bridge:
      ports:
        a: {qemu: {listen: ${path(`a-${io}`)}}}
        b: {qemu: {listen: ${path(`b-${io}`)}}}
        c: {qemu: {connect: ${path(`c-${io}`)}}}
`,
      { TAPYARD_IO: io },
    );
  });
  afterAll(() => running?.stop());

  it('carries frames between peers on different workers, and finds one that listens later', async () => {
    const a = StreamEnd.connect(path(`a-${io}`));
    const b = StreamEnd.connect(path(`b-${io}`));
    const listening = new SocketAddress(path(`c-${io}`)).listen();
    const links = async () => (await running.show('ports')).map(({ link }) => link).join();
    await eventually('all peers', async () => (await links()) === 'up,up,up');
    const frames = Array.from({ length: 200 }, (_, n) => numbered(n, 60 + ((n * 37) % 1400)).frame);
    for (const frame of frames) a.send(frame);
    const seen: Uint8Array[] = [];
    await eventually('the frames', () => {
      seen.push(...b.receive());
      return seen.length === frames.length;
    });
    expect(seen).toEqual(frames);
    a.close();
    await eventually('the end of a', async () => (await links()) === 'down,up,up');
    const events = JSON.stringify(await call(running.socket, 'events', {}));
    expect(events).toContain('"connected"');
    expect(events).toContain('"closed"');
    expect(tapyard(['events', '--socket', running.socket]).stdout).toContain('peer of a has closed the connection');
    const books = await running.show('tenants');
    expect(books[0]).toMatchObject({ received: 200, held: 0 });
    b.close();
    expect(listening).toBeGreaterThan(2);
  });

  it('takes its sockets away when it ends', async () => {
    expect(statSync(path(`a-${io}`)).isSocket()).toBe(true);
    await running.end('SIGTERM');
    expect(() => statSync(path(`a-${io}`))).toThrow('ENOENT');
    expect(running.stderr).not.toContain('Error');
  });
});
