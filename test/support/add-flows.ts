import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OpenVswitch } from '../../src/bench/rig/open-vswitch.ts';
import { Rig } from '../../src/bench/rig/rig.ts';
import { PacedStream } from './restarts.ts';
import { own, SwitchProcess } from './switch-process.ts';

/** What the flows of a file are known by, beside those that are there before. */
const COOKIE = 7;

export interface AddFlowsOptions {
  readonly flows: readonly string[];
  readonly workers: number;
  readonly rounds: number;
  /** Beside Open vSwitch's userspace datapath. */
  readonly ovs: boolean;
  /** Words of ovs-ofctl in front of `add-flows`. */
  readonly words: readonly string[];
  /** Datagrams a second of the flow that runs while rules are added. */
  readonly pps: number;
}

export interface AddFlowsResult {
  /** Milliseconds that `ovs-ofctl add-flows` took, round by round. */
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  /** While a flow was running; what of it was sent, lost, overtaken. */
  readonly runningMs: number;
  readonly sent: number;
  readonly lost: number;
  readonly overtaken: number;
  /** What the switch dropped, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** Megabytes of the switch before the first rules, with them, and at the end. */
  readonly memory: readonly number[];
  /** Rules that were there at the end of each round. */
  readonly counts: readonly number[];
}

/**
 * `ovs-ofctl add-flows` of one file, into a switch with two TAPs and into Open vSwitch, by turns; then again while a flow of numbered
 * datagrams runs through a rule of the switch.
 */
export async function measureAddFlows(options: AddFlowsOptions): Promise<AddFlowsResult> {
  const { flows, workers, rounds, words, pps } = options;
  const folder = mkdtempSync(join(tmpdir(), 'tapyard-flows-'));
  const file = join(folder, 'flows.txt');
  writeFileSync(file, `${flows.map((flow) => `cookie=${COOKIE},${flow}`).join('\n')}\n`);
  const socket = join(folder, 'red.mgmt');
  const names = [own('f1'), own('f2')];
  const rig = new Rig(own('o'));
  const ovs = options.ovs ? new OpenVswitch(folder, 'default') : null;
  let running: SwitchProcess | undefined;
  let stream: PacedStream | undefined;
  const add = async (to: string) => {
    await ofctl('del-flows', `unix:${to}`, `cookie=${COOKIE}/-1`);
    const began = performance.now();
    await ofctl(...words, 'add-flows', `unix:${to}`, file);
    return performance.now() - began;
  };
  try {
    if (ovs !== null) {
      rig.open();
      await ovs.start(rig);
    }
    running = await SwitchProcess.started(configuration(workers, names, socket, flows.length));
    const { pid } = running.child;
    const memory = [megabytes(pid)];
    const ours: number[] = [];
    const theirs: number[] = [];
    const counts: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await add(socket));
      counts.push(await countAt(socket));
      if (round === 0) memory.push(megabytes(pid));
      if (ovs === null) continue;
      const theirSocket = join(folder, 'ovs-default', 'rig.mgmt');
      theirs.push(await add(theirSocket));
      counts.push(await countAt(theirSocket));
    }
    await ofctl('del-flows', `unix:${socket}`, `cookie=${COOKIE}/-1`);
    stream = new PacedStream(names[0], { netns: names[1], address: '10.0.0.2' }, pps);
    // What waits for the neighbour's answer may be overtaken by what is sent while it comes, in the sender's kernel.
    const first = await stream.settled();
    const before = stream.overtaken;
    const runningMs = await add(socket);
    const last = await stream.settled();
    counts.push(await countAt(socket));
    memory.push(megabytes(pid));
    const overtaken = stream.overtaken - before;
    const drops = await running.drops('red');
    const lost = stream.lost(first, last);
    return { ours, theirs, runningMs, sent: last - first, lost, overtaken, drops, memory, counts };
  } finally {
    stream?.close();
    await running?.stop();
    await ovs?.stop();
    if (ovs !== null) rig.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function configuration(workers: number, names: readonly string[], socket: string, flows: number): string {
  const port = (name: string, i: number) =>
    `        h${i + 1}: {tap: ${name}, netns: ${name}, mac: '02:00:00:00:00:0${i + 1}', address: 10.0.0.${i + 1}/24}`;
  return `version: 1
workers: ${workers}
tenants:
  red:
    bridge:
      ports:
${names.map(port).join('\n')}
    openflow:
      listen: ['unix:${socket}']
      flows: ['priority=65535,udp,tp_dst=9999,actions=output:2', 'priority=65535,arp,actions=NORMAL']
    quota: {rules: ${flows + 100}}
`;
}

async function ofctl(...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('ovs-ofctl', ['-O', 'OpenFlow13', ...words], { maxBuffer: 1 << 20 });
  return stdout;
}

async function countAt(socket: string): Promise<number> {
  const found = /flow_count=(\d+)/.exec(await ofctl('dump-aggregate', `unix:${socket}`, `cookie=${COOKIE}/-1`));
  return Number(found?.[1]);
}

/** Source: proc(5), /proc/pid/status. */
function megabytes(pid: number | undefined): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(found?.[1]) / 1024);
}
