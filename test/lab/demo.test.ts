import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createNetns, deleteNetns, listNetns } from '../../native-free/netns.ts';
import { demoConfig, prefixOf, readModel } from '../../src/lab/plan.ts';
import { asNobody } from '../support/nobody.ts';
import { eventually } from '../support/switch-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The demo as a user starts it; the launcher execs, so the pid is that of the demo. */
function start(words: readonly string[], user: readonly string[] = []): { child: ChildProcess; ended: Promise<Ended> } {
  const [command, ...rest] = [...user, 'sh', 'bin/tapyard', 'demo', ...words];
  const child = spawn(command, rest, { cwd: root });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended };
}

const namespacesOf = (pid: number) => listNetns().filter((name) => name.startsWith(`${prefixOf(pid)}-`));

/** Waits until something holds, or the demo has ended. */
async function until(what: () => boolean, ended: Promise<Ended>): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!what() && !over) await sleep(10);
}

describe('the demo', () => {
  it('holds all its checks, says so as JSON, and leaves nothing behind', async () => {
    const { child, ended } = start(['--once', '--json', '--seconds', '1']);
    const { code, stdout, stderr } = await ended;
    expect(stderr).toBe('');
    const { ok, checks, drops } = JSON.parse(stdout);
    const failed = checks.filter((check: { ok: boolean }) => !check.ok);
    expect(failed, JSON.stringify(failed)).toEqual([]);
    expect({ ok, code, checks: checks.length }).toEqual({ ok: true, code: 0, checks: 24 });
    expect(drops).toContainEqual(expect.objectContaining({ tenant: 'red', port: 'web1', reason: 'acl-in' }));
    expect(namespacesOf(child.pid!)).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('takes everything down at %s', async (signal) => {
    const { child, ended } = start(['--once']);
    // Its end too, so that a demo that fails is seen as that.
    await Promise.race([once(child.stdout!, 'data'), ended]);
    expect(namespacesOf(child.pid!)).toHaveLength(8);
    child.kill(signal);
    const { code, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'tapyard: interrupted\n' });
    expect(namespacesOf(child.pid!)).toEqual([]);
  });

  it('is cleaned up after kill -9, but not what a stranger has put in its place', async () => {
    const killed = start(['--once']);
    await until(() => namespacesOf(killed.child.pid!).length > 1, killed.ended);
    const [stranger] = namespacesOf(killed.child.pid!);
    deleteNetns(stranger);
    createNetns(stranger, 'somebody else');
    try {
      killed.child.kill('SIGKILL');
      await killed.ended;
      await eventually('its end', () => namespacesOf(killed.child.pid!).length === 1);
      expect(namespacesOf(killed.child.pid!)).toEqual([stranger]);
    } finally {
      deleteNetns(stranger);
    }
  });

  it('says what it needs when it is not root', async () => {
    const { code, stderr } = await start(['--once'], asNobody()).ended;
    expect(code).toBe(77);
    expect(stderr).toContain('Cure: run it as root');
  });
});

describe('the plan of the demo', () => {
  it('has the same VLANs and addresses in both tenants, but one', () => {
    const { tenants } = readModel(demoConfig(4_194_304), 'demo');
    const [red, blue] = tenants.map(({ bridge }) =>
      bridge.ports.map((port) => [
        port.name,
        port.vlan,
        port.kind === 'tap' ? port.addresses.map(({ text }) => text) : [],
      ]),
    );
    const db2 = red.pop();
    expect(blue.pop()).toEqual([db2![0], db2![1], ['10.0.20.12/24', '10.0.20.99/24', 'fd00:20::12/64']]);
    expect(red).toEqual(blue);
  });
});
