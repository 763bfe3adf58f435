import { describe, expect, it } from 'vitest';
import { filterWords, readMatch } from '../../src/control/capture/filter.ts';
import { Point } from '../../src/path/tap/record.ts';
import { frame } from '../../src/wire/build.ts';
import { TestCapture } from '../support/capture.ts';
import { A, B, filteredLab, udp } from '../support/filtered-lab.ts';
import { packet, pattern } from '../support/packets.ts';
import { TestSwitch } from '../support/test-switch.ts';

const CONFIG = `${filteredLab()}  blue: {bridge: {ports: {z: {memory: true}}}}
`;

const words = (net: TestSwitch, filter: string) => {
  const { datapath } = net.tenant('red');
  return filterWords(readMatch(filter, datapath), datapath);
};
const brief = (capture: TestCapture) => capture.read().map(({ point, port, reason }) => `${point} ${port} ${reason}`);

describe('a capture', () => {
  it('sees frames come in, leave as they leave, and go by the reason they went for, out of the flow cache too', async () => {
    const net = await TestSwitch.of(CONFIG);
    const hello = frame({ ethernet: { source: B, destination: 'ff:ff:ff:ff:ff:ff' } });
    net.send('red/b', hello);
    const all = TestCapture.of(net, 'red');
    for (let round = 0; round < 3; round++) {
      net.send('red/a', udp(9), udp(7), udp(8));
      const left = net.received('red/b');
      const found = all.read();
      const ingress = found.filter(({ point }) => point === 'ingress');
      expect(ingress.map(({ bytes }) => bytes)).toEqual([udp(9), udp(7), udp(8)]);
      const egress = found.filter(({ point }) => point === 'egress');
      expect(egress.map(({ bytes }) => bytes)).toEqual(left);
      expect(egress.map(({ port, comment }) => [port, comment])).toEqual([['b', 'From a.']]);
      const dropped = found.filter(({ point }) => point === 'drop').map(({ reason, port }) => [reason, port]);
      expect(dropped.sort()).toEqual([
        ['acl-in', 'a'],
        ['acl-out', 'a'],
      ]);
    }
    const { cache } = net.engine.tenants.paths[net.tenant('red').index]!;
    expect(cache.known).toBeGreaterThan(0);
    expect(all.tally).toEqual({ seen: 18, lost: 0 });
    net.expectBooksToBalance();
  });

  it('ends, and nothing looks any more', async () => {
    const net = await TestSwitch.of(CONFIG);
    const first = TestCapture.of(net, 'red');
    const second = TestCapture.of(net, 'red', { points: 1 << Point.Ingress });
    first.end();
    net.send('red/a', udp(9));
    expect(first.read()).toEqual([]);
    expect(brief(second)).toEqual(['ingress a null']);
    second.end();
    net.send('red/a', udp(9));
    expect(second.read()).toEqual([]);
    expect(net.engine.tenants.tapped).toBe(false);
  });

  it('is of one tenant, or of one port, and of frames that match', async () => {
    const net = await TestSwitch.of(CONFIG);
    const blue = TestCapture.of(net, 'blue');
    const b = TestCapture.of(net, 'red', { row: net.tenant('red').ports.of('b') });
    const match = TestCapture.of(net, 'red', { filter: words(net, 'in_port=a,udp,nw_dst=10.0.20.0/24,tp_dst=7') });
    net.send('red/a', udp(9), udp(7), udp(8));
    expect(brief(blue)).toEqual([]);
    expect(brief(b).sort()).toEqual(['drop a acl-out', 'egress b null']);
    expect(brief(match)).toEqual(['ingress a null', 'drop a acl-in']);
    expect(match.tally).toEqual({ seen: 2, lost: 0 });
  });

  it('lives through changes of the tenant', async () => {
    const net = await TestSwitch.of(CONFIG);
    const all = TestCapture.of(net, 'red', { points: 1 << Point.Ingress });
    await net.change(CONFIG.replace('dport: 7', 'dport: 70'));
    net.send('red/a', udp(7));
    expect(brief(all)).toEqual(['ingress a null']);
  });

  it('loses what finds no room, and counts it', async () => {
    const net = await TestSwitch.of(CONFIG);
    const small = TestCapture.of(net, 'red', { ring: 1024 });
    const frames = Array.from({ length: 50 }, () => udp(9, 100));
    net.send('red/a', ...frames);
    const found = small.read();
    expect(small.tally.seen).toBe(100);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length + small.tally.lost).toBe(100);
  });

  it('says of frames that their device does not take that they were dropped', async () => {
    const net = await TestSwitch.of(CONFIG);
    const all = TestCapture.of(net, 'red', { ring: 1 << 23 });
    const kept = TestCapture.of(net, 'red', { ring: 1 << 23, points: 1 << Point.Egress });
    // The memory behind port b is full before all have left.
    for (let round = 0; round < 20; round++) net.send('red/a', ...Array.from({ length: 60 }, () => udp(9, 1300)));
    const left = net.received('red/b').length;
    const found = all.read();
    const full = net.drops('red')['tx-full'];
    expect(full).toBeGreaterThan(0);
    expect(found.filter(({ reason }) => reason === 'tx-full').length).toBe(full);
    expect(found.filter(({ point }) => point === 'egress').length).toBe(left);
    expect(all.tally).toEqual({ seen: 20 * 60 * 2, lost: 0 });
    expect(kept.read().length).toBe(left);
    expect(kept.tally).toEqual({ seen: left, lost: 0 });
  });

  it('keeps super-frames whole, however long, and as much of them as is wanted', async () => {
    const net = await TestSwitch.of(CONFIG, { offloads: { a: 0x1f, c: 0x1f } });
    net.send('red/c', frame({ ethernet: { source: B, destination: A } }));
    const whole = TestCapture.of(net, 'red');
    const short = TestCapture.of(net, 'red', { snap: 2100 });
    const { bytes, l4, csumOffset } = packet({ protocol: 'tcp', payload: pattern(9000), partial: true });
    bytes.set([2, 0, 0, 0, 0, 0x0b]);
    const vnet = new Uint8Array(new Uint16Array([0x0101, 0, 1400, l4, csumOffset]).buffer);
    new DataView(vnet.buffer).setUint16(2, l4 + 20, true);
    expect(net.end('red/a').send(bytes, vnet)).toBe(true);
    net.run();
    const found = whole.read();
    expect(found[0]).toMatchObject({ point: 'ingress', length: bytes.length });
    expect(Buffer.compare(found[0].bytes, bytes)).toBe(0);
    expect(found[0].comment).toBe('Super-frame: TCP segments of 1400 bytes.');
    const [left] = net.received('red/c');
    expect(Buffer.compare(found[1].bytes, left)).toBe(0);
    expect(Buffer.compare(short.read()[0].bytes, bytes.subarray(0, 2100))).toBe(0);
  });

  it('refuses filters that say more than what a frame is', async () => {
    const net = await TestSwitch.of(CONFIG);
    expect(() => words(net, 'in_port=web')).toThrow('The filter has an error');
    expect(() => words(net, 'table=1,ip')).toThrow('A frame has no table');
    expect(() => words(net, 'metadata=1')).toThrow('metadata is no field of a frame');
    expect(words(net, '')).toEqual(new Int32Array(0));
  });
});
