import { describe, expect, it } from 'vitest';
import { parseGroup } from '../../src/openflow/text/group.ts';
import { Lab, udp } from '../support/rules-lab.ts';

const ports = (out: Record<string, unknown>): string => Object.keys(out).sort().join();

describe('the flow cache, of groups', () => {
  it.each([
    ['indirect', 'bucket=actions=set_field:10.9.9.9->ip_dst,output:2'],
    ['all', 'bucket=actions=set_field:10.9.9.9->ip_dst,output:2'],
    ['ff', 'bucket=watch_port:4,actions=set_field:10.9.9.9->ip_dst,output:2'],
    ['select', 'bucket=weight=1,actions=set_field:10.9.9.9->ip_dst,output:2'],
  ])('carries out the one bucket that acts, and counts it: type=%s', async (type, bucket) => {
    const lab = (await Lab.of()).groups(`group_id=7,type=${type},${bucket}`).flows('in_port=1,ip,actions=group:7');
    const edited = udp({ to: '10.9.9.9' });
    expect(lab.send('a', udp())).toEqual({ b: [edited] });
    expect(lab.carriedBy(() => expect(lab.send('a', udp(), udp())).toEqual({ b: [edited, edited] }))).toBe(2);
    lab.net.advance(5);
    const [group] = lab.datapath.statistics.groupStats(7);
    const length = BigInt(udp().length);
    expect([group.packets, group.bytes]).toEqual([3n, 3n * length]);
    expect(group.buckets.map((one) => [one.packets, one.bytes])).toEqual([[3n, 3n * length]]);
    lab.net.expectBooksToBalance();
  });

  it('chooses for each flow the bucket that the interpreter chooses', async () => {
    const lab = (await Lab.of())
      .groups('group_id=1,type=select,bucket=weight=3,actions=output:2,bucket=weight=1,actions=output:3')
      .flows('in_port=1,udp,tp_dst=0x400/0xfc00,actions=group:1');
    const flows = Array.from({ length: 60 }, (_, k) =>
      udp({ port: 1024 + k, source: `02:00:00:00:01:${10 + (k % 7)}` }),
    );
    lab.net.engine.tenants.setCache(false);
    const chosen = flows.map((one) => ports(lab.send('a', one)));
    lab.net.engine.tenants.setCache(true);
    const carried = lab.carriedBy(() => {
      for (let round = 0; round < 3; round++) expect(flows.map((one) => ports(lab.send('a', one)))).toEqual(chosen);
    });
    expect(new Set(chosen)).toEqual(new Set(['b', 'c']));
    expect(carried).toBeGreaterThan(100);
  });

  it('chooses anew when the link of a watched port changes, and only then', async () => {
    const lab = (await Lab.of())
      .groups(
        'group_id=1,type=select,bucket=weight=9,watch_port:2,actions=output:2,bucket=weight=1,watch_port:3,actions=output:3',
      )
      .flows('in_port=1,actions=group:1');
    const flows = Array.from({ length: 20 }, (_, k) => udp({ port: 1024 + k }));
    const leave = () => flows.map((one) => ports(lab.send('a', one))).join('');
    const before = leave();
    expect(before).toContain('b');
    expect(leave()).toBe(before);
    lab.net.linkUp[1] = 0;
    expect(leave()).toBe('c'.repeat(20));
    lab.net.linkUp[1] = 1;
    expect(leave()).toBe(before);
    // Nobody watches the fourth.
    lab.net.linkUp[3] = 0;
    expect(lab.carriedBy(leave)).toBe(20);
  });

  it('lets nothing that a bucket edits be seen behind the group', async () => {
    const lab = (await Lab.of())
      .groups('group_id=1,type=indirect,bucket=actions=set_field:10.9.9.9->ip_dst')
      .groups('group_id=2,type=indirect,bucket=actions=set_field:10.9.9.9->ip_dst,output:2')
      .groups('group_id=3,type=indirect,bucket=actions=dec_ttl')
      .groups('group_id=4,type=indirect,bucket=actions=set_field:10.9.9.9->ip_dst,group:2')
      .flows(
        'in_port=1,udp,tp_dst=1,actions=group:1,output:3',
        'in_port=1,udp,tp_dst=2,actions=group:2,output:3',
        'in_port=1,udp,tp_dst=3,actions=group:3,output:3',
        'in_port=1,udp,tp_dst=4,actions=group:4,set_field:10.8.8.8->ip_dst',
        'in_port=1,udp,tp_dst=5,actions=group:2,goto_table:1',
        'table=1,ip,nw_dst=10.9.9.9,actions=output:4',
      );
    const [one, two, three, four, five] = [1, 2, 3, 4, 5].map((port) => udp({ port }));
    const edited = (port: number) => udp({ port, to: '10.9.9.9' });
    for (let round = 0; round < 3; round++) {
      expect(lab.send('a', one)).toEqual({ c: [one] });
      expect(lab.send('a', two)).toEqual({ b: [edited(2)], c: [two] });
      expect(lab.send('a', three)).toEqual({ c: [three] });
      expect(lab.send('a', four)).toEqual({ b: [edited(4)] });
      expect(lab.send('a', five)).toEqual({ b: [edited(5)] });
    }
    lab.net.expectBooksToBalance();
  });

  it('forgets what it has chosen when the group changes', async () => {
    const lab = (await Lab.of())
      .groups('group_id=1,type=indirect,bucket=actions=output:2')
      .flows('in_port=1,actions=group:1');
    expect([ports(lab.send('a', udp())), ports(lab.send('a', udp()))]).toEqual(['b', 'b']);
    lab.datapath.groupMod(parseGroup('group_id=1,type=indirect,bucket=actions=output:3', 'modify'), 'cli');
    lab.net.run();
    expect(ports(lab.send('a', udp()))).toBe('c');
  });
});
