import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atDeath, type Clause } from '../../../native-free/last-will.ts';
import { createOwnNetns, deleteOwnNetns, netnsExists } from '../../../native-free/netns.ts';
import { shellWord } from '../../../native-free/shell.ts';
import { TOOL_ENVIRONMENT } from '../../../native-free/tool.ts';
import { UserError } from '../../errors.ts';
import type { Forwarder } from './forwarders.ts';
import type { Rig } from './rig.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const DPDK = '/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk';
const STOP_MS = 5000;
/** DPDK's net_tap takes as many queues to read as to write, and there is one to write for each polling thread and one for the main thread. */
const TAP_QUEUES = 2;

function bridgeOf({ a }: Rig): string {
  return `${a.device}br`;
}

export type OvsMode = 'default' | 'tso' | 'dpdk';

/**
 * An Open vSwitch of our own with its userspace datapath: a database and a daemon in a folder and a namespace that nobody else uses, as
 * ovs-vswitchd(8) describes it. `default`: TAPs of kind `internal`; `tso`: the same with `userspace-tso-enable`; `dpdk`: the
 * build with DPDK, a polling thread of its own, TAPs by DPDK's net_tap, no huge pages.
 */
export class OpenVswitch implements Forwarder {
  readonly #folder: string;
  readonly #mode: OvsMode;
  #netns = '';
  /** Ends it if we are killed. */
  #clause: Clause | undefined;

  static missing(dpdk: boolean): string | null {
    if (!existsSync(SCHEMA)) return 'openvswitch-switch is not there';
    return dpdk && !existsSync(DPDK) ? 'openvswitch-switch-dpdk is not there' : null;
  }

  constructor(folder: string, mode: OvsMode) {
    this.#folder = join(folder, `ovs-${mode}`);
    this.#mode = mode;
  }

