import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DecisionMemo } from '../../src/path/cache/memo.ts';
import { type Frame, frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const R = '02:54:00:00:00:01';
const HOST = '02:00:00:00:00:02';
const AWAY = '02:00:00:00:00:03';
const OTHER = '02:00:00:00:00:04';

const yamlOf = ({ deny = 7, mac = AWAY, via = '10.0.2.2', egress = '', vlans = 'vlan: 1' } = {}) => `
version: 1
tenants:
  red:
    bridge:
      static_macs: [{mac: '${AWAY}', vlan: 2, port: b}, {mac: '${OTHER}', vlan: 2, port: c}]
      ports: {a: {memory: true, ${vlans}}, b: {memory: true, vlan: 2}, c: {memory: true, vlan: 2}}
    router:
      mac: '${R}'
      interfaces:
        i1: {vlan: 1, addresses: [10.0.1.1/24, 'fd00:1::1/64'], ra: false}
        i2: {vlan: 2, addresses: [10.0.2.1/24, 'fd00:2::1/64'], ra: false}
      neighbors:
        - {address: 10.0.2.2, mac: '${mac}', interface: i2}
        - {address: 10.0.2.3, mac: '${OTHER}', interface: i2}
        - {address: 'fd00:2::2', mac: '${mac}', interface: i2}
      routes: [{to: 172.16.0.0/12, via: ${via}}, {to: 'fd01::/16', via: 'fd00:2::2'}, {to: 203.0.113.0/24, blackhole: true}]
    acls:
      in: {rules: [{deny: {proto: udp, dport: ${deny}}}, {allow: {proto: udp, dport: 8}}, {allow: any}], ingress: [a]}
${egress}`;

/** The `k`th flow of a kind: nothing but ports and addresses differs. */
const flow = (k: number, dport = 9, shape: Frame = {}): Uint8Array => {
  const ipv4 = { source: `10.0.1.${2 + (k % 200)}`, destination: `172.16.${k % 250}.5` };
  return frame({
    ethernet: { destination: R, source: HOST },
    udp: { source: 1000 + k, destination: dport },
    ...(shape.ipv6 === undefined ? { ipv4 } : {}),
    ...shape,
  });
};
const six = (k: number): Frame => ({
  ipv6: { source: 'fd00:1::2', destination: `fd01::${(k + 1).toString(16)}` },
});

let known: number[] = [];
beforeEach(() => {
  known = [];
  const { find } = DecisionMemo.prototype;
  vi.spyOn(DecisionMemo.prototype, 'find').mockImplementation(function (this: DecisionMemo, at, from, nowMs) {
    const line = find.call(this, at, from, nowMs);
    known.push(line);
    return line;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** How many of the frames that missed the flow cache were decided by what was decided before. */
const recalled = () => known.splice(0).filter((line) => line > 0).length;
const made = async (options = {}) => {
  const red = await TestSwitch.of(yamlOf(options));
  red.send('red/a', flow(0));
  red.everything();
  red.send('red/a', flow(1), flow(2, 8), flow(3, 7), flow(4, 9, six(4)));
  red.everything();
  recalled();
  return red;
};
/** Ports that frames leave by, and where they go to. */
const left = (red: TestSwitch) =>
  [...red.everything()].map(([port, frames]) => [
    port,
    frames.length,
    Buffer.from(frames[0].subarray(0, 12)).toString('hex'),
  ]);
const TO_AWAY = (count: number) => [['red/b', count, `${AWAY}${R}`.replaceAll(':', '')]];
const TO_OTHER = (count: number) => [['red/c', count, `${OTHER}${R}`.replaceAll(':', '')]];

it('knows flows that the same rules and the same next hop are found for', async () => {
  const red = await made();
  red.send('red/a', flow(10), flow(11), flow(12));
  expect(recalled()).toBe(3);
  expect(left(red)).toEqual(TO_AWAY(3));
  red.send('red/a', flow(13, 9, six(13)), flow(14, 9, six(14)));
  expect(recalled()).toBe(2);
  expect(left(red)).toEqual(TO_AWAY(2));
});

it('drops what another rule denies, and counts for the rule that was met', async () => {
  const red = await made();
  const before = red.drops('red', 'a')['acl-in'];
  const hits = () => [...red.tenant('red').image.acls[0].hits[0]];
  const counted = hits();
  red.send('red/a', flow(20, 7), flow(21, 8), flow(22, 7), flow(23, 9));
  expect(recalled()).toBe(4);
  expect(red.drops('red', 'a')['acl-in'] - before).toBe(2);
  expect(hits().map((count, i) => count - counted[i])).toEqual([2, 1, 1, 0]);
  expect(left(red)).toEqual(TO_AWAY(2));
});

it('follows the neighbour, the route and the list as they change', async () => {
  const red = await made();
  await red.change(yamlOf({ mac: OTHER }));
  red.send('red/a', flow(30));
  expect(left(red)).toEqual(TO_OTHER(1));
  await red.change(yamlOf({ via: '10.0.2.3' }));
  red.send('red/a', flow(31), flow(32));
  expect(left(red)).toEqual(TO_OTHER(2));
  await red.change(yamlOf());
  red.send('red/a', flow(33), flow(34));
  expect(left(red)).toEqual(TO_AWAY(2));
  await red.change(yamlOf({ deny: 9 }));
  red.send('red/a', flow(35), flow(36), flow(37, 7));
  expect(left(red)).toEqual(TO_AWAY(1));
});

it('finds another next hop, and none, for another destination', async () => {
  const red = await made();
  const to = (destination: string): Frame => ({ ipv4: { source: '10.0.1.2', destination } });
  for (const round of [0, 1]) {
    red.send('red/a', flow(40 + round, 9, to('10.0.2.3')));
    expect(left(red)).toEqual(TO_OTHER(1));
    red.send('red/a', flow(42 + round, 9, to('203.0.113.9')), flow(44 + round, 9, to('127.0.0.1')));
    expect(left(red)).toEqual([]);
    red.send('red/a', flow(46 + round, 9, to('10.0.2.2')));
    expect(left(red)).toEqual(TO_AWAY(1));
  }
  expect(red.drops('red', 'a')).toMatchObject({ blackhole: 2, martian: 2 });
  // The second round of three: martian ones are always for the stages.
  expect(recalled()).toBe(3);
});

it('asks the decider where a list on the way out has a say', async () => {
  const egress = '      out: {rules: [{deny: {proto: udp, sport: 1050}}, {allow: any}], egress: [b]}\n';
  const red = await made({ egress });
  red.send('red/a', flow(49), flow(50), flow(51));
  expect(recalled()).toBe(0);
  expect(left(red)).toEqual(TO_AWAY(2));
});

it('tells tags, ports and stations apart', async () => {
  const red = await made({ vlans: 'trunk: [1, 2], native: 1' });
  const tagged = (k: number, vid: number, source = HOST) =>
    flow(k, 9, { ethernet: { destination: R, source }, vlan: vid });
  red.send('red/a', tagged(60, 1), tagged(61, 1));
  expect(left(red)).toEqual(TO_AWAY(2));
  // Unknown stations are for the stages, which learn them.
  red.send('red/a', tagged(62, 1, '02:00:00:00:00:77'));
  expect(left(red)).toEqual(TO_AWAY(1));
  red.send('red/b', flow(63, 9, { ethernet: { destination: R, source: AWAY } }));
  red.send('red/c', flow(64, 9, { ethernet: { destination: R, source: AWAY } }));
  expect(red.everything().get('red/a') ?? []).toEqual([]);
});
