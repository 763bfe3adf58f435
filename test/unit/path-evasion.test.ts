import { describe, expect, it } from 'vitest';
import { arpRequest, frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const R = '02:54:00:00:00:01';

const packet6 = (extensions: number) => ({
  ethernet: { source: A, destination: B },
  ipv6: {
    source: 'fd00::1',
    destination: 'fd00::2',
    extensions: Array.from({ length: extensions }, () => ({ type: 60, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) })),
  },
  tcp: { source: 1, destination: 22 },
});

const guarded = (rules: string) => `
version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true}, b: {memory: true}, t: {memory: true, tunnel: 1}}}
    acls: {one: {rules: [${rules}], ingress: [a]}}
`;

describe('lists cannot be evaded', () => {
  const hidden = {
    ethernet: { source: A, destination: B },
    ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
    tcp: { source: 1, destination: 22 },
  };

  it.each([0x8100, 0x88a8])('by a priority tag behind a priority tag (%i)', async (tpid) => {
    const lab = await TestSwitch.of(guarded(''));
    lab.send('red/a', frame({ ...hidden, vlan: [{ vid: 0 }, { tpid, vid: 0 }] }));
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('red', 'a')).toEqual({ 'vlan-not-allowed': 1 });
    lab.expectBooksToBalance();
  });

  it('by a priority tag that comes through a tunnel', async () => {
    const lab = await TestSwitch.of(guarded(''));
    lab.send('red/t', frame({ ...hidden, vlan: [{ vid: 0 }] }));
    expect(lab.everything().size).toBe(0);
    lab.send('red/t', frame({ ...hidden, vlan: [{ vid: 7 }] }));
    expect(lab.received('red/b').length).toBe(1);
    lab.expectBooksToBalance();
  });

  it('by more extension headers than are followed, or by a first fragment without ports', async () => {
    const lab = await TestSwitch.of(guarded('{deny: {proto: tcp, dport: 22}}, {allow: any}'));
    const short = { ...hidden, ipv4: { ...hidden.ipv4, fragment: 0x2000, protocol: 6 }, payload: 4 };
    const { tcp: _, ...tiny } = short;
    lab.send('red/a', frame(packet6(8)), frame(packet6(9)), frame(tiny));
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('red', 'a')).toEqual({ 'acl-in': 3 });
  });

  it('by router advertisements under a default of deny', async () => {
    const lab = await TestSwitch.of(guarded('{allow: {proto: tcp}}'));
    const discovery = (type: number) =>
      frame({
        ethernet: { source: A },
        ipv6: { source: 'fe80::1', destination: 'ff02::1', hopLimit: 255 },
        icmp: { type },
        payload: 12,
      });
    lab.send('red/a', discovery(134));
    expect(lab.received('red/b').length).toBe(0);
    lab.send('red/a', discovery(133));
    expect(lab.received('red/b').length).toBe(1);
  });

  it('nor port security by hidden headers, a foreign target from ::, or a foreign link-layer address', async () => {
    const lab = await TestSwitch.of(`
version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true, mac: '${A}', port_security: {macs: ['${A}'], addresses: ['fd00::1']}}, b: {memory: true}}}
`);
    const own = Uint8Array.from([0xfd, 0, ...new Array(13).fill(0), 1]);
    const foreign = Uint8Array.from([...own.subarray(0, 15), 9]);
    const solicit = (source: string, target: Uint8Array, ...option: number[]) =>
      frame({
        ethernet: { source: A },
        ipv6: { source, destination: 'ff02::1', hopLimit: 255 },
        icmp: { type: 135 },
        payload: Uint8Array.of(...target, ...option),
      });
    lab.send('red/a', solicit('::', own), solicit('fd00::1', foreign, 1, 1, 2, 0, 0, 0, 0, 0x0a));
    expect(lab.received('red/b').length).toBe(2);
    lab.send(
      'red/a',
      frame(packet6(9)),
      solicit('::', foreign),
      solicit('fd00::1', foreign, 1, 1, 2, 0, 0, 0, 0, 0x0b),
    );
    expect(lab.received('red/b').length).toBe(0);
    expect(lab.drops('red', 'a')).toEqual({ 'port-security': 3 });
  });
});

