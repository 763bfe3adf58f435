import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { Errno, linuxError } from './errors.ts';
import { failpoint } from './failpoint.ts';
import * as ffi from './ffi.ts';
import { atDeath, type Clause, owner } from './last-will.ts';
import { shellWord } from './shell.ts';
import { runTool, TOOL_ENVIRONMENT } from './tool.ts';

/** Network namespaces by name, as `ip netns` keeps them: a file each under /run/netns, so that others see and use ours. */
const DIRECTORY = '/run/netns';
const O_RDONLY_CLOEXEC = 0o2000000;
const CLONE_NEWNET = 0x4000_0000;
const CODES = { [Errno.EPERM]: 'E_NETNS_PERMISSION', [Errno.ENOENT]: 'E_NETNS_MISSING' } as const;

export function netnsExists(name: string): boolean {
  return existsSync(`${DIRECTORY}/${name}`);
}

export function listNetns(): string[] {
  return existsSync(DIRECTORY) ? readdirSync(DIRECTORY).sort() : [];
}

/**
 * Makes a namespace, its loopback up, IPv6 autoconfiguration as the kernel has it.
 * @param made whose it is: the alias of its loopback, which it has before it has a name
 */
export function createNetns(name: string, made?: string): void {
  const home = enter('/proc/thread-self/ns/net', 'our own network namespace');
  try {
    // While it has no name it goes with our thread, should we be killed.
    if (ffi.unshare(CLONE_NEWNET) < 0) throw linuxError('unshare', `namespace ${name}`, ffi.errno(), CODES);
    failpoint('netns');
    const lo = ['link', 'set', 'dev', 'lo'];
    const alias = made === undefined ? [] : [[...lo, 'alias', made]];
    // proc(5): the link leads to `pid/task/tid`; a thread, too, is found under /proc by its number.
    const thread = readlinkSync('/proc/thread-self').split('/').at(-1) ?? '';
    runTool('ip', [], [[...lo, 'up'], ...alias, ['netns', 'attach', name, thread]]);
  } finally {
    goTo(home, 'the namespace we came from');
  }
}

const ours = new Map<string, Clause>();

/** Makes a namespace that goes with us, however we end, unless `deleteOwnNetns` has deleted it before. */
export function createOwnNetns(name: string): void {
  const word = shellWord(name);
  const alias = `$(ip -n ${word} -o link show dev lo 2>/dev/null | sed -n 's/.*alias \\([^ ]*\\).*/\\1/p')`;
  const clause = atDeath(`[ "${alias}" = ${owner} ] && ip netns del ${word} && echo namespace ${word}`);
  try {
    createNetns(name, owner);
  } catch (error) {
    clause.strike();
    throw error;
  }
  ours.set(name, clause);
}

/** Deletes namespaces that `createOwnNetns` made, if they are there still. */
export function deleteOwnNetns(names: readonly string[]): void {
  deleteAllNetns(names);
  for (const name of names) {
    ours.get(name)?.strike();
    ours.delete(name);
  }
}

/** @returns who made the namespace, or undefined: not one of ours, or gone */
export function netnsOwner(name: string): string | undefined {
  if (!netnsExists(name)) return undefined;
  const links = JSON.parse(runTool('ip', ['-n', name, '-j', 'link', 'show', 'dev', 'lo'])) as { ifalias?: string }[];
  return links[0]?.ifalias;
}

/** Deletes a namespace, and with it the TAPs and veths inside once no process lives there. Without one of that name, nothing. */
export function deleteNetns(name: string): void {
  deleteAllNetns([name]);
}

/** Deletes several at once: of one process of `ip`, since each costs more than the deletion. */
export function deleteAllNetns(names: readonly string[]): void {
  const there = names.filter(netnsExists);
  if (there.length === 0) return;
  try {
    runTool(
      'ip',
      ['-force'],
      there.map((name) => ['netns', 'del', name]),
    );
  } catch (error) {
    // Somebody else, a watchdog for one, may have deleted one of them first.
    if (there.some(netnsExists)) throw error;
  }
}

function enter(path: string, object: string): number {
  const fd = ffi.open(path, O_RDONLY_CLOEXEC, 0);
  if (fd < 0) throw linuxError('open', object, ffi.errno(), CODES);
  return fd;
}

/** Moves the thread, and closes the fd. */
function goTo(fd: number, object: string): void {
  const moved = ffi.setns(fd, CLONE_NEWNET);
  const why = ffi.errno();
  ffi.close(fd);
  if (moved < 0) throw linuxError('setns', object, why, CODES);
}

/**
 * Calls `work` with the calling thread inside a namespace, and comes back whatever happens. What is opened there (a TAP, a
 * socket, a file under /proc/sys/net) belongs to that namespace for good. Only for synchronous work: `setns` moves
 * one thread, and anything awaited would run wherever that thread is then.
 * @param name undefined stays where we are
 */
export function withNetns<Result>(name: string | undefined, work: () => Result): Result {
  if (name === undefined) return work();
  const home = enter('/proc/thread-self/ns/net', 'our own network namespace');
  let there: number;
  try {
    there = enter(`${DIRECTORY}/${name}`, `namespace ${name}`);
  } catch (error) {
    ffi.close(home);
    throw error;
  }
  try {
    goTo(there, `namespace ${name}`);
    return work();
  } finally {
    goTo(home, 'the namespace we came from');
  }
}

/** Starts a command inside a namespace. It gets /sys and /etc/netns of that namespace, as with `ip netns exec`. */
export function spawnInNetns(
  name: string,
  command: string,
  words: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  return spawn('ip', ['netns', 'exec', name, command, ...words], { env: TOOL_ENVIRONMENT, ...options });
}
