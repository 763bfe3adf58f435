import { describe, expect, it } from 'vitest';
import { type Change, changeRules, readFilter } from '../../src/control/openflow/change.ts';
import { flowRows, groupRows, meterRows, tableRows } from '../../src/control/openflow/rows.ts';
import { UserError } from '../../src/errors.ts';
import { configure, type RuleTexts } from '../../src/openflow/configured.ts';
import { createRulesImage } from '../../src/openflow/datapath/counters.ts';
import { Datapath } from '../../src/openflow/datapath/datapath.ts';

const ports = new Map([
  ['web1', 1],
  ['db1', 2],
]);
const names = new Map([...ports].map(([name, number]) => [number, name]));
const counts = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0, rxDropped: 0 };
let nowMs = 0;

function datapath(most = 1000): Datapath {
  nowMs = 1000;
  const host = { nowMs: () => nowMs, wake: () => {}, portCounts: () => counts };
  return new Datapath(1n, 'red', createRulesImage(0), host, most);
}

const change = (made: Datapath, kind: Change['kind'], command: Change['command'], text: string, strict = false) =>
  changeRules(made, { kind, command, text, strict, source: 'argument' }, ports);

const flowsOf = (made: Datapath, filter = '') =>
  flowRows(made, readFilter(filter, ports), nowMs).map(({ text }) => String(text).replace(/^.*?n_bytes=\d+, /, ''));

async function refusal(work: Promise<unknown>): Promise<UserError> {
  const error = await work.catch((caught: unknown) => caught);
  if (!(error instanceof UserError)) throw new Error(`no refusal: ${String(error)}`);
  return error;
}

describe('flows by hand', () => {
  it('are added, changed and deleted as ovs-ofctl does', async () => {
    const made = datapath();
    expect(await change(made, 'flows', 'add', 'priority=5,ip,in_port=web1,actions=output:db1')).toBe(1);
    await change(made, 'flows', 'add', 'table=3,priority=7,arp,actions=NORMAL');
    expect(flowsOf(made)).toEqual(['priority=5,ip,in_port=1 actions=output:2', 'priority=7,arp actions=NORMAL']);
    await change(made, 'flows', 'mod', 'ip,actions=drop');
    expect(flowsOf(made, 'table=0')).toEqual(['priority=5,ip,in_port=1 actions=drop']);
    await change(made, 'flows', 'del', 'priority=5,ip', true);
    expect(flowsOf(made, 'ip')).toHaveLength(1);
    await change(made, 'flows', 'del', 'ip');
    expect(flowsOf(made)).toEqual(['priority=7,arp actions=NORMAL']);
    await change(made, 'flows', 'del', '');
    expect(flowsOf(made)).toEqual([]);
  });

  it('are shown with whose they are, how old they are and what they match', async () => {
    const made = datapath();
    await change(made, 'flows', 'add', 'cookie=0xab,priority=5,in_port=web1,idle_timeout=9,actions=output:db1');
    nowMs += 2500;
    expect(flowRows(made, readFilter('cookie=0xab/-1', ports), nowMs, names)).toEqual([
      {
        ...{ table: 0, priority: 5, cookie: '0xab', match: 'in_port=web1', actions: 'output:db1' },
        ...{ packets: 0, bytes: 0, duration_s: 2.5, idle_timeout: 9, hard_timeout: 0, flags: [], owner: 'cli' },
        text: 'cookie=0xab, duration=2.500s, table=0, n_packets=0, n_bytes=0, idle_timeout=9, priority=5,in_port=web1 actions=output:db1',
      },
    ]);
    expect(flowRows(made, readFilter('cookie=0xac/-1', ports), nowMs)).toEqual([]);
  });

  it('come from a file, a line each, with comments and commands of their own', async () => {
    const made = datapath();
    const text = '# policy\npriority=1,actions=drop\n\nadd priority=2,actions=NORMAL # all\ndelete_strict priority=1\n';
    expect(await change(made, 'flows', 'add', text)).toBe(3);
    expect(flowsOf(made)).toEqual(['priority=2 actions=NORMAL']);
  });

  it('with mistakes change nothing, and all mistakes are shown where they are', async () => {
    const made = datapath();
    const error = await refusal(
      change(made, 'flows', 'add', 'priority=1,actions=drop\nip,actions=ouput:1\nin_port=web3,actions=drop'),
    );
    expect(error).toMatchObject({ code: 'rules-invalid', message: 'argument has 2 errors' });
    expect(
      error.diagnostics.map(({ place, source }) => source.slice(place.column - 1, place.column - 1 + place.width)),
    ).toEqual(['ouput', 'web3']);
    expect(error.diagnostics.map(({ place }) => place.line)).toEqual([2, 3]);
    expect(flowsOf(made)).toEqual([]);
  });

  it('that the datapath refuses are named by its error', async () => {
    const made = datapath();
    expect(await refusal(change(made, 'flows', 'add', 'actions=group:9'))).toMatchObject({
      code: 'rules-refused',
      message: expect.stringMatching(/^OFPBAC_BAD_OUT_GROUP: /),
    });
  });

  it('come all or not at all', async () => {
    const made = datapath(1);
    expect(await refusal(change(made, 'flows', 'add', 'ip,actions=drop\narp,actions=drop'))).toMatchObject({
      message: expect.stringMatching(/^line 2 of argument: OFPFMFC_TABLE_FULL: /),
    });
    expect(flowsOf(made)).toEqual([]);
  });

  it('are not found by a filter that cannot be read', () => {
    expect(() => readFilter('nw_dst=10.0.0.0/24,actions=drop', ports)).toThrow(UserError);
  });
});

