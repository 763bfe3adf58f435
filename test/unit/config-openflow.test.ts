import { describe, expect, it } from 'vitest';
import { formatDiagnostics } from '../../src/control/config/diagnostics.ts';
import { parseConfig } from '../../src/control/config/load.ts';
import type { TenantModel } from '../../src/control/config/model.ts';
import { numberPorts } from '../../src/control/config/port-numbers.ts';
import type { Diagnostic, ErrorCode } from '../../src/errors.ts';

/** A file with two tenants, of which one has the given keys of `openflow`. */
const file = (openflow: string, ports = 'a: {memory: true}, b: {memory: true, ofport: 7}') => `version: 1
tenants:
  red:
    bridge: {ports: {${ports}}}
    openflow: ${openflow}
  blue:
    bridge: {ports: {a: {memory: true}}}
    openflow: {dpid: 7, listen: ['tcp:127.0.0.1:6654', 'unix:run/blue.mgmt']}
`;

function red(openflow: string, ports?: string): TenantModel {
  const { model, diagnostics } = parseConfig(file(openflow, ports), '/lab/lab.yaml');
  if (diagnostics) throw new Error(formatDiagnostics(diagnostics));
  return model.tenants[0]!;
}

function faults(openflow: string, ports?: string): readonly Diagnostic[] {
  return parseConfig(file(openflow, ports), '/lab/lab.yaml').diagnostics ?? [];
}

describe('the datapath of a tenant', () => {
  it('has defaults, whatever the file says', () => {
    const { openflow, quota } = red('{}');
    expect(openflow).toEqual({
      dpid: expect.stringMatching(/^000002[0-9a-f]{10}$/),
      listen: [],
      controllers: [],
      failMode: 'standalone',
      probeSeconds: 5,
      tls: null,
      meters: [],
      groups: [],
      flows: [],
      queues: [],
    });
    expect(quota.rules).toBe(200_000);
  });

  it('has a number that stays the same when other tenants come and go', () => {
    const alone = parseConfig('version: 1\ntenants: {red: {bridge: {ports: {}}}}', 'x.yaml').model!;
    expect(alone.tenants[0]!.openflow.dpid).toBe(red('{}').openflow.dpid);
  });

  it.each([
    ['1', '0000000000000001'],
    ["'0xA1'", '00000000000000a1'],
    ["'00000000000000ff'", '00000000000000ff'],
    ["'0xffffffffffffffff'", 'ffffffffffffffff'],
  ])('takes %s as its number', (text, dpid) => expect(red(`{dpid: ${text}}`).openflow.dpid).toBe(dpid));

  it.each([
    ['tcp:127.0.0.1:6655', 'tcp:127.0.0.1:6655'],
    ['ptcp:6655:[::1]', 'ptcp:6655:[::1]'],
    ['unix:run/red.mgmt', 'unix:/lab/run/red.mgmt'],
    ['punix:/run/red.mgmt', 'unix:/run/red.mgmt'],
  ])('listens on %s', (text, target) => expect(red(`{listen: ['${text}']}`).openflow.listen).toEqual([target]));

  it('connects to controllers by address, name or path', () => {
    const texts = ['tcp:127.0.0.1:6653', 'tcp:faucet:6653', 'unix:/lab/c.sock'];
    const written = "{controllers: ['tcp:127.0.0.1:6653', 'tcp:faucet:6653', 'unix:c.sock']}";
    expect(red(written).openflow.controllers).toEqual(texts);
  });

  it('keeps its rules as they were written, once they have been read', () => {
    const flows = ['priority=5,in_port=a,actions=output:b', 'table=1,ip,actions=group:1'];
    const { openflow } = red(
      `{meters: ['meter=1,kbps,bands=type=drop,rate=1000'], groups: ['group_id=1,type=all,bucket=output:b'],
        flows: ${JSON.stringify(flows)}, queues: {a: {1: {rate: 10M}}, b: {0: {rate: 64k}}}}`,
    );
    expect(openflow).toMatchObject({ flows, groups: [expect.any(String)], meters: [expect.any(String)] });
    expect(openflow.queues).toEqual([
      { port: 'a', id: 1, rate: 10_000_000 },
      { port: 'b', id: 0, rate: 64_000 },
    ]);
  });
});

type Case = readonly [openflow: string, code: ErrorCode, message: string | RegExp];

