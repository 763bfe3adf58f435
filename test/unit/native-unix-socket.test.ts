import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Errno } from '../../native-free/errors.ts';
import { acceptUnix, closeSocket, hangUp, SocketAddress } from '../../native-free/unix-socket.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapyard-socket-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('unix sockets', () => {
  it('listen, are connected to and accepted, all without waiting', () => {
    const address = new SocketAddress(join(folder, 'a'));
    expect(address.connect()).toBe(-Errno.ENOENT);
    const listening = address.listen();
    expect(acceptUnix(listening)).toBe(-Errno.EAGAIN);
    const near = address.connect();
    const far = acceptUnix(listening);
    expect(Math.min(near, far)).toBeGreaterThan(2);
    hangUp(far);
    closeSocket(near);
    closeSocket(listening);
    expect(address.connect()).toBe(-Errno.ECONNREFUSED);
  });

  it('take the place of one that nobody listens at, and of nothing else', () => {
    const address = new SocketAddress(join(folder, 'a'));
    closeSocket(address.listen());
    expect(existsSync(address.path)).toBe(true);
    const listening = address.listen();
    expect(() => address.listen()).toThrow(/another program listens there/);
    closeSocket(listening);
    const file = new SocketAddress(join(folder, 'file'));
    writeFileSync(file.path, 'mine');
    expect(() => file.listen()).toThrow(/EADDRINUSE/);
    expect(existsSync(file.path)).toBe(true);
  });

  it('say what is wrong with a path', () => {
    expect(() => new SocketAddress(join(folder, 'x'.repeat(120)))).toThrow(/at most 107 bytes/);
    expect(() => new SocketAddress('')).toThrow(/EINVAL/);
    expect(() => new SocketAddress(join(folder, 'no', 'folder')).listen()).toThrow(/in a folder that is there/);
  });
});
