import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listLinks } from '../../native-free/links.ts';
import { listNetns } from '../../native-free/netns.ts';

/**
 * Mounts of its own, in which /dev/net/tun has the rights that udev gives it, or others, and the checkout can be read whatever lies above it;
 * then a user without privileges.
 */
const SCRIPT = `mount -t tmpfs -o mode=755 tmpfs "$1" && mkdir "$1/here" && mknod "$1/tun" c 10 200 && chmod "$2" "$1/tun" &&
mount --bind "$1/tun" /dev/net/tun && mount --bind . "$1/here" && cd "$1/here" && shift 2 &&
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapyard-rootless-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'mount'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function demo(tunMode: string, options: readonly string[], path = '') {
  // Coverage is written where only root may.
  const env = { ...process.env, NODE_V8_COVERAGE: '', PATH: `${path}${process.env['PATH']}` };
  const words = ['--mount', 'sh', '-c', SCRIPT, 'sh', join(folder, 'mount'), tunMode];
  return spawnSync('unshare', [...words, 'sh', 'bin/tapyard', 'demo', ...options], {
    encoding: 'utf8',
    env,
    timeout: 170_000,
  });
}

describe('the demo without root', () => {
  test('holds, in a user namespace of its own, and is seen by nobody', () => {
    const before = new Set([...listNetns(), ...listLinks().map(({ ifname }) => ifname)]);
    const done = demo('666', ['--once', '--json', '--seconds', '1']);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    const { ok, checks } = JSON.parse(done.stdout) as { readonly ok: boolean; readonly checks: readonly unknown[] };
    expect(ok).toBe(true);
    expect(checks.length).toBeGreaterThan(20);
    const after = [...listNetns(), ...listLinks().map(({ ifname }) => ifname)];
    expect(after.filter((name) => /(red|blue)-(web|db)\d$/.test(name) && !before.has(name))).toEqual([]);
  });

  test('names the cure where /dev/net/tun is closed', () => {
    const done = demo('600', ['--once']);
    expect(done.status).toBe(77);
    expect(done.stderr).toMatch(/\/dev\/net\/tun is not there, or closed to you\. Cure: .*chmod 666/);
  });

  test('names the cure where no user namespace may be made', () => {
    const refusing = join(folder, 'bin');
    mkdirSync(refusing);
    // As unshare(1) does where the kernel refuses; the test's own call has been made by then.
    writeFileSync(
      join(refusing, 'unshare'),
      '#!/bin/sh\ncase $1 in --user) echo "unshare: unshare failed: Operation not permitted" >&2; exit 1 ;; esac\nexec /usr/bin/unshare "$@"\n',
    );
    chmodSync(join(refusing, 'unshare'), 0o755);
    const done = demo('666', ['--rootless', '--once', '--json'], `${refusing}:`);
    expect(done.status).toBe(77);
    expect(JSON.parse(done.stderr)).toMatchObject({
      error: {
        code: 'not-permitted',
        message: expect.stringContaining('unshare failed: Operation not permitted'),
        cure: expect.stringContaining('max_user_namespaces'),
      },
    });
  });
});
