import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routedPair } from '../support/routed-pair.ts';
import { eventually, own, Process, SwitchProcess, sweep, tapyard } from '../support/switch-process.ts';

const [web, db] = [own('tw'), own('td')];
const acl = 'no-ssh: {rules: [{deny: {proto: tcp, dport: 22}}, {allow: any}], ingress: [web]}';
const yaml = routedPair(web, db, acl);
const LAUNCHER = new URL('../../bin/tapyard', import.meta.url).pathname;
let running: SwitchProcess;

const ping = async (count = 1): Promise<boolean> => {
  const words = ['netns', 'exec', web, 'ping', '-c', String(count), '-i', '0.2', '-W', '1', '10.20.0.2'];
  const [code] = await once(spawn('ip', words, { stdio: 'ignore' }), 'exit');
  return code === 0;
};
const live = (...words: string[]) => new Process(LAUNCHER, ['trace', 'red', ...words, '--socket', running.socket]);

beforeAll(async () => {
  sweep();
  running = await SwitchProcess.started(yaml);
  await eventually('an answer from the other network', () => ping());
});
afterAll(() => running?.stop());

describe('tapyard trace', () => {
  it('tells what would happen to a frame that is described', () => {
    const run = (...words: string[]) => tapyard(['trace', 'red', ...words, '--socket', running.socket]);
    const blocked = run('in_port=web,tcp,nw_dst=10.20.0.2,tp_dst=22');
    expect(blocked.stdout).toMatch(
      /^web receives .*, 10\.10\.0\.2:49152 > 10\.20\.0\.2:22, tcp \[S\]\nNot said, so assumed: /,
    );
    expect(blocked.stdout).toContain('list no-ssh, rule 1: deny tcp dport 22');
    expect(blocked.stdout).toContain('dropped, acl-in: An ingress ACL denies the frame.');
    const { outputs, drops } = JSON.parse(run('in_port=web,tcp,nw_dst=10.20.0.2,tp_dst=80', '--json').stdout);
    expect([outputs.map(({ port }: { port: string }) => port), drops]).toEqual([['db'], []]);
    expect(run('tcp').stderr).toContain('The port is not said');
    expect(run('arp', '--live', '1', '--frame', '00').code).toBe(2);
  });

  it('tells of the next frames that match, and ends', async () => {
    const told = live('icmp,nw_dst=10.20.0.2', '--live', '2');
    await eventually('the trace', () => told.stderr.includes('waiting for '));
    expect(await ping(3)).toBe(true);
    expect(await told.ended).toMatchObject({ code: 0 });
    expect(told.stdout.match(/web received .* 10\.10\.0\.2 > 10\.20\.0\.2, icmp type 8 code 0\n/g)).toHaveLength(2);
    expect(told.stdout.match(/route +connected, dev db\n/g)).toHaveLength(2);
    expect(told.stdout.match(/Leaves by db\.\n\n/g)).toHaveLength(2);
  });

  it('gives lines of JSON, and ends by Ctrl-C', async () => {
    const told = live('in_port=db,icmp', '--live', '1000', '--json');
    await eventually('a line', async () => (await ping()) && told.stdout.includes('\n'));
    expect(await told.end('SIGINT')).toMatchObject({ code: 0 });
    const [line] = told.stdout.split('\n');
    expect(JSON.parse(line)).toMatchObject({
      ...{ port: 'db', drops: [], outputs: [{ tenant: 'red', port: 'web' }] },
      happened: { ports: ['web'], drops: [], agrees: true },
    });
  });

  it('ends in good order with the switch', async () => {
    const one = await SwitchProcess.started('version: 1\ntenants: {red: {bridge: {ports: {a: {memory: true}}}}}\n');
    const told = new Process(LAUNCHER, ['trace', 'red', '--live', '1', '--socket', one.socket]);
    await eventually('the trace', () => told.stderr.includes('waiting for '));
    expect(await one.end('SIGTERM')).toMatchObject({ code: 0 });
    expect([0, 69]).toContain((await told.ended).code);
    await one.stop();
  });
});