  /** @param more rigs with a bridge of their own each, named after their devices */
  async start({ a, b }: Rig, more: readonly Rig[] = []): Promise<void> {
    const folder = this.#folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const word = shellWord(folder);
    this.#clause = atDeath(`for one in switch db; do
  pid=$(cat ${word}/$one.pid) || continue
  case $(tr '\\0' ' ' < /proc/$pid/cmdline) in *${word}*) kill $pid ;; esac
done
rm -rf ${word}`);
    this.#netns = `${a.netns}o`;
    createOwnNetns(this.#netns);
    const base = join(folder, 'conf.db');
    this.#run('ovsdb-tool', ['create', base, SCHEMA]);
    this.#inside('ovsdb-server', [
      ...[base, `--remote=punix:${folder}/db.sock`, `--pidfile=${folder}/db.pid`, `--unixctl=${folder}/db.ctl`],
      ...[`--log-file=${folder}/db.log`, '-vconsole:off', '--detach'],
    ]);
    this.#vsctl(['--no-wait', 'init']);
    for (const option of this.#options())
      this.#vsctl(['--no-wait', 'set', 'Open_vSwitch', '.', `other_config:${option}`]);
    this.#inside(this.#mode === 'dpdk' ? DPDK : 'ovs-vswitchd', [
      ...[`unix:${folder}/db.sock`, `--pidfile=${folder}/switch.pid`, `--unixctl=${folder}/switch.ctl`],
      ...[`--log-file=${folder}/switch.log`, '-vconsole:off', '--detach'],
    ]);
    const ports = [a, b].flatMap(({ device }, i) =>
      this.#mode === 'dpdk'
        ? [
            ...['--', 'add-port', 'rig', `p${i}`, '--', 'set', 'interface', `p${i}`, 'type=dpdk'],
            ...[`options:dpdk-devargs=net_tap${i},iface=${device}`, `options:n_rxq=${TAP_QUEUES}`],
          ]
        : ['--', 'add-port', 'rig', device, '--', 'set', 'interface', device, 'type=internal'],
    );
    this.#vsctl(['add-br', 'rig', '--', 'set', 'bridge', 'rig', 'datapath_type=netdev', ...ports]);
    for (const rig of more) {
      const plain = [rig.a, rig.b].flatMap(({ device }) => [
        ...['--', 'add-port', bridgeOf(rig), device, '--', 'set', 'interface', device, 'type=internal'],
      ]);
      this.#vsctl(['add-br', bridgeOf(rig), '--', 'set', 'bridge', bridgeOf(rig), 'datapath_type=netdev', ...plain]);
    }
    const ends = [{ a, b }, ...more].flatMap((rig) => [rig.a, rig.b]);
    await this.#appeared(ends.map(({ device }) => device));
    for (const { device, netns } of ends)
      this.#run('ip', ['-n', this.#netns, 'link', 'set', 'dev', device, 'netns', netns]);
  }

  get pid(): number {
    return Number(readFileSync(join(this.#folder, 'switch.pid'), 'utf8'));
  }

  /** Where a controller finds the bridge of one of the further rigs. */
  socketOf(rig: Rig): string {
    return join(this.#folder, `${bridgeOf(rig)}.mgmt`);
  }

  /** Makes the flows of a further rig's bridge these. */
  setFlows(rig: Rig, flows: readonly string[]): void {
    const file = join(this.#folder, 'flows');
    writeFileSync(file, `${flows.join('\n')}\n`);
    const to = `unix:${this.socketOf(rig)}`;
    this.#run('ovs-ofctl', ['-O', 'OpenFlow13', 'del-flows', to]);
    this.#run('ovs-ofctl', ['-O', 'OpenFlow13', 'add-flows', to, file]);
  }

  async stop(): Promise<void> {
    for (const name of ['switch', 'db']) {
      const file = join(this.#folder, `${name}.pid`);
      if (!existsSync(file)) continue;
      const pid = Number(readFileSync(file, 'utf8'));
      const alive = () => existsSync(`/proc/${pid}`);
      if (alive()) process.kill(pid, 'SIGTERM');
      const began = Date.now();
      while (alive() && Date.now() - began < STOP_MS) await sleep(50);
      if (alive()) process.kill(pid, 'SIGKILL');
    }
    if (netnsExists(this.#netns)) deleteOwnNetns([this.#netns]);
    rmSync(this.#folder, { recursive: true, force: true });
    this.#clause?.strike();
    this.#clause = undefined;
  }

  #options(): string[] {
    if (this.#mode === 'tso') return ['userspace-tso-enable=true'];
    if (this.#mode !== 'dpdk') return [];
    // Memory that is not in huge pages is old-style (`--legacy-mem`); without that word Open vSwitch asks for the other style.
    return ['dpdk-init=true', 'dpdk-extra="--no-huge --legacy-mem --no-shconf --no-pci -m 768"', 'pmd-cpu-mask=0x2'];
  }

  /** Waits for devices to be there in the namespace of the switch. */
  async #appeared(devices: readonly string[]): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const done = spawnSync('ip', ['-n', this.#netns, '-o', 'link', 'show'], {
        env: TOOL_ENVIRONMENT,
        encoding: 'utf8',
      });
      if (devices.every((device) => done.stdout.includes(`: ${device}:`))) return;
      await sleep(100);
    }
    const log = readFileSync(join(this.#folder, 'switch.log'), 'utf8').split('\n').slice(-4).join(' ');
    throw new UserError(
      'peer-failed',
      `Open vSwitch (${this.#mode}) makes no devices: ${log}`,
      'leave it out with --peers',
    );
  }

  #vsctl(words: readonly string[]): void {
    this.#run('ovs-vsctl', ['-t', '20', `--db=unix:${this.#folder}/db.sock`, ...words]);
  }

  #inside(command: string, words: readonly string[]): void {
    this.#run('ip', ['netns', 'exec', this.#netns, command, ...words]);
  }

  #run(command: string, words: readonly string[]): void {
    const variables = { OVS_RUNDIR: this.#folder, OVS_DBDIR: this.#folder, OVS_LOGDIR: this.#folder };
    const env = { ...TOOL_ENVIRONMENT, ...variables };
    // A daemon keeps its parent's pipes open: what it says goes to a file.
    const errors = join(this.#folder, 'errors');
    writeFileSync(errors, '');
    const done = spawnSync('sh', ['-c', 'exec "$@" 2>>"$0" >&2 </dev/null', errors, command, ...words], {
      env,
      stdio: 'ignore',
      timeout: 30_000,
    });
    if (done.status === 0) return;
    const said = readFileSync(errors, 'utf8').trim();
    throw new UserError('peer-failed', `${command} failed: ${said}`, 'leave Open vSwitch out with --peers');
  }
}
