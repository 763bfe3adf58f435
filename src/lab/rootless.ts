import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { UserError } from '../errors.ts';

const TUN = '/dev/net/tun';
/** A network and mounts of its own, where whoever calls is root: user_namespaces(7). */
const UNSHARE = ['--user', '--map-root-user', '--net', '--mount'];
/** Names of network namespaces stand in /run/netns, which is root's: there is a /run of our own. It dies with whoever started it. */
const SCRIPT = 'mount -t tmpfs tmpfs /run && exec setpriv --pdeathsig TERM "$@"';

/** @throws UserError `not-permitted`, with what would allow it */
function checkRootless(): void {
  const tried = spawnSync('unshare', [...UNSHARE, 'sh', '-c', 'mount -t tmpfs tmpfs /run'], { encoding: 'utf8' });
  if (tried.error !== undefined || tried.status !== 0) {
    const why = tried.error?.message ?? (tried.stderr.trim().split('\n').at(-1) || `exit ${tried.status}`);
    throw new UserError(
      'not-permitted',
      `This machine lets you make no user namespace (${why})`,
      'run it as root, or allow them: sysctl -w user.max_user_namespaces=10000, and where it is there ' +
        'kernel.unprivileged_userns_clone=1 (Debian) or kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)',
    );
  }
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const cure = `run it as root, or open it as udev does: chmod 666 ${TUN}`;
    throw new UserError('not-permitted', `${TUN} is not there, or closed to you`, cure, { cause });
  }
}

/**
 * Runs this program once more, as root of a user namespace: what it makes is nobody else's, and gone with it.
 * @param words of the command line @returns the exit code @throws UserError `not-permitted`
 */
export async function runRootless(words: readonly string[]): Promise<number> {
  checkRootless();
  const program = [process.execPath, ...process.execArgv, process.argv[1], ...words];
  const child = spawn('unshare', [...UNSHARE, 'sh', '-c', SCRIPT, 'sh', ...program], { stdio: 'inherit' });
  // Ctrl-C reaches it by itself; whoever asks us means it.
  const pass = (signal: NodeJS.Signals) => void (signal === 'SIGINT' || child.kill(signal));
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, pass);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    for (const name of names) process.off(name, pass);
  }
}
