import { describe, expect, it } from 'vitest';
import { filterWords, readMatch } from '../../src/control/capture/filter.ts';
import { frame } from '../../src/wire/build.ts';
import { A, B, filteredLab, R, udp } from '../support/filtered-lab.ts';
import { TestSwitch } from '../support/test-switch.ts';
import { TestLiveTrace } from '../support/traced.ts';

const CONFIG = filteredLab(', pps: 20');

async function started(): Promise<TestSwitch> {
  const net = await TestSwitch.of(CONFIG);
  net.send('red/b', frame({ ethernet: { source: B, destination: 'ff:ff:ff:ff:ff:ff' } }));
  net.received('red/b');
  return net;
}

describe('a live trace', () => {
  it('tells of the next frames what they are, why they go where they go, and what became of them', async () => {
    const net = await started();
    for (let round = 0; round < 2; round++) {
      const live = new TestLiveTrace(net, 'red', 3);
      net.send('red/a', udp(9), udp(7), udp(8), udp(9));
      const found = live.read();
      expect(found.map((one) => [one.port, one.frame])).toEqual([udp(9), udp(7), udp(8)].map((one) => ['a', one]));
      const nothing = { slow: false, waits: false, leaked: false, agrees: true };
      expect(found.map(({ happened }) => happened)).toEqual([
        { ports: ['b'], drops: [], ...nothing },
        { ports: [], drops: ['acl-in'], ...nothing },
        { ports: [], drops: ['acl-out'], ...nothing },
      ]);
      expect(found[1].trace.steps).toContainEqual({
        ...{ tenant: 'red', stage: 'acl-in', text: 'list in, rule 1: deny udp dport 7' },
      });
      expect(net.received('red/b')).toHaveLength(2);
      // Frames that are told of go through the flow cache like the others.
      expect(net.engine.tenants.paths[net.tenant('red').index]!.cache.known).toBeGreaterThan(0);
      live.end();
    }
    net.expectBooksToBalance();
  });

  it('is of those that match, and two do not disturb each other nor the order of frames', async () => {
    const net = await started();
    const { datapath } = net.tenant('red');
    const words = filterWords(readMatch('in_port=a,udp,tp_dst=9', datapath), datapath);
    const some = new TestLiveTrace(net, 'red', 2, words);
    const all = new TestLiveTrace(net, 'red', 10);
    const sent = [udp(10), udp(9), udp(11), udp(9), udp(9), udp(12)];
    net.send('red/a', ...sent);
    expect(some.read().map((one) => one.frame)).toEqual([udp(9), udp(9)]);
    expect(all.read()).toHaveLength(6);
    const ports = net.received('red/b').map((bytes) => new DataView(bytes.buffer, bytes.byteOffset).getUint16(36));
    expect(ports).toEqual([10, 9, 11, 9, 9, 12]);
    some.end();
    net.send('red/a', udp(9));
    expect(some.read()).toEqual([]);
    expect(all.read()).toHaveLength(1);
    all.end();
    expect(net.engine.tenants.tapped).toBe(false);
    net.expectBooksToBalance();
  });

  it('says where it was otherwise when the frame came', async () => {
    const net = await started();
    // More than the burst that any port may send.
    for (let round = 0; round < 20; round++) {
      net.send('red/a', ...Array.from({ length: 51 }, () => udp(9)));
      net.received('red/b');
    }
    const live = new TestLiveTrace(net, 'red', 12);
    net.send('red/a', ...Array.from({ length: 12 }, () => udp(9)));
    net.nowUs += 1_000_000;
    const found = live.read();
    const limited = found.filter(({ happened }) => happened.drops.length > 0);
    expect(limited.length).toBeGreaterThan(0);
    for (const { happened, trace } of limited) {
      expect(happened).toMatchObject({ ports: [], drops: ['port-rate'], agrees: false });
      expect(trace.outputs).toHaveLength(1);
    }
    live.end();
    const other = new TestLiveTrace(net, 'red', 1);
    net.send(
      'red/c',
      frame({ ethernet: { source: A, destination: R }, ipv4: { source: '10.0.10.9', destination: '10.0.20.77' } }),
    );
    expect(other.read().map(({ happened }) => happened)).toMatchObject([{ waits: true, agrees: true }]);
  });
});
