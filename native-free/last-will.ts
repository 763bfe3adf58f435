import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Errno, linuxError } from './errors.ts';
import { failpoint } from './failpoint.ts';
import * as ffi from './ffi.ts';
import { shellWord } from './shell.ts';
import { TOOL_ENVIRONMENT } from './tool.ts';
import { watchdog } from './watchdog.ts';

/**
 * What is to be undone when this process dies, however it dies: kill -9 runs no hook of ours. Each thing that would outlive us is
 * written down before it is made, as a script of POSIX sh, in a folder of this instance; the instance is alive as long as it holds a
 * lock in there (flock(2)), which the kernel takes away with the process. A watchdog process of ours carries the scripts out when
 * we are gone, and if that was killed too, the next start of anybody does. So two instances side by side leave each other alone, and
 * what is nobody's of ours is never looked at.
 *
 * A script that cannot be carried out from where its reader is (devices of another network namespace) ends with `NOT_HERE`: it stays, with
 * its folder, for somebody who can.
 *
 * One lock for all instances of a user keeps a start, another start and a watchdog from doing it at the same time; whoever carries a
 * script out holds it, so it is released when the last command has ended, not when who began it was killed.
 */
const ROOT = rootOf(process.geteuid?.() ?? -1, process.env);
const LOCK_EX_NB = 2 | 4;
const O_RDWR_CREAT_CLOEXEC = 0o2 | 0o100 | 0o2000000;
/** EX_TEMPFAIL of sysexits.h. */
const NOT_HERE = 75;
/** The kernel closes our files one after the other, and each TAP takes it a while. */
const DYING_S = 10;
const LOCK_TRIES = 1000;
const LOCK_WAIT_MS = 10;
/** Clauses are numbered downwards, so that the names of files are in the order in which they are carried out. */
const MOST_CLAUSES = 1e9;

/** Six letters and digits that no other instance on this machine has: short enough for names of devices. */
export const instance = randomBytes(4).readUInt32BE().toString(36).padStart(6, '0').slice(-6);

/** What kernel devices and namespaces that we made carry as alias. */
export const owner = `tapyard:${instance}`;

/** One thing that would outlive us. */
export interface Clause {
  /** Puts another script in the place of the one before, at one stroke. */
  change(script: string): void;
  /** It need not be done any more. Idempotent. */
  strike(): void;
}

let folder: string | undefined;
let clauses = 0;

/**
 * Writes down what is to be done when we are dead. Call it before the thing is made; the script must do no harm if it never was,
 * and must make sure that what it takes away is still ours.
 * @param script POSIX sh; what it prints on stdout is what `cleanUpAfterDead` returns
 * @param urgent done before all that is not: others wait for it
 */
export function atDeath(script: string, urgent = false): Clause {
  const path = join(prepare(), `${urgent ? 'a' : 'b'}${String(MOST_CLAUSES - ++clauses).padStart(9, '0')}`);
  const change = (text: string) => {
    const fresh = join(prepare(), '.new');
    writeFileSync(fresh, `${text}\n`);
    renameSync(fresh, path);
    failpoint('will');
  };
  change(script);
  return { change, strike: () => rmSync(path, { force: true }) };
}

/** Removes a file at our death, if it is still the one that is there now. */
export function removeAtDeath(path: string): Clause {
  const { dev, ino } = statSync(path);
  const word = shellWord(path);
  return atDeath(`[ "$(stat -c %d:%i ${word} 2>/dev/null)" = ${dev}:${ino} ] && rm -f ${word} && echo ${word}`);
}

/** Does what instances that were killed have not done, nor their watchdogs. @returns what was removed, a line each */
export function cleanUpAfterDead(): string[] {
  if (!isOurs(ROOT)) return [];
  const done = spawnSync('flock', [join(ROOT, 'lock'), 'sh', '-c', carryOut(ROOT)], {
    encoding: 'utf8',
    env: TOOL_ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return (done.stdout ?? '').split('\n').filter((line) => line !== '');
}

/**
 * For each instance whose lock is free: the urgent first, what was made last before what was made first. Whoever reads what it prints may
 * go meanwhile. The lock is that of `folder/.`, since flock(1) makes a file where nothing is.
 */
function carryOut(root: string): string {
  return `cd ${shellWord(root)} || exit
trap '' PIPE
for one in */; do
  flock -n "$one." true 2>/dev/null || continue
  left=
  for clause in "$one"[ab]*; do
    ( . "./$clause" ) 2>/dev/null
    if [ $? = ${NOT_HERE} ]; then left=1; else rm -f "./$clause"; fi
  done
  [ -n "$left" ] || rm -rf "./$one"
done`;
}

/** @returns POSIX sh that goes on only in the network namespace of this process; elsewhere the clause is left for others */
export function onlyInThisNetwork(): string {
  return `[ "$(stat -L -c %i /proc/self/ns/net)" = ${statSync('/proc/self/ns/net').ino} ] || exit ${NOT_HERE}`;
}

/** @returns the folder of this instance, made, locked and watched when it is first asked for */
export function prepare(): string {
  if (folder !== undefined) return folder;
  const root = makeRoot();
  const path = join(root, instance);
  // Nobody may see the folder before it is locked.
  const all = lock(join(root, 'lock'));
  try {
    mkdirSync(path, { mode: 0o700 });
    failpoint('instance');
    lock(path);
  } finally {
    ffi.close(all);
  }
  watchdog(`flock -w ${DYING_S} ${shellWord(`${path}/.`)} true
exec flock ${shellWord(join(root, 'lock'))} sh -c ${shellWord(carryOut(root))}`);
  folder = path;
  return path;
}

/** Where instances of a user have their folders: the same place for each of them. */
function rootOf(user: number, { RUNTIME_DIRECTORY, XDG_RUNTIME_DIR }: Readonly<NodeJS.ProcessEnv>): string {
  // The service manager's (systemd.exec(5), RuntimeDirectory=), the machine's, the session's, or one of ours.
  if (RUNTIME_DIRECTORY !== undefined) return RUNTIME_DIRECTORY.split(':')[0];
  if (user === 0) return '/run/tapyard';
  return XDG_RUNTIME_DIR === undefined ? join(tmpdir(), `tapyard-${user}`) : join(XDG_RUNTIME_DIR, 'tapyard');
}

function makeRoot(): string {
  try {
    mkdirSync(ROOT, { recursive: true, mode: 0o700 });
    if (isOurs(ROOT)) return ROOT;
  } catch {
    // A machine whose /run cannot be written to: no later start will look elsewhere, but our watchdog does.
  }
  return mkdtempSync(join(tmpdir(), 'tapyard-'));
}

/** Whether nobody but us and root can have put scripts there. */
function isOurs(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
}

/** Waits for a lock as long as a clean-up may take. @returns its fd, which holds it @throws LinuxError */
function lock(path: string): number {
  const directory = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const fd = ffi.open(path, directory ? 0o2000000 : O_RDWR_CREAT_CLOEXEC, 0o600);
  if (fd < 0) throw linuxError('open', path, ffi.errno());
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < LOCK_TRIES; i++) {
    if (ffi.flock(fd, LOCK_EX_NB) === 0) return fd;
    Atomics.wait(pause, 0, 0, LOCK_WAIT_MS);
  }
  ffi.close(fd);
  throw linuxError('flock', path, Errno.EBUSY);
}
