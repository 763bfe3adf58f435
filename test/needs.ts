/**
 * What suites need of the machine. A suite whose needs are not met is left out by vitest.config.ts, and is named, with the
 * reason, when this file is run (test/run.sh); with CI=true it fails then.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const runs = (...words: string[]): boolean => spawnSync(words[0], words.slice(1), { stdio: 'ignore' }).status === 0;

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where test/run.sh has examples/guest put a kernel and an initramfs for virtual machines. */
export const GUEST = fileURLToPath(new URL('../node_modules/.cache/guest', import.meta.url));
const QEMU = process.arch === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';

/** Each need, and the reason for leaving a suite out where it is not met. */
const NEEDS = {
  root: { reason: 'not root', met: () => process.getuid?.() === 0 },
  tun: { reason: 'no /dev/net/tun', met: () => readable('/dev/net/tun') },
  ip: { reason: 'no ip and tc (apt-get install iproute2)', met: () => runs('ip', '-V') && runs('tc', '-V') },
  netns: { reason: 'no network namespaces may be made here', met: () => runs('unshare', '-n', 'true') },
  users: {
    reason: 'users without privileges may make no user namespaces here',
    met: () =>
      runs('setpriv', '--reuid=65534', '--clear-groups', 'unshare', '--user', '--map-root-user', '--net', 'true'),
  },
  guest: {
    reason: 'no QEMU, or no kernel and initramfs for it (sh examples/guest/make node_modules/.cache/guest)',
    met: () => runs(QEMU, '--version') && existsSync(`${GUEST}/initrd.gz`),
  },
  cap: {
    reason: 'no package cap (sh bin/install-cap)',
    met: () => existsSync('node_modules/cap/build/Release/cap.node'),
  },
  controllers: {
    reason: 'no osken-manager and ovs-testcontroller (apt-get install python3-os-ken openvswitch-testcontroller)',
    met: () => runs('osken-manager', '--version') && runs('ovs-testcontroller', '--version'),
  },
  openssl: { reason: 'no openssl (apt-get install openssl)', met: () => runs('openssl', 'version') },
  ofctl: {
    reason: 'no ovs-ofctl (apt-get install openvswitch-common)',
    met: () => runs('ovs-ofctl', '--version'),
  },
  shells: {
    reason: 'no zsh and fish (apt-get install zsh fish)',
    met: () => runs('zsh', '-fc', ':') && runs('fish', '-Nc', ':'),
  },
  promtool: { reason: 'no promtool (apt-get install prometheus)', met: () => runs('promtool', '--version') },
  tshark: { reason: 'no tshark (apt-get install tshark)', met: () => runs('tshark', '-v') },
} as const;
type Need = keyof typeof NEEDS;

const LINUX: readonly Need[] = ['root', 'tun', 'ip', 'netns'];

/** Files that are not named here need nothing but the pinned Node. */
const SUITES: readonly { readonly files: string; readonly needs: readonly Need[] }[] = [
  { files: 'test/unit/native-*.test.ts', needs: LINUX },
  { files: 'test/unit/openflow-controllers.test.ts', needs: ['openssl'] },
  { files: 'test/contract/ports.test.ts', needs: LINUX },
  { files: 'test/contract/ofctl.test.ts', needs: ['ofctl'] },
  { files: 'test/contract/openflow-judges.test.ts', needs: ['ofctl', 'controllers'] },
  { files: 'test/lab/**/!(machines|cap).test.ts', needs: LINUX },
  { files: 'test/lab/capture.test.ts', needs: ['tshark'] },
  { files: 'test/lab/metrics.test.ts', needs: ['promtool'] },
  { files: 'test/lab/cap.test.ts', needs: [...LINUX, 'cap'] },
  { files: 'test/lab/rootless.test.ts', needs: ['users'] },
  { files: 'test/lab/machines.test.ts', needs: [...LINUX, 'guest'] },
  { files: 'test/lab/{controllers,restarts}.test.ts', needs: ['controllers'] },
  { files: 'test/lab/add-flows.test.ts', needs: ['ofctl'] },
  { files: 'test/lab/channel.test.ts', needs: ['controllers', 'openssl', 'ofctl'] },
  { files: 'test/package/**/*.test.ts', needs: LINUX },
  { files: 'test/unit/completion.test.ts', needs: ['shells'] },
  { files: 'test/golden/**/*.test.ts', needs: ['tshark'] },
];

export interface LeftOut {
  readonly file: string;
  readonly reasons: readonly string[];
}

/** Suites that cannot run on this machine. */
export function leftOut(): LeftOut[] {
  const lacking = new Set((Object.keys(NEEDS) as Need[]).filter((need) => !NEEDS[need].met()));
  return SUITES.flatMap(({ files, needs }) => {
    const reasons = needs.filter((need) => lacking.has(need)).map((need) => NEEDS[need].reason);
    return reasons.length === 0 ? [] : globSync(files).map((file) => ({ file, reasons }));
  });
}

/** Set, to anything but "false", where every suite must run. */
export const inCi = (process.env['CI'] ?? 'false') !== 'false';

if (import.meta.main) {
  const suites = leftOut();
  for (const { file, reasons } of suites) console.log(`skipped: ${file}: ${reasons.join(', ')}`);
  if (inCi && suites.length > 0) {
    console.log('With CI=true every suite must run.');
    process.exitCode = 1;
  }
}