const SHARED = `
version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true, vlan: 10}}}
    router: {mac: '${R}', interfaces: {web: {vlan: 10, addresses: [10.0.10.1/24]}}}
    share: {export: {blue: [10.0.10.0/24]}, import: {blue: [10.9.0.0/16]}}
    acls: {out: {rules: [{deny: {from: 10.9.0.0/16}}, {allow: any}], egress: [a]}}
    quota: {frames: 64}
  blue:
    bridge: {ports: {a: {memory: true, vlan: 10}}}
    router: {mac: '${R}', interfaces: {app: {vlan: 10, addresses: [10.9.10.1/24]}}}
    share: {export: {red: [10.9.0.0/16]}, import: {red: [10.0.10.0/24]}}
`;

describe('one tenant', () => {
  const toBlue = (destination: string, more = {}) =>
    frame({
      ethernet: { source: A, destination: R },
      ipv4: { source: '10.0.10.2', destination },
      payload: 20,
      ...more,
    });

  it('sees what another tenant’s router made under its own egress lists', async () => {
    const lab = await TestSwitch.of(SHARED);
    lab.send('red/a', arpRequest({ senderMac: A, senderAddress: '10.0.10.2', targetAddress: '10.0.10.1' }));
    lab.everything();
    lab.send('red/a', toBlue('10.9.10.1', { icmp: { type: 8 } }));
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('blue')).toEqual({});
    expect(lab.drops('red', 'router')).toEqual({ 'acl-out': 1 });
    lab.expectBooksToBalance();
  });

  it('is not held up by frames that wait behind another tenant’s router', async () => {
    const lab = await TestSwitch.of(SHARED);
    for (let host = 2; host < 6; host++)
      lab.send('red/a', ...Array.from({ length: 16 }, () => toBlue(`10.9.10.${host}`)));
    expect(lab.engine.pool.held[1]).toBe(0);
    lab.expectBooksToBalance();
  });

  it('still has its ARP answered while packets to silent neighbours pour in', async () => {
    const lab = await TestSwitch.of(SHARED);
    for (let n = 0; n < 700; n += 20) {
      lab.send('red/a', ...Array.from({ length: 20 }, (_, k) => toBlue(`10.0.10.${20 + ((n + k) % 200)}`)));
    }
    lab.everything();
    lab.send('red/a', arpRequest({ senderMac: A, senderAddress: '10.0.10.2', targetAddress: '10.0.10.1' }));
    expect(lab.received('red/a').filter((bytes) => bytes[21] === 2).length).toBe(1);
    lab.expectBooksToBalance();
  });
});

describe('a tenant that shares', () => {
  it('takes packets from another only with sources that lead back there', async () => {
    const lab = await TestSwitch.of(SHARED);
    lab.send('blue/a', arpRequest({ senderMac: B, senderAddress: '10.9.10.2', targetAddress: '10.9.10.1' }));
    lab.everything();
    const from = (source: string) =>
      frame({ ethernet: { source: A, destination: R }, ipv4: { source, destination: '10.9.10.2' }, payload: 20 });
    lab.send('red/a', from('10.9.10.77'), from('172.16.0.1'));
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('blue')).toMatchObject({ martian: 2 });
    lab.send('red/a', from('10.0.10.2'));
    expect(lab.received('blue/a').length).toBe(1);
    lab.expectBooksToBalance();
  });

  it('takes no more heads than its quota twice over, whatever its frames are cut into', async () => {
    const lab = await TestSwitch.of(SHARED);
    expect(lab.engine.pool.limit[1]).toBe(128);
    for (let i = 0; i < 128; i++) expect(lab.engine.pool.takeHead(1)).toBeGreaterThanOrEqual(0);
    expect(lab.engine.pool.takeHead(1)).toBe(-1);
    expect(lab.engine.pool.takeHead(2)).toBeGreaterThanOrEqual(0);
  });
});

describe('a device that is gone', () => {
  it('leaves no frame for the next one of its index', async () => {
    const lab = await TestSwitch.of(guarded(''));
    const { devices } = lab.engine;
    devices.get(1).closing = true;
    lab.engine.turn(false);
    expect(devices.has(1)).toBe(false);
    lab.send(
      'red/t',
      frame({
        ethernet: { source: A, destination: 'ff:ff:ff:ff:ff:ff' },
        ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
      }),
    );
    expect(devices.queues[1].count).toBe(0);
    expect(lab.drops('red', 't')).toEqual({ 'tx-full': 1 });
    lab.expectBooksToBalance();
  });
});
