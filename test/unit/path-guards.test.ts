import { expect, it } from 'vitest';
import { Column } from '../../src/observe/ledger.ts';
import { frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const R = '02:54:00:00:00:01';
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const ip = (layers: object = {}) =>
  frame({
    ethernet: { source: A, destination: B },
    ipv4: { source: '10.0.0.2', destination: '10.0.0.3' },
    payload: 30,
    ...layers,
  });

it('holds the MTU against the frame, whatever its IP header says of its length', async () => {
  const lab = await TestSwitch.of(
    'version: 1\ntenants:\n  red: {bridge: {ports: {a: {memory: true}, b: {memory: true, mtu: 600}}}}\n',
  );
  const long = new Uint8Array(14 + 601);
  long.set(ip());
  lab.send('red/a', long, long.subarray(0, 614));
  expect(lab.received('red/b').length).toBe(1);
  expect(lab.drops('red')).toEqual({ mtu: 1 });
});

it('lets nobody out of the native VLAN by a second tag', async () => {
  const ports =
    '{t: {memory: true, trunk: [10, 20], native: 10}, u: {memory: true, trunk: [10]}, a: {memory: true, vlan: 10}}';
  const lab = await TestSwitch.of(`version: 1\ntenants:\n  red: {bridge: {ports: ${ports}}}\n`);
  const ethernet = { source: A, destination: BROADCAST };
  lab.send('red/u', ip({ ethernet, vlan: [{ vid: 10 }, { vid: 20 }] }));
  lab.send('red/a', ip({ ethernet, vlan: [{ vid: 0 }, { vid: 20 }] }));
  for (const bytes of lab.received('red/t')) expect(bytes).toEqual(ip({ ethernet, vlan: [{ vid: 10 }, { vid: 20 }] }));
  lab.expectBooksToBalance();
});

it('reads on while as many frames wait for a silent neighbour as the quota lets wait', async () => {
  const lab = await TestSwitch.of(`
version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true, vlan: 10}, b: {memory: true, vlan: 10}}}
    router: {mac: '${R}', interfaces: {one: {vlan: 10, addresses: [10.0.0.1/24]}}}
    quota: {frames: 64}
`);
  for (let n = 0; n < 100; n++) lab.send('red/a', ip({ ethernet: { source: A, destination: R } }));
  expect(lab.tenant('red').ledgers[0].get(0, Column.Held)).toBe(32);
  lab.everything();
  lab.send('red/b', ip({ ethernet: { source: B, destination: A } }));
  expect(lab.received('red/a').length).toBe(1);
  lab.advance(9000);
  lab.expectBooksToBalance();
});

it('logs for a tenant without a router too', async () => {
  const lab = await TestSwitch.of(`
version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true}, b: {memory: true}}}
    acls: {one: {rules: [{deny: any, log: true}], ingress: [a]}}
`);
  lab.send('red/a', ip());
  expect(lab.events.map(({ kind }) => kind)).toEqual(['acl-log']);
  expect(lab.tenant('red').punts[0].empty).toBe(true);
});

it('shows an ACL no packet where a tunnel sees payload', async () => {
  const lab = await TestSwitch.of(`
version: 1
tenants:
  red:
    bridge: {ports: {in: {memory: true, tunnel: 40}, out: {memory: true, tunnel: 40}}}
    acls: {one: {rules: [{deny: {proto: udp}}, {allow: any}], ingress: [in]}}
`);
  const udp = { udp: { source: 1, destination: 2 } };
  lab.send('red/in', ip({ ...udp, vlan: 7 }), ip(udp));
  expect(lab.received('red/out')).toEqual([ip({ ...udp, vlan: 7 })]);
  expect(lab.drops('red')).toEqual({ 'acl-in': 1 });
});
