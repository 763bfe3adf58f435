import { describe, expect, it } from 'vitest';
import type { Trace } from '../../src/control/trace/tracer.ts';
import { frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';
import { traced } from '../support/traced.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const udp = (ttl = 64) =>
  frame({
    ethernet: { source: A, destination: B },
    ipv4: { source: '10.0.0.1', destination: '10.0.0.2', ttl },
    udp: { source: 1000, destination: 2000 },
    payload: 30,
  });

/** A tenant with rules, and what a trace of a frame says about them. */
async function tracedBy(openflow: string, bytes = udp(), before: (net: TestSwitch) => void = () => {}): Promise<Trace> {
  const net = await TestSwitch.of(`version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true}, b: {memory: true}, c: {memory: true}}}
    openflow: ${openflow}
`);
  before(net);
  return traced(net, 'red', 'a', bytes);
}

const rulesOf = ({ steps }: Trace) => steps.filter(({ stage }) => stage === 'rules').map(({ text }) => text.trim());
const left = ({ outputs }: Trace) => outputs.map(({ port }) => port);

describe('a trace', () => {
  it('tells the rules of each table, what they do and where the frame leaves', async () => {
    const found = await tracedBy(`
      groups: ['group_id=3,type=indirect,bucket=output:c']
      meters: ['meter=7,pktps,bands=type=drop,rate=100']
      flows:
        - cookie=0x11,priority=10,ip,actions=meter:7,set_field:${B}->eth_src,dec_ttl,output:b,goto_table:2
        - table=2,priority=5,udp,actions=write_actions(group:3)`);
    expect(rulesOf(found)).toEqual([
      `table 0: cookie=0x11, priority=10,ip actions=meter:7,set_field:${B}->eth_src,dec_ttl,output:b,goto_table:2`,
      'meter:7: within its rate',
      `set_field:${B}->eth_src`,
      'dec_ttl',
      'output:b',
      'table 2: priority=5,udp actions=write_actions(group:3)',
      'the action set:',
      'group:3',
      'group 3: bucket 0 of 1',
      'output:c',
    ]);
    expect(left(found)).toEqual(['b', 'c']);
  });

  it('tells what NORMAL is to do, by a rule or without one', async () => {
    expect(rulesOf(await tracedBy('{}'))).toEqual([
      'table 0: priority=0 actions=NORMAL',
      'goes the built-in way (NORMAL)',
    ]);
    expect(rulesOf(await tracedBy("{flows: ['udp,actions=drop', 'priority=1,actions=NORMAL']}", udp()))).toEqual([
      'table 0: udp actions=drop',
      expect.stringMatching(/^dropped, rule-drop: /),
    ]);
  });

  it('tells which rule or table dropped it', async () => {
    expect(rulesOf(await tracedBy("{flows: ['arp,actions=NORMAL']}"))).toEqual([
      'table 0: no rule matches',
      expect.stringMatching(/^dropped, table-miss: /),
    ]);
    expect(rulesOf(await tracedBy("{flows: ['ip,actions=dec_ttl,output:b']}", udp(1)))).toEqual([
      'table 0: ip actions=dec_ttl,output:b',
      'dec_ttl: the TTL has expired; controllers are told',
    ]);
  });

  it('changes nothing: no counter, no token, no frame for controllers', async () => {
    let net: TestSwitch | undefined;
    await tracedBy("{flows: ['ip,actions=CONTROLLER:65535']}", udp(), (made) => {
      net = made;
    });
    const { datapath } = net!.tenant('red');
    const [rule] = [...datapath.flows.select({ ...EVERY })];
    expect(datapath.statistics.countsOf(rule!)).toEqual({ packets: 0, bytes: 0 });
    datapath.readPacketIns(10);
    expect(datapath.unheard).toBe(0);
  });
});

const EVERY = { table: 255, match: [], cookie: 0n, cookieMask: 0n, outPort: 0xffffffff, outGroup: 0xffffffff };
