import { describe, expect, it } from 'vitest';
import { A, B, Lab, udp } from '../support/rules-lab.ts';

const many = (count: number, shape = {}): Uint8Array[] => Array.from({ length: count }, () => udp(shape));

describe('the flow cache, of meters', () => {
  it.each([
    ['an output', 'output:2'],
    ['NORMAL', 'normal'],
  ])('weighs every frame, and counts it for its rule and its band: %s', async (_, action) => {
    const lab = (await Lab.of())
      .meter('meter=1,pktps,burst,band=type=drop,rate=10,burst_size=5')
      .flows(`cookie=7,in_port=1,actions=meter:1,${action}`, `in_port=2,actions=normal`);
    lab.send('b', udp({ source: B, destination: A }));
    lab.send('a', udp());
    const carried = lab.carriedBy(() => {
      expect(lab.send('a', ...many(20))['b'].length).toBe(4);
    });
    // What is over the rate is done with, too.
    expect(carried).toBe(20);
    expect(lab.net.drops('red', 'a')).toEqual({ meter: 16 });
    lab.net.advance(1000);
    expect(lab.send('a', ...many(20))['b'].length).toBe(5);
    lab.net.advance(5);
    const [meter] = lab.datapath.statistics.meterStats(1);
    expect([meter.packets, meter.bands[0].packets]).toEqual([41n, 31n]);
    expect(lab.counts()).toMatchObject({ 7: 41 });
    lab.net.expectBooksToBalance();
  });

  it('raises a drop precedence, before what the rule edits', async () => {
    const lab = (await Lab.of())
      .meter('meter=2,pktps,burst,band=type=dscp_remark,rate=10,burst_size=5,prec_level=1')
      .flows('in_port=1,ip,actions=meter:2,dec_ttl,output:2');
    lab.send('a', udp({ tos: 10 << 2 }));
    const send = () => lab.send('a', ...many(7, { tos: 10 << 2 }))['b'];
    let out: Uint8Array[] = [];
    expect(lab.carriedBy(() => (out = send()))).toBe(7);
    // AF11 becomes AF12.
    expect(out.map((bytes) => bytes[15] >> 2)).toEqual([10, 10, 10, 10, 12, 12, 12]);
    expect(out[6]).toEqual(udp({ tos: 12 << 2, ttl: 63 }));
    lab.net.expectBooksToBalance();
  });

  it('leaves to the interpreter what no decision can say: a table, or a group, behind a meter; another meter', async () => {
    const lab = (await Lab.of())
      .meter('meter=1,pktps,burst,band=type=drop,rate=10,burst_size=5')
      .groups('group_id=1,type=indirect,bucket=actions=output:2')
      .flows(
        'in_port=1,actions=meter:1,goto_table:1',
        'in_port=2,actions=meter:1,group:1',
        'in_port=3,actions=goto_table:2',
        'table=1,actions=output:2',
        'table=2,actions=meter:1,output:2',
      );
    expect(lab.carriedBy(() => expect(lab.send('a', ...many(4))['b'].length).toBe(4))).toBe(0);
    expect(lab.carriedBy(() => lab.send('b', ...many(4)))).toBe(0);
    lab.net.advance(1000);
    lab.send('c', udp());
    expect(lab.carriedBy(() => expect(lab.send('c', ...many(9))['b'].length).toBe(4))).toBe(9);
    lab.net.expectBooksToBalance();
  });

  it('weighs nothing any more when the meter is gone', async () => {
    const lab = (await Lab.of())
      .meter('meter=1,pktps,burst,band=type=drop,rate=10,burst_size=5')
      .flows('in_port=1,actions=meter:1,output:2');
    lab.send('a', ...many(20));
    lab.flows('in_port=1,actions=output:2');
    lab.send('a', udp());
    expect(lab.send('a', ...many(20))['b'].length).toBe(20);
  });
});
