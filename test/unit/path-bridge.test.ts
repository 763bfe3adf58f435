import { describe, expect, it } from 'vitest';
import { frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const C = '02:00:00:00:00:0c';
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

/** A small IP frame; MACs by name. */
const from = (source: string, destination: string, vlan?: number | { vid: number; tpid?: number; pcp?: number }[]) =>
  frame({
    ethernet: { source, destination },
    ...(vlan === undefined ? {} : { vlan }),
    ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
    udp: { source: 1000, destination: 2000 },
    payload: 30,
  });

const BRIDGE = `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 10}
        c: {memory: true, vlan: 20}
        t: {memory: true, trunk: [10, 20], native: 20}
        u: {memory: true, trunk: [10, 30]}
  blue:
    bridge:
      ports:
        a: {memory: true, vlan: 10}
`;

describe('a bridge', () => {
  it('floods what it does not know within the VLAN alone, tagged on trunks, and never into another tenant', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    const sent = from(A, BROADCAST);
    lab.send('red/a', sent);
    const out = lab.everything();
    expect([...out.keys()].sort()).toEqual(['red/b', 'red/t', 'red/u']);
    expect(out.get('red/b')).toEqual([sent]);
    const tagged = from(A, BROADCAST, 10);
    expect(out.get('red/t')).toEqual([tagged]);
    expect(out.get('red/u')).toEqual([tagged]);
    lab.expectBooksToBalance();
  });

  it('learns where a MAC is and sends there alone', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/b', from(B, BROADCAST));
    lab.everything();
    lab.send('red/a', from(A, B));
    expect([...lab.everything().keys()]).toEqual(['red/b']);
    lab.send('red/b', from(B, A));
    expect([...lab.everything().keys()]).toEqual(['red/a']);
    lab.expectBooksToBalance();
  });

  it('keeps the VLANs of one MAC apart', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/t', from(A, BROADCAST, 10));
    lab.send('red/c', from(B, BROADCAST));
    lab.everything();
    lab.send('red/c', from(B, A));
    expect([...lab.everything().keys()]).toEqual(['red/t']);
  });

  it('follows a MAC that moves', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/a', from(A, BROADCAST));
    lab.send('red/u', from(A, BROADCAST, 10));
    lab.everything();
    lab.send('red/b', from(B, A));
    expect([...lab.everything().keys()]).toEqual(['red/u']);
  });

  it('forgets a MAC after its age', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/a', from(A, BROADCAST));
    lab.send('red/u', from(B, A, 10));
    lab.everything();
    lab.advance(301_000);
    lab.send('red/b', from(C, A));
    expect([...lab.everything().keys()].sort()).toEqual(['red/a', 'red/t', 'red/u']);
  });

  it('drops a frame whose destination is behind the port it came from', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/t', from(A, BROADCAST, 10), from(B, BROADCAST, 10));
    lab.everything();
    lab.send('red/t', from(A, B, 10));
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('red', 't')).toEqual({ 'same-port': 1 });
  });

  it('takes the native VLAN untagged and priority-tagged, and other VLANs by their tag only', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/t', from(A, BROADCAST));
    expect(lab.everything()).toEqual(new Map([['red/c', [from(A, BROADCAST)]]]));
    lab.send('red/t', from(A, BROADCAST, [{ vid: 0, pcp: 5 }]));
    expect(lab.everything()).toEqual(new Map([['red/c', [from(A, BROADCAST)]]]));
    lab.send('red/t', from(A, BROADCAST, 30));
    lab.send('red/u', from(A, BROADCAST));
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('red')).toEqual({ 'vlan-not-allowed': 2 });
  });

  it('keeps the priority of a tag when it leaves tagged', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/a', from(A, BROADCAST, [{ vid: 0, pcp: 6 }]));
    const out = lab.everything();
    expect(out.get('red/b')).toEqual([from(A, BROADCAST)]);
    expect(out.get('red/u')).toEqual([from(A, BROADCAST, [{ vid: 10, pcp: 6 }])]);
  });

  it('refuses tagged frames on an access port', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/a', from(A, BROADCAST, 10), from(A, BROADCAST, 20));
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('red', 'a')).toEqual({ 'vlan-not-allowed': 2 });
  });

  it('passes inner tags through: QinQ on a trunk', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    const double = from(A, BROADCAST, [{ tpid: 0x88a8, vid: 10 }, { vid: 77 }]);
    lab.send('red/u', double);
    const out = lab.everything();
    expect(out.get('red/t')).toEqual([double]);
    expect(out.get('red/a')).toEqual([from(A, BROADCAST, 77)]);
  });

  it('carries everything of a customer through a tunnel port, under a service tag', async () => {
    const lab = await TestSwitch.of(`
version: 1
tenants:
  red:
    bridge:
      ports:
        customer: {memory: true, tunnel: 100}
        far: {memory: true, tunnel: 100}
        core: {memory: true, trunk: [100]}
`);
    const inner = from(A, BROADCAST, 7);
    lab.send('red/customer', inner);
    const out = lab.everything();
    expect(out.get('red/far')).toEqual([inner]);
    expect(out.get('red/core')).toEqual([from(A, BROADCAST, [{ tpid: 0x88a8, vid: 100 }, { vid: 7 }])]);
  });

  it('drops reserved addresses unless told to pass the protocol, and group or zero sources always', async () => {
    const lldp = frame({ ethernet: { source: A, destination: '01:80:c2:00:00:0e', type: 0x88cc }, payload: 46 });
    const strict = await TestSwitch.of(BRIDGE);
    strict.send('red/a', lldp, from('01:00:00:00:00:01', B), from('00:00:00:00:00:00', B));
    expect(strict.everything().size).toBe(0);
    expect(strict.drops('red', 'a')).toEqual({ reserved: 1, 'bad-source': 2 });
    const open = await TestSwitch.of(BRIDGE.replace('bridge:', 'bridge:\n      forward_reserved: [lldp]'));
    open.send('red/a', lldp);
    expect([...open.everything().keys()].sort()).toEqual(['red/b', 'red/t', 'red/u']);
  });

  it('limits storms by the port, by the clock', async () => {
    const lab = await TestSwitch.of(
      BRIDGE.replace('a: {memory: true, vlan: 10}', 'a: {memory: true, vlan: 10, storm_control: 100}'),
    );
    // 128 at once, so that a super-frame can pass at all; then a hundred a second.
    lab.send('red/a', ...Array.from({ length: 150 }, () => from(A, BROADCAST)));
    expect(lab.received('red/b').length).toBe(128);
    expect(lab.drops('red', 'a')).toEqual({ storm: 22 });
    lab.advance(500);
    lab.send('red/a', ...Array.from({ length: 60 }, () => from(A, C)));
    expect(lab.received('red/b').length).toBe(50);
    lab.expectBooksToBalance();
  });

  it('drops what a port whose link is down should have sent', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/b', from(B, BROADCAST));
    lab.everything();
    lab.linkUp[1] = 0;
    lab.send('red/a', from(A, B));
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('red', 'a')).toEqual({ 'link-down': 1 });
  });

  it('drops a frame longer than the port takes', async () => {
    const lab = await TestSwitch.of(
      BRIDGE.replace('b: {memory: true, vlan: 10}', 'b: {memory: true, vlan: 10, mtu: 600}'),
    );
    lab.send('red/b', from(B, BROADCAST));
    lab.everything();
    const long = frame({
      ethernet: { source: A, destination: B },
      ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
      payload: 581,
    });
    lab.send('red/a', long, long.subarray(0, long.length - 1));
    expect(lab.received('red/b').length).toBe(1);
    expect(lab.drops('red', 'a')).toEqual({ mtu: 1 });
    lab.expectBooksToBalance();
  });

  it('drops frames that are cut short, and keeps the books', async () => {
    const lab = await TestSwitch.of(BRIDGE);
    lab.send('red/a', new Uint8Array(13), from(A, BROADCAST, 10).subarray(0, 17), new Uint8Array(1));
    expect(lab.drops('red', 'a')).toEqual({ malformed: 3 });
    lab.expectBooksToBalance();
  });
});

