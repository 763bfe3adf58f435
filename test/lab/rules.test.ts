import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SwitchProcess, sweep, tapyard } from '../support/switch-process.ts';

const yaml = `version: 1
tenants:
  red:
    bridge: {ports: {web1: {memory: true}, db1: {memory: true, ofport: 9}, up: {memory: true}}}
  blue:
    bridge: {ports: {a: {memory: true}}}
    openflow: {flows: ['cookie=0x5,priority=5,ip,in_port=a,actions=drop']}
`;
let running: SwitchProcess;

beforeAll(async () => {
  sweep();
  running = await SwitchProcess.started(yaml);
});
afterAll(() => running.stop());

const run = (...words: string[]) => tapyard([...words, '--socket', running.socket]);
const file = (name: string, text: string): string => {
  const path = join(running.folder, name);
  writeFileSync(path, text);
  return path;
};

describe('rules by the command line', () => {
  it('begin with NORMAL, or with those of the configuration', () => {
    expect(run('flows', 'red').stdout).toMatch(
      /^ cookie=0x0, duration=\S+, table=0, n_packets=0, .*priority=0 actions=NORMAL\n$/,
    );
    expect(run('flows', 'blue', '--names').stdout).toMatch(/priority=5,ip,in_port=a actions=drop\n$/);
  });

  it('are added by the name of a port, shown by number or name, and deleted', () => {
    expect(run('flows', 'add', 'red', 'priority=7,in_port=web1,actions=output:db1')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(run('flows', 'red', 'in_port=web1').stdout).toMatch(/priority=7,in_port=1 actions=output:9\n$/);
    expect(JSON.parse(run('flows', 'red', 'in_port=1', '--json', '--names').stdout)).toMatchObject([
      { match: 'in_port=web1', actions: 'output:db1', owner: 'cli' },
    ]);
    expect(run('flows', 'del', 'red', '--strict', 'priority=7,in_port=web1').code).toBe(0);
    expect(run('flows', 'red', 'in_port=1')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('come from a file, and all mistakes in it are shown with their places', () => {
    const path = file('flows.txt', 'priority=1,ip,actions=output:web1\npriority=2,ip,actions=ouput:1\n');
    const { code, stdout, stderr } = run('flows', 'add', 'red', '--file', path);
    expect([code, stdout]).toEqual([65, '']);
    expect(stderr).toContain(`${path}:2:23: `);
    expect(stderr).toMatch(/\n {4}2 \| priority=2,ip,actions=ouput:1\n +\| {23}\^{5}\n/);
    expect(run('flows', 'red', 'ip').stdout).toBe('');
    expect(
      run('flows', 'add', 'red', '--file', file('good.txt', 'ip,actions=drop\narp,actions=drop\n'), '--json'),
    ).toEqual({
      code: 0,
      stdout: '{"carried_out":2}\n',
      stderr: '',
    });
  });

  it('an argument with a mistake shows the column', () => {
    const { code, stderr } = run('flows', 'add', 'red', 'ip,nw_dst=10.0.0.300,actions=drop');
    expect(code).toBe(65);
    expect(stderr).toMatch(/^argument:1:11: .*\n.*\n +\| {11}\^{10}\n/);
    const json = run('flows', 'add', 'red', 'ip,nw_dst=10.0.0.300,actions=drop', '--json');
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { code: 'rules-invalid', diagnostics: [{ place: { line: 1, column: 11, width: 10 } }] },
    });
  });

  it('groups, meters and tables', () => {
    expect(run('groups', 'add', 'red', 'group_id=1,type=all,bucket=output:web1,bucket=output:db1').code).toBe(0);
    expect(run('groups', 'red').stdout).toBe(' group_id=1,type=all,bucket=actions=output:1,bucket=actions=output:9\n');
    expect(run('groups', 'red', '--stats').stdout).toMatch(/^ group_id=1,duration=\S+,ref_count=0,packet_count=0/);
    expect(run('meters', 'add', 'red', 'meter=1,kbps,bands=type=drop,rate=1000').code).toBe(0);
    expect(run('meters', 'red').stdout).toBe(' meter=1 kbps bands=\ntype=drop rate=1000\n');
    expect(JSON.parse(run('tables', 'blue', '--json').stdout)).toMatchObject([{ table: 0, active: 1 }]);
    expect(run('groups', 'del', 'red').code).toBe(0);
    expect(run('groups', 'red').stdout).toBe('');
  });

  it.each([
    [['flows', 'green'], 2, 'There is no tenant green'],
    [['flows', 'red', 'nonsense'], 65, 'argument:1:1: '],
    [['flows', 'add', 'red'], 2, 'Nothing is given'],
    [['flows', 'add', 'red', 'ip,actions=drop', '--file', 'x'], 2, 'both a text and a file'],
    [['flows', 'add', 'red', '--file', '/nowhere/flows.txt'], 66, 'cannot be read (ENOENT)'],
    [['flows', 'add', 'red', 'actions=group:7'], 65, 'OFPBAC_BAD_OUT_GROUP'],
    [['meters', 'mod', 'red', 'meter=7,kbps,bands=type=drop,rate=1'], 65, 'OFPMMFC_UNKNOWN_METER'],
  ] as const)('%j ends with %d', (words, code, said) => {
    expect(run(...words)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(said) });
  });

  it('takes a hundred thousand of them at once', () => {
    const lines = Array.from(
      { length: 100_000 },
      (_, i) => `ip,nw_dst=10.${i >> 16}.${(i >> 8) & 255}.${i & 255},actions=drop`,
    );
    expect(run('flows', 'add', 'blue', '--file', file('many.txt', lines.join('\n')), '--json')).toMatchObject({
      code: 0,
      stdout: '{"carried_out":100000}\n',
    });
    expect(JSON.parse(run('tables', 'blue', '--json').stdout)).toMatchObject([{ table: 0, active: 100_001 }]);
  });
});