const refused: readonly Case[] = [
  ['{dpid: 7}', 'config-taken', "datapath 0000000000000007 is that of tenant 'red'"],
  ['{dpid: 0}', 'config-range', 'out of range'],
  ["{dpid: '0x0'}", 'config-range', 'not number 0'],
  ["{dpid: 'red'}", 'config-value', "'red' is no number of a datapath"],
  ["{listen: ['tcp:127.0.0.1:6654']}", 'config-taken', '127.0.0.1:6654 is used twice'],
  ["{listen: ['punix:/lab/run/blue.mgmt']}", 'config-taken', 'unix:/lab/run/blue.mgmt is used twice'],
  ["{listen: ['tcp:127.0.0.1:70000']}", 'config-value', '70000 is no port'],
  ["{listen: ['udp:127.0.0.1:1']}", 'config-value', 'is no address of OpenFlow'],
  [`{listen: ['unix:${'x'.repeat(105)}']}`, 'config-value', 'too long'],
  ['{listen: tcp:127.0.0.1}', 'config-type', 'expected a list'],
  ["{controllers: ['ptcp:6653']}", 'config-value', 'is an address to listen at'],
  ["{controllers: ['ssl:127.0.0.1:6653']}", 'config-missing-key', 'ssl needs certificates'],
  ['{fail_mode: safe}', 'config-value', 'expected one of standalone, secure'],
  ['{probe: 0s}', 'config-range', 'out of range'],
  ['{tls: {key: a, cert: b}}', 'config-missing-key', "'ca' is missing"],
  ['{queues: {c: {1: {rate: 1M}}}}', 'config-reference', "no port 'c'"],
  ['{queues: {a: {x: {rate: 1M}}}}', 'config-value', "'x' is no number of a queue"],
  ['{queues: {a: {1: {}}}}', 'config-missing-key', "'rate' is missing"],
  ["{flows: ['ip,actions=ouput:1']}", 'config-flow', "'ouput'"],
  ["{flows: ['in_port=c,actions=drop']}", 'config-flow', "no port 'c'"],
  ["{flows: ['actions=drop', 'actions=normal']}", 'config-taken', 'in the list already'],
  ["{flows: ['actions=group:4']}", 'config-flow', 'OFPBAC_BAD_OUT_GROUP'],
  ["{flows: ['actions=meter:4']}", 'config-flow', 'OFPMMFC_UNKNOWN_METER'],
  ["{groups: ['group_id=1,type=indirect']}", 'config-flow', /.+/],
  ["{meters: ['meter=1,kbps,bands=type=drop']}", 'config-flow', 'no rate'],
  ['{rules: []}', 'config-unknown-key', "unknown key 'rules'"],
];

describe('a mistake in openflow', () => {
  it.each(refused)('%s: %s', (openflow, code, message) => {
    expect(faults(openflow)).toEqual([expect.objectContaining({ code, message: expect.stringMatching(message) })]);
  });

  it('two ports with one number', () => {
    const found = faults('{}', 'a: {memory: true, ofport: 7}, b: {memory: true, ofport: 7}');
    expect(found).toEqual([expect.objectContaining({ code: 'config-taken', related: expect.anything() })]);
  });

  it('more rules than the quota', () => {
    const text = file("{flows: ['priority=1,actions=drop', 'priority=2,actions=drop']}").replace(
      '    openflow',
      '    quota: {rules: 1}\n    openflow',
    );
    expect(parseConfig(text, 'x.yaml').diagnostics).toEqual([expect.objectContaining({ code: 'config-quota' })]);
  });

  it('in a flow is shown below the word, inside of the string', () => {
    const text = file("{flows: ['priority=5,ip,nw_dst=10.0.0.300,actions=drop']}");
    const { diagnostics } = parseConfig(text, 'lab.yaml');
    const place = diagnostics![0]!.place;
    const line = text.split('\n')[place.line - 1]!;
    expect(line.slice(place.column - 1, place.column - 1 + place.width)).toBe('10.0.0.300');
    expect(formatDiagnostics(diagnostics!)).toContain(`lab.yaml:${place.line}:${place.column}: `);
  });

  it.each([
    ['plain', '- ip,actions=ouput:1'],
    ['in double quotes', '- "ip,actions=ouput:1"'],
    ['a block', '- |\n          ip,actions=ouput:1'],
  ])('of a flow that is written %s', (_, entry) => {
    const text = file(`\n      flows:\n        ${entry}`);
    const place = parseConfig(text, 'lab.yaml').diagnostics![0]!.place;
    expect(text.split('\n')[place.line - 1]!.slice(place.column - 1, place.column - 1 + place.width)).toBe('ouput');
  });

  it('what is missing at the end of a flow is shown there', () => {
    const text = file("{flows: ['priority=5,ip']}");
    const { place, message } = parseConfig(text, 'lab.yaml').diagnostics![0]!;
    expect(message).toMatch(/no actions/);
    expect(text.split('\n')[place.line - 1]![place.column - 2]).toBe('p');
  });

  it('a hundred mistakes are enough to see what is wrong', () => {
    const flows = JSON.stringify(Array.from({ length: 500 }, (_, i) => `priority=${i},actions=nonsense`));
    expect(faults(`{flows: ${flows}}`)).toHaveLength(100);
  });
});

describe('numbers of ports', () => {
  const ports = (...names: (string | readonly [string, number])[]) =>
    names.map((one) => (typeof one === 'string' ? { name: one, ofport: null } : { name: one[0], ofport: one[1] }));

  it('count up from 1 in the order of the file, past those that are given', () => {
    expect([...numberPorts(ports('a', ['b', 2], 'c', ['d', 9], 'e'))]).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 9],
      ['e', 4],
    ]);
  });

  it('stay when other ports go and come', () => {
    const before = numberPorts(ports('a', 'b', 'c'));
    expect([...numberPorts(ports('new', 'c', 'b'), before)]).toEqual([
      ['new', 1],
      ['c', 3],
      ['b', 2],
    ]);
  });

  it('give way to a number that is given to another port', () => {
    const before = numberPorts(ports('a', 'b'));
    expect(numberPorts(ports('a', ['x', 1], 'b'), before).get('a')).toBe(3);
  });
});