describe('port security', () => {
  const SECURE = `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, mac: '${A}', port_security: {macs: ['${A}'], addresses: [10.0.0.1, 'fd00::1']}}
        b: {memory: true}
`;

  it('lets a port send from its own MAC and addresses only, in IP and in ARP', async () => {
    const lab = await TestSwitch.of(SECURE);
    const arp = (senderMac: string, senderAddress: string, source = A) =>
      frame({
        ethernet: { source, destination: BROADCAST },
        arp: { operation: 1, senderMac, senderAddress, targetAddress: '10.0.0.9' },
      });
    lab.send('red/a', from(A, B), arp(A, '10.0.0.1'), arp(A, '0.0.0.0'));
    expect(lab.received('red/b').length).toBe(3);
    const stranger = frame({
      ethernet: { source: A, destination: B },
      ipv4: { source: '10.0.0.7', destination: '10.0.0.2' },
    });
    lab.send('red/a', from(C, B), stranger, arp(A, '10.0.0.7'), arp(C, '10.0.0.1'));
    expect(lab.received('red/b').length).toBe(0);
    expect(lab.drops('red', 'a')).toEqual({ 'port-security': 4 });
  });

  it('takes addresses that the host made from its MAC for its own, in its subnet and on the link', async () => {
    const lab = await TestSwitch.of(SECURE);
    const v6 = (source: string) =>
      frame({
        ethernet: { source: A, destination: B },
        ipv6: { source, destination: 'fd00::2' },
        udp: { source: 1, destination: 2 },
      });
    lab.send('red/a', v6('fd00::1'), v6('fd00::ff:fe00:a'), v6('fe80::ff:fe00:a'));
    expect(lab.received('red/b').length).toBe(3);
    lab.send('red/a', v6('fd00::2'), v6('fd00:1::ff:fe00:a'), v6('fd00::ff:fe00:b'), v6('fe80::1'));
    expect(lab.received('red/b').length).toBe(0);
    expect(lab.drops('red', 'a')).toEqual({ 'port-security': 4 });
  });

  it('lets a host configure itself: DHCP from 0.0.0.0', async () => {
    const lab = await TestSwitch.of(SECURE);
    lab.send(
      'red/a',
      frame({
        ethernet: { source: A, destination: BROADCAST },
        ipv4: { source: '0.0.0.0', destination: '255.255.255.255' },
        udp: { source: 68, destination: 67 },
        payload: 240,
      }),
    );
    expect(lab.received('red/b').length).toBe(1);
  });
});