describe('groups and meters by hand', () => {
  it('are added, changed, deleted and shown', async () => {
    const made = datapath();
    await change(made, 'groups', 'add', 'group_id=1,type=all,bucket=output:web1,bucket=output:db1');
    await change(made, 'flows', 'add', 'ip,actions=group:1');
    expect(groupRows(made, names)).toMatchObject([
      { group: 1, type: 'all', buckets: 2, references: 1, owner: 'cli', text: expect.stringMatching(/output:web1/) },
    ]);
    await change(made, 'groups', 'mod', 'group_id=1,type=indirect,bucket=output:web1');
    expect(groupRows(made)).toMatchObject([{ buckets: 1, text: 'group_id=1,type=indirect,bucket=actions=output:1' }]);
    await change(made, 'groups', 'del', 'group_id=1');
    expect([groupRows(made), flowsOf(made)]).toEqual([[], []]);
    await change(made, 'meters', 'add', 'meter=4,pktps,bands=type=drop,rate=10');
    await change(made, 'meters', 'mod', 'meter=4,pktps,bands=type=drop,rate=20');
    expect(meterRows(made)).toMatchObject([{ meter: 4, bands: 1, text: 'meter=4 pktps bands=\ntype=drop rate=20' }]);
    await change(made, 'meters', 'del', '');
    expect(meterRows(made)).toEqual([]);
    expect(await refusal(change(made, 'meters', 'mod', 'meter=4,pktps,bands=type=drop,rate=20'))).toMatchObject({
      message: expect.stringMatching(/^OFPMMFC_UNKNOWN_METER: /),
    });
  });

  it('tables that are used are shown, and all of them as text', async () => {
    const made = datapath();
    await change(made, 'flows', 'add', 'table=2,actions=drop');
    const { tables, text } = tableRows(made);
    expect(tables).toEqual([{ table: 2, active: 1, lookups: 0, matched: 0 }]);
    expect(text).toMatch(/ {2}table 0:\n {4}active=0, lookup=0, matched=0/);
  });
});

describe('what a configuration says', () => {
  const texts = (more: Partial<RuleTexts> = {}): RuleTexts => ({
    meters: ['meter=1,kbps,bands=type=drop,rate=1000'],
    groups: ['group_id=1,type=indirect,bucket=output:web1'],
    flows: ['priority=5,ip,actions=meter:1,group:1', 'priority=4,arp,actions=NORMAL'],
    ...more,
  });

  it('is there after it was said once, and stays as it is when it is said again', () => {
    const made = datapath();
    expect(configure(made, texts(), ports)).toEqual([]);
    const rules = [...made.flows.select(readFilter('', ports))];
    nowMs += 5000;
    expect(configure(made, texts(), ports)).toEqual([]);
    expect(made.flows.select(readFilter('', ports))).toEqual(rules);
    expect(rules.map(({ owner }) => owner)).toEqual(['config', 'config']);
  });

  it('changes in place, and goes when it is said no more', () => {
    const made = datapath();
    configure(made, texts(), ports);
    const group = ['group_id=1,type=indirect,bucket=output:db1'];
    configure(made, texts({ groups: group, flows: ['priority=5,ip,actions=group:1'] }), ports);
    expect(flowsOf(made)).toEqual(['priority=5,ip actions=group:1']);
    expect(groupRows(made)).toMatchObject([{ text: 'group_id=1,type=indirect,bucket=actions=output:2' }]);
    configure(made, { meters: [], groups: [], flows: [] }, ports);
    expect([flowsOf(made), groupRows(made), meterRows(made)]).toEqual([[], [], []]);
  });

  it('leaves alone what others own', async () => {
    const made = datapath();
    await change(made, 'flows', 'add', 'priority=9,ip,actions=drop\npriority=4,arp,actions=drop');
    await change(made, 'groups', 'add', 'group_id=7,type=indirect,bucket=output:1');
    configure(made, texts(), ports);
    configure(made, { meters: [], groups: [], flows: [] }, ports);
    expect(flowsOf(made)).toEqual(['priority=9,ip actions=drop', 'priority=4,arp actions=drop']);
    expect(groupRows(made)).toMatchObject([{ group: 7 }]);
  });
});
