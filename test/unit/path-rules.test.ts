import { describe, expect, it } from 'vitest';
import { Ports } from '../../src/openflow/model.ts';
import { frame } from '../../src/wire/build.ts';
import { A, B, FOUR, Lab, udp } from '../support/rules-lab.ts';

describe('rules', () => {
  it('send a frame out by a port, never back to where it came from but by IN_PORT', async () => {
    const lab = (await Lab.of()).flows('in_port=1,actions=output:2,output:1,output:4', 'in_port=2,actions=in_port');
    const sent = udp();
    expect(lab.send('a', sent)).toEqual({ b: [sent], d: [sent] });
    expect(lab.send('b', sent)).toEqual({ b: [sent] });
    expect(lab.net.drops('red')).toEqual({});
  });

  it('drop what matches none, and what matches one without actions', async () => {
    const lab = (await Lab.of()).flows('in_port=1,actions=drop', 'table=1,actions=output:2');
    expect(lab.send('a', udp())).toEqual({});
    expect(lab.send('b', udp())).toEqual({});
    expect(lab.net.drops('red')).toEqual({ 'rule-drop': 1, 'table-miss': 1 });
  });

  it('are chosen by priority and count packets and bytes', async () => {
    const lab = (await Lab.of()).flows(
      'cookie=1,priority=10,ip,nw_dst=10.0.0.0/24,actions=output:2',
      'cookie=2,priority=20,udp,tp_dst=53,actions=output:3',
      'cookie=3,priority=0,actions=drop',
    );
    expect(Object.keys(lab.send('a', udp()))).toEqual(['b']);
    expect(Object.keys(lab.send('a', udp({ port: 53 })))).toEqual(['c']);
    expect(lab.send('a', udp({ to: '10.0.1.1' }))).toEqual({});
    expect(lab.counts()).toEqual({ 1: 1, 2: 1, 3: 1 });
    const table = lab.datapath.statistics.tableStats()[0];
    expect([table.lookups, table.matches]).toEqual([3n, 3n]);
  });

  it('end when they were not used for a while, or when their time is over, however much they are used', async () => {
    const lab = (await Lab.of()).flows(
      'cookie=1,priority=3,idle_timeout=2,in_port=1,actions=output:2',
      'cookie=2,priority=2,hard_timeout=5,in_port=2,actions=output:1',
      'cookie=3,priority=1,idle_timeout=2,hard_timeout=60,in_port=3,actions=output:1',
    );
    const pass = (ms: number, ...ports: string[]) => {
      for (let passed = 0; passed < ms; passed += 500) {
        lab.net.advance(500);
        for (const port of ports) lab.send(port, udp());
        lab.datapath.tick();
        lab.net.run();
      }
      return Object.keys(lab.counts());
    };
    expect(pass(1500)).toEqual(['1', '2', '3']);
    // The third is not used, and the second is, which does not help it.
    expect(pass(1000, 'a', 'b')).toEqual(['1', '2']);
    expect(pass(3000, 'a', 'b')).toEqual(['1']);
    expect(pass(1500)).toEqual(['1']);
    expect(pass(500)).toEqual([]);
  });

  it('go from table to table with metadata, and carry out the action set at the end', async () => {
    const lab = (await Lab.of()).flows(
      'in_port=1,actions=write_actions(set_field:02:00:00:00:00:99->eth_dst,output:3),write_metadata:0x5/0xf,goto_table:3',
      'table=3,metadata=5,actions=write_actions(output:2),goto_table:7',
      'table=7,actions=apply_actions(output:4)',
    );
    const sent = udp();
    const out = lab.send('a', sent);
    expect(out).toEqual({ d: [sent], b: [udp({ destination: '02:00:00:00:00:99' })] });
  });

  it('clear the action set', async () => {
    const lab = (await Lab.of()).flows('actions=write_actions(output:2),goto_table:1', 'table=1,actions=clear_actions');
    expect(lab.send('a', udp())).toEqual({});
    expect(lab.net.drops('red')).toEqual({ 'rule-drop': 1 });
  });

  it('edit copies: what was sent before an edit is as it was', async () => {
    const lab = (await Lab.of()).flows(
      'in_port=1,ip,actions=output:2,dec_ttl,set_field:10.9.9.9->ip_dst,output:3,push_vlan:0x8100,set_field:4101->vlan_vid,output:4',
    );
    expect(lab.send('a', udp())).toEqual({
      b: [udp()],
      c: [udp({ ttl: 63, to: '10.9.9.9' })],
      d: [udp({ ttl: 63, to: '10.9.9.9', vlan: 5 })],
    });
  });

  it('flood and send to all, without the port it came from and ports that forward nothing', async () => {
    const lab = (await Lab.of()).flows('in_port=1,actions=flood', 'in_port=2,actions=all');
    expect(Object.keys(lab.send('a', udp())).sort()).toEqual(['b', 'c', 'd']);
    const { address } = lab.datapath.ports.get(3)!;
    const port = { port: 3, address, config: 32, mask: 32, advertise: 0 };
    lab.datapath.portMod(port);
    lab.net.run();
    expect(Object.keys(lab.send('b', udp())).sort()).toEqual(['a', 'd']);
  });

  it('let frames go the built-in way by NORMAL: VLANs and learning as without rules', async () => {
    const lab = (await Lab.of()).flows('priority=1,actions=normal', 'priority=2,in_port=4,actions=drop');
    expect(Object.keys(lab.send('a', udp({ destination: 'ff:ff:ff:ff:ff:ff' }))).sort()).toEqual(['b', 'c']);
    expect(Object.keys(lab.send('b', udp({ source: B, destination: A })))).toEqual(['a']);
    expect(Object.keys(lab.send('a', udp()))).toEqual(['b']);
  });

  it('mix NORMAL with outputs and edits: each copy is as the frame was then', async () => {
    const lab = (await Lab.of()).flows(
      'in_port=1,ip,actions=output:4,normal,set_field:10.9.9.9->ip_dst,output:4,normal',
    );
    lab.send('b', udp({ source: B, destination: A }));
    const out = lab.send('a', udp());
    expect(out['d']).toEqual([udp(), udp({ to: '10.9.9.9' })]);
    expect(out['b']).toEqual([udp(), udp({ to: '10.9.9.9' })]);
  });

  it('count what NORMAL alone handles from the flow cache, too', async () => {
    const lab = (await Lab.of()).flows('cookie=9,priority=0,actions=normal');
    lab.send('b', udp({ source: B, destination: A }));
    for (let n = 0; n < 5; n++) lab.send('a', udp(), udp());
    expect(lab.counts()).toEqual({ 9: 11 });
    const every = { table: 0, match: [], cookie: 0n, cookieMask: 0n, outPort: Ports.Any, outGroup: Ports.Any };
    expect(lab.datapath.statistics.aggregate(every)).toEqual({
      packets: 11n,
      bytes: BigInt(11 * udp().length),
      flows: 1,
    });
  });

  it('tell controllers: misses, actions, and TTLs that have run out', async () => {
    const lab = (await Lab.of()).flows(
      'priority=0,actions=controller',
      'in_port=2,actions=controller:20,output:1',
      'in_port=3,ip,actions=dec_ttl,output:1',
    );
    lab.send('a', udp());
    lab.send('b', udp());
    lab.send('c', udp({ ttl: 1 }));
    const hex = Buffer.from(udp()).toString('hex');
    expect(lab.told().map(({ reason, inPort, length }) => [reason, inPort, length])).toEqual([
      [0, 1, udp().length],
      [1, 2, udp().length],
      [2, 3, udp().length],
    ]);
    expect(lab.net.drops('red')).toEqual({});
    lab.send('a', udp());
    expect(lab.told()[0].frame).toBe(hex);
  });

  it('clone for all buckets of a group of type all; what a bucket edits stays in it', async () => {
    const lab = (await Lab.of())
      .groups('group_id=1,type=all,bucket=actions=set_field:10.9.9.9->ip_dst,output:2,bucket=actions=output:3')
      .flows('in_port=1,ip,actions=group:1,output:4');
    expect(lab.send('a', udp())).toEqual({ b: [udp({ to: '10.9.9.9' })], c: [udp()], d: [udp()] });
    const [{ packets, buckets }] = lab.datapath.statistics.groupStats(1);
    expect([packets, ...buckets.map((bucket) => bucket.packets)]).toEqual([1n, 1n, 1n]);
  });

  it('spread flows over the buckets of a select group by weight, each flow on its own', async () => {
    const lab = (await Lab.of())
      .groups('group_id=1,type=select,bucket=weight=3,actions=output:2,bucket=weight=1,actions=output:3')
      .flows('in_port=1,actions=group:1');
    let toB = 0;
    for (let port = 1; port <= 400; port++) {
      const first = Object.keys(lab.send('a', udp({ port })));
      expect(Object.keys(lab.send('a', udp({ port })))).toEqual(first);
      if (first[0] === 'b') toB++;
    }
    expect(toB).toBeGreaterThan(260);
    expect(toB).toBeLessThan(340);
    // So do flows that differ in their MACs alone.
    const ends = new Set<string>();
    for (let n = 1; n <= 40; n++) {
      const source = `02:00:00:00:01:${n.toString(16).padStart(2, '0')}`;
      for (const port of Object.keys(lab.send('a', udp({ source })))) ends.add(port);
    }
    expect([...ends].sort()).toEqual(['b', 'c']);
  });

  it('fail over to the next bucket whose port is up', async () => {
    const lab = (await Lab.of())
      .groups('group_id=1,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3')
      .flows('in_port=1,actions=group:1');
    expect(Object.keys(lab.send('a', udp()))).toEqual(['b']);
    lab.net.linkUp[1] = 0;
    expect(Object.keys(lab.send('a', udp()))).toEqual(['c']);
    lab.net.linkUp[2] = 0;
    expect(lab.send('a', udp())).toEqual({});
    expect(lab.net.drops('red')).toEqual({ 'rule-drop': 1 });
  });

  it('hold frames to the rate of a meter, or raise their drop precedence', async () => {
    const lab = (await Lab.of())
      .meter('meter=1,pktps,burst,band=type=drop,rate=10,burst_size=5')
      .meter('meter=2,pktps,burst,band=type=dscp_remark,rate=10,burst_size=5,prec_level=1')
      .flows('in_port=1,actions=meter:1,output:2', 'in_port=2,ip,actions=meter:2,output:1');
    const many = Array.from({ length: 20 }, () => udp());
    expect(lab.send('a', ...many)['b'].length).toBe(5);
    expect(lab.net.drops('red')).toEqual({ meter: 15 });
    // AF11 becomes AF12.
    const out = lab.send('b', ...Array.from({ length: 7 }, () => udp({ tos: 10 << 2 })))['a'];
    expect(out.map((bytes) => bytes[15] >> 2)).toEqual([10, 10, 10, 10, 10, 12, 12]);
    expect(lab.datapath.statistics.meterStats(1)[0].bands[0].packets).toBe(15n);
  });

  it('let a packet-out through the tables, or out by a port', async () => {
    const lab = (await Lab.of()).flows('in_port=2,actions=output:3');
    expect(lab.packetOut(Ports.Controller, 'output:1,output:2')).toEqual({ a: [udp()], b: [udp()] });
    expect(lab.packetOut(2, 'table')).toEqual({ c: [udp()] });
    expect(Object.keys(lab.packetOut(1, 'normal')).sort()).toEqual(['b', 'c']);
    expect(Object.keys(lab.packetOut(3, 'flood')).sort()).toEqual(['a', 'b', 'd']);
  });

  it('may not be used to get round the MTU', async () => {
    const lab = await Lab.of(FOUR.replace('b: {memory: true, vlan: 10}', 'b: {memory: true, vlan: 10, mtu: 600}'));
    lab.flows('actions=output:2');
    const long = frame({ ethernet: { source: A, destination: B, type: 0x88b5 }, payload: 900 });
    expect(lab.send('a', long)).toEqual({});
    expect(lab.net.drops('red')).toEqual({ mtu: 1 });
  });
});
