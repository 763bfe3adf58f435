import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { QemuServer } from '../../src/control/config/model.ts';
import { Console } from '../../src/lab/servers/console.ts';
import { type ConsoleLine, runOnConsole } from '../../src/lab/servers/exec.ts';
import { qemuCommand } from '../../src/lab/servers/qemu-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'servers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const machine: QemuServer = {
  kind: 'qemu',
  name: 'vm1',
  port: 'a',
  restart: 'never',
  cpuShare: null,
  cpus: 2,
  memory: 512 * 2 ** 20,
  disk: null,
  kernel: '/boot/vmlinuz',
  initrd: '/boot/initrd',
  append: 'console=ttyS0 quiet',
  accel: 'auto',
  console: null,
  mac: '52:54:00:00:00:01',
  nic: { kind: 'socket', path: '/run/a,b.sock' },
};

/** The word after another. */
const follows = (words: readonly string[], word: string) => words[words.indexOf(word) + 1];

describe('the command of a virtual machine', () => {
  it('plugs it into a socket, whatever is in the path', () => {
    const { program, words } = qemuCommand(machine, 'red/vm1', 'x64');
    expect(program).toBe('qemu-system-x86_64');
    expect(follows(words, '-netdev')).toBe('stream,id=nic,server=off,addr.type=unix,addr.path=/run/a,,b.sock');
    expect([follows(words, '-m'), follows(words, '-smp'), follows(words, '-name')]).toEqual(['512M', '2', 'red/vm1']);
    expect(follows(words, '-append')).toBe('console=ttyS0 quiet');
    expect(words.filter((_, i) => words[i - 1] === '-accel')).toEqual(['kvm', 'tcg']);
  });

  it('hands a TAP over as an open file, and a disk in its format', () => {
    const nic = { kind: 'tap', device: 'vm1', mtu: 1500 } as const;
    const { words } = qemuCommand({ ...machine, nic, disk: '/vm/a.qcow2', kernel: null, append: null }, 'v', 'x64');
    expect(follows(words, '-netdev')).toBe('tap,id=nic,fd=3');
    expect(follows(words, '-drive')).toBe('file=/vm/a.qcow2,if=virtio,format=qcow2');
    expect(words).not.toContain('-kernel');
    const raw = qemuCommand({ ...machine, disk: '/vm/a.img', accel: 'tcg' }, 'v', 'arm64');
    expect(raw.program).toBe('qemu-system-aarch64');
    expect(follows(raw.words, '-drive')).toBe('file=/vm/a.img,if=virtio,format=raw');
    expect(follows(raw.words, '-machine')).toBe('virt');
  });
});

describe('a console', () => {
  const never = (message: string) => {
    throw new Error(message);
  };

  it('tells what came since a position, as far as it remembers', () => {
    const console = new Console(null, never);
    console.add('one ');
    const first = console.since(0);
    expect(first).toEqual({ text: 'one ', end: 4 });
    console.add('two');
    expect(console.since(first.end)).toEqual({ text: 'two', end: 7 });
    expect(console.since(7).text).toBe('');
    console.add('x'.repeat(70_000));
    expect(console.since(0).text.length).toBe(65_536);
    expect(console.since(70_000).text).toBe('x'.repeat(7));
  });

  it('writes a file, and begins another when that is long', async () => {
    const path = join(folder, 'console.log');
    const console = new Console(path, never, 100);
    for (let i = 0; i < 12; i++) {
      console.add('0123456789');
      // The file is opened, and turned, by events.
      while (!existsSync(path)) await sleep(1);
    }
    console.close();
    for (let i = 0; i < 500 && readFileSync(path, 'utf8').length + readFileSync(`${path}.1`, 'utf8').length < 120; i++)
      await sleep(10);
    expect(readFileSync(`${path}.1`, 'utf8').length).toBe(110);
    expect(readFileSync(path, 'utf8').length).toBe(10);
  });

  it('goes on without a file that cannot be written', async () => {
    const told = Promise.withResolvers<string>();
    const console = new Console(join(folder, 'no', 'folder.log'), told.resolve);
    expect(await told.promise).toMatch(/cannot be written to .*folder.log: ENOENT/);
    console.add('still');
    expect(console.since(0).text).toBe('still');
    console.close();
  });
});

describe('a command by the shell on a console', () => {
  /**
   * A shell that echoes what is typed, as a terminal does, and answers in its own way.
   * @param lost lines that are typed before it is there
   */
  function shell(answer: (mark: string) => string, lost = 0, typed: string[] = []): ConsoleLine {
    const console = new Console(null, () => {});
    console.add('/ # ');
    return {
      since: async (from) => console.since(from),
      type: async (text) => {
        typed.push(text);
        if (typed.length <= lost) return;
        console.add(text.replace('\n', '\r\n'));
        const knock = /^echo (@\d+\?)\n$/.exec(text)?.[1];
        console.add(knock === undefined ? answer(/echo (@\d+);/.exec(text)?.[1] ?? '') : `${knock}\r\n/ # `);
      },
    };
  }

  it('gives what it printed and how it ended, and not what was typed', async () => {
    const line = shell((mark) => `${mark}\r\nfirst\r\nsecond\r\n${mark} 3\r\n/ # `);
    expect(await runOnConsole(line, ['ls', "it's"], 1000)).toEqual({ text: 'first\nsecond\n', code: 3 });
    const silent = shell((mark) => `${mark}\r\n${mark} 0\r\n/ # `);
    expect(await runOnConsole(silent, ['true'], 1000)).toEqual({ text: '', code: 0 });
  });

  it('waits for a machine that boots, and is typed once', async () => {
    const typed: string[] = [];
    const line = shell((mark) => `${mark}\r\nnow\r\n${mark} 0\r\n/ # `, 2, typed);
    expect(await runOnConsole(line, ['date'], 30_000)).toEqual({ text: 'now\n', code: 0 });
    expect(typed.filter((text) => text.includes('date'))).toHaveLength(1);
    expect(typed).toHaveLength(4);
  });

  it('says so when nobody answers', async () => {
    await expect(
      runOnConsole(
        shell(() => 'login: ', 1000),
        ['true'],
        100,
      ),
    ).rejects.toThrow('The console does not answer');
  });
});
