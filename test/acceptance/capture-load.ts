/**
 * A capture under load: a flood from TAP to TAP with and without `tapyard capture` beside it, by turns. As root:
 *
 *   sh bin/node-pinned test/acceptance/capture-load.ts [--rounds 5] [--seconds 2] [--length 60] [--flows 64] [--snaplen N]
 *
 * Bars: with the capture the switch forwards at least 90 % of what it forwards without; what the capture saw is what the books say came
 * and left; captured and lost are what it saw; tshark and capinfos find as many packets in the file as were captured. Exits 1 otherwise.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Rig } from '../../src/bench/rig/rig.ts';
import { median } from '../../src/bench/statistics.ts';
import type { Tally } from '../../src/control/capture/settings.ts';
import { eventually, Process, SwitchProcess } from '../support/switch-process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    length: { type: 'string', default: '60' },
    flows: { type: 'string', default: '64' },
    snaplen: { type: 'string' },
  },
});
const KEPT = 0.9;
const LAUNCHER = new URL('../../bin/tapyard', import.meta.url).pathname;
const load = { seconds: Number(values.seconds), length: Number(values.length), flows: Number(values.flows) };
const rig = new Rig(`tc${(process.pid % 36 ** 4).toString(36)}`);
const port = ({ device, netns }: Rig['a']) => `{tap: ${device}, netns: ${netns}}`;
const yaml = `version: 1\ntenants: {rig: {bridge: {ports: {a: ${port(rig.a)}, b: ${port(rig.b)}}}}}\n`;
const wrong: string[] = [];

/** Frames that came and left, or were dropped on the way, as the books of both ports say. */
async function seen(running: SwitchProcess): Promise<number> {
  const ports = await running.show('ports');
  return ports.reduce(
    (sum, row) => sum + Number(row['rx_frames']) + Number(row['tx_frames']) + Number(row['dropped']),
    0,
  );
}

/** The books when nothing moves any more. */
async function settled(running: SwitchProcess): Promise<number> {
  let last = -1;
  return await eventually<number | null>('the end of the flood', async () => {
    const now = await seen(running);
    const rests = now === last;
    last = now;
    return rests ? now : null;
  });
}

/** Packets that a program finds in a file. */
function counted(command: string, words: readonly string[], pattern: RegExp): number {
  const text = execFileSync(command, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

async function captured(running: SwitchProcess, file: string): Promise<number> {
  const words = [
    'capture',
    'rig',
    '-w',
    file,
    '--json',
    ...(values.snaplen === undefined ? [] : ['--snaplen', values.snaplen]),
  ];
  const before = await settled(running);
  const capture = new Process(LAUNCHER, [...words, '--socket', running.socket]);
  await eventually('the capture', () => statSync(file, { throwIfNoEntry: false }));
  // It has begun when the file has its first block.
  await eventually('its beginning', () => statSync(file).size > 0);
  const { pps } = await rig.blast(load);
  const after = await settled(running);
  const { code } = await capture.end('SIGINT');
  if (code !== 0) throw new Error(`the capture ended with ${code}: ${capture.stderr}`);
  const tally = JSON.parse(capture.stderr) as Tally;
  const { size } = statSync(file);
  const inFile = counted('capinfos', ['-c', '-M', file], /Number of packets:\s+(\d+)/);
  const share = ((100 * tally.written) / tally.seen).toFixed(1);
  console.log(
    `  seen ${tally.seen}, captured ${tally.written} (${share} %), lost ${tally.lost}; books ${after - before}; ` +
      `capinfos ${inFile}; ${(size / 1e6).toFixed(0)} MB`,
  );
  if (tally.seen !== after - before) wrong.push(`seen ${tally.seen}, and the books say ${after - before}`);
  if (tally.written + tally.lost + tally.left !== tally.seen) wrong.push('captured and lost are not what was seen');
  if (inFile !== tally.written) wrong.push(`${inFile} in the file, ${tally.written} captured`);
  return pps;
}

rig.open();
const running = await SwitchProcess.started(yaml);
const file = join(running.folder, 'load.pcapng');
try {
  await rig.join();
  await rig.blast(load);
  // What a capture runs is compiled as it warms up, and stations come to rest.
  console.log('warming up');
  await captured(running, file);
  wrong.length = 0;
  const ratios: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    const plain = async () => (await rig.blast(load)).pps;
    const first = round % 2 === 1 ? await plain() : 0;
    rmSync(file, { force: true });
    const beside = await captured(running, file);
    const alone = first > 0 ? first : await plain();
    ratios.push(beside / alone);
    console.log(
      `round ${round}: ${(alone / 1000).toFixed(0)} kpps, with a capture ${(beside / 1000).toFixed(0)} kpps: ${((100 * beside) / alone).toFixed(1)} %`,
    );
  }
  const read = counted(
    'tshark',
    ['-n', '-r', file, '-q', '-z', 'io,stat,0'],
    /\|\s*[\d.]+ <> [\d.]+\s*\|\s*(\d+)\s*\|/,
  );
  const inFile = counted('capinfos', ['-c', '-M', file], /Number of packets:\s+(\d+)/);
  console.log(`tshark reads ${read} packets`);
  if (read !== inFile) wrong.push(`tshark reads ${read} packets of ${inFile}`);
  const kept = median(ratios);
  console.log(`median: ${(100 * kept).toFixed(1)} % of the rate`);
  if (kept < KEPT) wrong.push(`with a capture the switch keeps ${(100 * kept).toFixed(1)} % of its rate`);
} finally {
  await running.stop();
  rig.close();
}
for (const text of wrong) console.error(`FAILED ${text}`);
if (wrong.length > 0) process.exitCode = 1;
