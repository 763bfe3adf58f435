import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routedPair } from '../support/routed-pair.ts';
import { eventually, own, Process, SwitchProcess, sweep, tapyard } from '../support/switch-process.ts';
import { tshark } from '../support/tshark.ts';

const [web, db] = [own('cw'), own('cd')];
const acl = 'no-ping: {rules: [{deny: {proto: icmp, to: 10.20.0.9/32}}, {allow: any}], ingress: [web]}';
const yaml = `${routedPair(web, db, acl)}  blue: {bridge: {ports: {web: {memory: true}}}}
`;
const folder = mkdtempSync(join(tmpdir(), 'capture-'));
const LAUNCHER = new URL('../../bin/tapyard', import.meta.url).pathname;
let running: SwitchProcess;

const ping = (to: string, count = 1) => {
  try {
    execFileSync('ip', ['netns', 'exec', web, 'ping', '-c', String(count), '-i', '0.2', '-W', '1', to], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
};
/** A capture that has begun. */
async function capturing(...words: string[]): Promise<Process> {
  const made = new Process(LAUNCHER, ['capture', ...words, '--socket', running.socket]);
  await eventually('the capture', () => made.stderr.includes('capturing '));
  return made;
}
const fields = (file: string, filter: string, ...names: string[]): string[][] =>
  tshark(file, '-Y', filter, '-T', 'fields', ...names.flatMap((name) => ['-e', name]))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));

beforeAll(async () => {
  sweep();
  running = await SwitchProcess.started(yaml);
  await eventually('an answer from the other network', () => ping('10.20.0.2'));
});
afterAll(async () => {
  await running?.stop();
  rmSync(folder, { recursive: true });
});

describe('tapyard capture', () => {
  it('writes a file that tshark reads: interfaces, directions, why a frame was dropped; Ctrl-C ends it', async () => {
    const file = join(folder, 'red.pcapng');
    const capture = await capturing('red', 'icmp', '-w', file);
    expect(ping('10.20.0.2', 2)).toBe(true);
    expect(ping('10.20.0.9')).toBe(false);
    expect(await capture.end('SIGINT')).toMatchObject({ code: 0 });
    expect(capture.stderr).toContain('10 frames captured, 0 lost');
    const to = (address: string) =>
      fields(file, `ip.dst == ${address}`, 'frame.interface_name', 'frame.packet_flags_direction', 'frame.comment');
    const [inward, outward] = ['0x00000001', '0x00000002'];
    expect(to('10.20.0.2')).toEqual([
      ['web', inward, ''],
      ['db', outward, 'From web.'],
      ['web', inward, ''],
      ['db', outward, 'From web.'],
    ]);
    expect(to('10.20.0.9')).toEqual([
      ['web', inward, ''],
      ['web', inward, 'Dropped, acl-in: An ingress ACL denies the frame.'],
    ]);
    const times = fields(file, 'icmp', 'frame.time_epoch').map(([time]) => time);
    expect(times.every((time) => /\.\d{9}$/.test(time))).toBe(true);
    expect([...times].sort()).toEqual(times);
    expect(Math.abs(Number(times[0]) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('goes through a pipe while it runs, and ends after as many frames as were asked for', async () => {
    const line = `sh ${LAUNCHER} capture red/web icmp -c 4 -w - --socket ${running.socket} | tshark -l -n -r -`;
    const pipe = new Process('-c', [line]);
    await eventually('the capture', () => pipe.stderr.includes('capturing '));
    expect(ping('10.20.0.2', 4)).toBe(true);
    expect(await pipe.ended).toMatchObject({ code: 0 });
    expect(pipe.stdout.match(/Echo \(ping\) request/g)).toHaveLength(2);
    expect(pipe.stdout.match(/Echo \(ping\) reply/g)).toHaveLength(2);
  });

  it('ends when nobody reads any more', async () => {
    const line = `sh ${LAUNCHER} capture red icmp --socket ${running.socket} | head -n 1; echo "ended"`;
    const pipe = new Process('-c', [line]);
    await eventually('the capture', () => pipe.stderr.includes('capturing '));
    await eventually('its end', () => ping('10.20.0.2') && pipe.stdout.includes('ended'));
    expect(pipe.stdout).toMatch(/^\S+Z web ingress: .*10\.10\.0\.2 > 10\.20\.0\.2, icmp type 8 code 0, length 98\n/);
    expect(await pipe.ended).toMatchObject({ code: 0 });
  });

  it('prints lines, for people and of JSON', async () => {
    for (const json of [[], ['--json']]) {
      const capture = new Process(LAUNCHER, [
        ...['capture', 'red', 'icmp', '--points', 'egress', '-c', '1', ...json, '--socket', running.socket],
      ]);
      await eventually('the capture', () => ping('10.20.0.2') && capture.stdout !== '');
      expect(await capture.ended).toMatchObject({ code: 0 });
      if (json.length === 0) expect(capture.stdout).toMatch(/^\S+Z db egress: .* \(From web\.\)\n$/);
      else
        expect(JSON.parse(capture.stdout)).toMatchObject({
          ...{ port: 'db', point: 'egress', length: 98, comment: 'From web.' },
          frame: expect.stringMatching(/^[0-9a-f]{196}$/),
        });
    }
  });

  it('ends in good order with the switch', async () => {
    const one = await SwitchProcess.started('version: 1\ntenants: {red: {bridge: {ports: {a: {memory: true}}}}}\n');
    const capture = new Process(LAUNCHER, ['capture', 'red', '--socket', one.socket]);
    await eventually('the capture', () => capture.stderr.includes('capturing '));
    expect(await one.end('SIGTERM')).toMatchObject({ code: 0 });
    expect(await capture.ended).toMatchObject({ code: 69 });
    await one.stop();
  });

  it('says what is wrong with the words', () => {
    const run = (...words: string[]) => tapyard(['capture', ...words, '--socket', running.socket]);
    expect(run('green').stderr).toContain('There is no tenant or port green');
    expect(run('web').stderr).toContain('say red/web or blue/web');
    expect(run('red', 'tp_dst=22')).toMatchObject({ code: 65, stdout: '' });
    expect(run('red', '--points', 'middle').stderr).toContain('they are ingress, egress, drop');
    expect(run('red', '-w', '/no/such/folder/file')).toMatchObject({ code: 2 });
  });
});
