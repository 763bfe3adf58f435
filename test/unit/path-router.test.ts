import { describe, expect, it } from 'vitest';
import { Column } from '../../src/observe/ledger.ts';
import { arpReply, arpRequest, type Frame, frame, neighborAdvertisement } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const R = '02:54:00:00:00:01';

const ROUTER = `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 20}
        t: {memory: true, trunk: [20, 30]}
        x: {memory: true, vlan: 10}
    router:
      mac: '${R}'
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:10::1/64'], ra: false}
        db: {vlan: 20, addresses: [10.0.20.1/24, 'fd00:20::1/64'], mtu: 1400, ra: false}
      routes:
        - {to: 192.0.2.0/24, blackhole: true}
        - {to: 198.51.100.0/24, reject: true}
        - {to: 203.0.113.0/24, via: [10.0.20.2, 10.0.20.3]}
`;

/** From host a to the router's MAC. */
const routed = (destination: string, more: Frame & { ttl?: number } = {}) =>
  frame({
    ethernet: { source: A, destination: R },
    ipv4: { source: '10.0.10.2', destination, ttl: more.ttl ?? 64, ...more.ipv4 },
    udp: { source: 1000, destination: 2000 },
    payload: 30,
    ...more,
  });

/** Host b answers ARP for itself: its address is then known. */
async function labWithNeighbors(yaml = ROUTER): Promise<TestSwitch> {
  const lab = await TestSwitch.of(yaml);
  const ask = (port: string, mac: string, address: string, gateway: string) =>
    lab.send(port, arpRequest({ senderMac: mac, senderAddress: address, targetAddress: gateway }));
  ask('red/a', A, '10.0.10.2', '10.0.10.1');
  ask('red/b', B, '10.0.20.2', '10.0.20.1');
  lab.everything();
  return lab;
}

describe('a router', () => {
  it('answers ARP for its own address', async () => {
    const lab = await TestSwitch.of(ROUTER);
    lab.send('red/a', arpRequest({ senderMac: A, senderAddress: '10.0.10.2', targetAddress: '10.0.10.1' }));
    expect(lab.received('red/a').map((bytes) => bytes.subarray(0, 42))).toEqual([
      arpReply({ senderMac: R, senderAddress: '10.0.10.1', targetMac: A, targetAddress: '10.0.10.2' }).subarray(0, 42),
    ]);
    lab.expectBooksToBalance();
  });

  it('rewrites MACs, takes one off the TTL and patches the checksum', async () => {
    const lab = await labWithNeighbors();
    lab.send('red/a', routed('10.0.20.2'));
    expect(lab.everything()).toEqual(
      new Map([
        [
          'red/b',
          [
            frame({
              ethernet: { source: R, destination: B },
              ipv4: { source: '10.0.10.2', destination: '10.0.20.2', ttl: 63 },
              udp: { source: 1000, destination: 2000 },
              payload: 30,
            }),
          ],
        ],
      ]),
    );
    lab.expectBooksToBalance();
  });

  it('holds packets for an unknown neighbour, asks, and sends them in order once it answers', async () => {
    const lab = await TestSwitch.of(ROUTER);
    const packets = [1, 2, 3].map((n) => routed('10.0.20.2', { payload: new Uint8Array(20).fill(n) }));
    lab.send('red/a', ...packets);
    const asked = lab.received('red/b');
    expect(asked.length).toBe(1);
    expect(asked[0].subarray(0, 42)).toEqual(
      arpRequest({ senderMac: R, senderAddress: '10.0.20.1', targetAddress: '10.0.20.2' }).subarray(0, 42),
    );
    expect(lab.tenant('red').ledgers[0].get(0, Column.Held)).toBe(3);
    lab.expectBooksToBalance();
    lab.send('red/b', arpReply({ senderMac: B, senderAddress: '10.0.20.2', targetMac: R, targetAddress: '10.0.20.1' }));
    expect(lab.received('red/b').map((bytes) => bytes.at(-1))).toEqual([1, 2, 3]);
    lab.expectBooksToBalance();
  });

  it('tells the sender when a neighbour does not answer', async () => {
    const lab = await labWithNeighbors();
    lab.send('red/a', routed('10.0.20.99'));
    lab.advance(6000);
    const errors = lab.received('red/a').filter((bytes) => bytes[23] === 1);
    expect(errors.length).toBe(1);
    expect([errors[0][34], errors[0][35]]).toEqual([3, 1]);
    expect(lab.drops('red')).toEqual({ 'neighbor-failed': 1 });
    lab.expectBooksToBalance();
  });

  it('routes IPv6, resolving by neighbour solicitation', async () => {
    const lab = await TestSwitch.of(ROUTER);
    const packet = (destination: string, hopLimit: number) =>
      frame({
        ethernet: { source: A, destination: R },
        ipv6: { source: 'fd00:10::2', destination, hopLimit },
        udp: { source: 5, destination: 6 },
        payload: 10,
      });
    lab.send('red/a', packet('fd00:20::2', 9));
    expect(lab.received('red/b').length).toBe(1);
    lab.send(
      'red/b',
      neighborAdvertisement({
        sourceMac: B,
        source: 'fd00:20::2',
        target: 'fd00:20::2',
        destination: { mac: R, address: 'fd00:20::1' },
        router: false,
        solicited: true,
        override: true,
      }),
    );
    expect(lab.received('red/b')).toEqual([
      frame({
        ethernet: { source: R, destination: B },
        ipv6: { source: 'fd00:10::2', destination: 'fd00:20::2', hopLimit: 8 },
        udp: { source: 5, destination: 6 },
        payload: 10,
      }),
    ]);
    lab.expectBooksToBalance();
  });

  it.each([
    ['TTL 1', routed('10.0.20.2', { ttl: 1 }), 'ttl', 11, 0],
    ['no route', routed('8.8.8.8'), 'no-route', 3, 0],
    ['a reject route', routed('198.51.100.7'), 'reject', 3, 13],
  ] as const)('drops and answers %s by ICMP', async (_name, packet, reason, type, code) => {
    const lab = await labWithNeighbors();
    lab.send('red/a', packet);
    const [error] = lab.received('red/a');
    expect([error[34], error[35]]).toEqual([type, code]);
    expect(lab.drops('red')).toEqual({ [reason]: 1 });
    lab.expectBooksToBalance();
  });

  it('drops what a blackhole route matches, silently', async () => {
    const lab = await labWithNeighbors();
    lab.send('red/a', routed('192.0.2.1'));
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('red')).toEqual({ blackhole: 1 });
  });

  it('says packet too big under DF, with the MTU of the next link', async () => {
    const lab = await labWithNeighbors();
    const big = frame({
      ethernet: { source: A, destination: R },
      ipv4: { source: '10.0.10.2', destination: '10.0.20.2', fragment: 0x4000 },
      udp: { source: 1, destination: 2 },
      payload: 1400,
    });
    lab.send('red/a', big);
    const [error] = lab.received('red/a');
    expect([error[34], error[35], (error[40] << 8) | error[41]]).toEqual([3, 4, 1400]);
    expect(lab.drops('red')).toEqual({ 'too-big': 1 });
    lab.expectBooksToBalance();
  });

  it('fragments where it may', async () => {
    const lab = await labWithNeighbors();
    const big = frame({
      ethernet: { source: A, destination: R },
      ipv4: { source: '10.0.10.2', destination: '10.0.20.2' },
      udp: { source: 1, destination: 2 },
      payload: 1440,
    });
    lab.send('red/a', big);
    const pieces = lab.received('red/b');
    expect(pieces.map(({ length }) => length)).toEqual([14 + 1396, 14 + 20 + 1448 - 1376]);
    lab.expectBooksToBalance();
  });

  it('drops martians, bad headers and multicast', async () => {
    const lab = await labWithNeighbors();
    const bad = routed('10.0.20.2');
    bad[24] ^= 1;
    lab.send(
      'red/a',
      bad,
      routed('127.0.0.1'),
      routed('224.0.0.9'),
      routed('10.0.20.2', { ipv4: { source: '127.0.0.1', destination: '10.0.20.2' } }),
    );
    expect(lab.everything().size).toBe(0);
    expect(lab.drops('red')).toEqual({ 'ip-header': 1, martian: 2, 'multicast-route': 1 });
    lab.expectBooksToBalance();
  });

  it('does not forward directed broadcasts', async () => {
    const lab = await labWithNeighbors();
    lab.send('red/a', routed('10.0.20.255'), routed('10.0.20.0'));
    expect(lab.drops('red')).toEqual({ blackhole: 2 });
  });

  it('answers pings to any of its addresses', async () => {
    const lab = await labWithNeighbors();
    lab.send(
      'red/a',
      frame({
        ethernet: { source: A, destination: R },
        ipv4: { source: '10.0.10.2', destination: '10.0.20.1' },
        icmp: { type: 8, rest: 0x10001 },
        payload: 56,
      }),
    );
    const [reply] = lab.received('red/a');
    expect(reply[34]).toBe(0);
    expect([...reply.subarray(26, 30)]).toEqual([10, 0, 20, 1]);
    lab.expectBooksToBalance();
  });

  it('spreads flows over equal next hops and keeps each flow on one', async () => {
    const lab = await labWithNeighbors();
    lab.send(
      'red/b',
      arpRequest({ senderMac: '02:00:00:00:00:0c', senderAddress: '10.0.20.3', targetAddress: '10.0.20.1' }),
    );
    lab.everything();
    const flow = (port: number) => routed('203.0.113.9', { udp: { source: port, destination: 53 } });
    const macOf = new Map<number, Set<number>>();
    for (let round = 0; round < 3; round++) {
      for (let port = 1; port <= 64; port++) {
        lab.send('red/a', flow(port));
        for (const bytes of lab.received('red/b')) macOf.set(port, (macOf.get(port) ?? new Set()).add(bytes[5]));
      }
    }
    expect([...macOf.values()].every((macs) => macs.size === 1)).toBe(true);
    const first = [...macOf.values()].filter((macs) => macs.has(0x0b)).length;
    expect(first).toBeGreaterThan(16);
    expect(first).toBeLessThan(48);
  });

  it('writes the tag of the egress VLAN when a routed packet leaves by a trunk', async () => {
    const lab = await TestSwitch.of(ROUTER);
    lab.send(
      'red/t',
      frame({
        vlan: 20,
        ethernet: { source: B, destination: 'ff:ff:ff:ff:ff:ff' },
        arp: { operation: 1, senderMac: B, senderAddress: '10.0.20.2', targetAddress: '10.0.20.1' },
      }),
    );
    lab.everything();
    lab.send('red/a', routed('10.0.20.2'));
    const [out] = lab.received('red/t');
    expect([...out.subarray(12, 18)]).toEqual([0x81, 0, 0, 20, 8, 0]);
    lab.expectBooksToBalance();
  });
});

describe('access control lists', () => {
  const withAcl = (acl: string) => `${ROUTER}    acls:\n      one:\n${acl}`;

  it('deny by the first match, count, and let pass what is allowed', async () => {
    const lab = await labWithNeighbors(
      withAcl(`        rules:
          - {deny: {proto: udp, to: 10.0.20.0/24, dport: 53}}
          - {allow: any}
        ingress: [a]`),
    );
    lab.send('red/a', routed('10.0.20.2'), routed('10.0.20.2', { udp: { source: 9, destination: 53 } }));
    expect(lab.received('red/b').length).toBe(1);
    expect(lab.drops('red', 'a')).toEqual({ 'acl-in': 1 });
    expect(
      lab
        .tenant('red')
        .aclRows()
        .map(({ hits }) => hits)[0],
    ).toBe(1);
    lab.expectBooksToBalance();
  });

  it('deny by default, but never ARP', async () => {
    const lab = await labWithNeighbors(withAcl('        rules: [{allow: {proto: tcp}}]\n        egress: [b]'));
    lab.send('red/a', routed('10.0.20.2'));
    expect(lab.received('red/b').length).toBe(0);
    expect(lab.drops('red', 'a')).toEqual({ 'acl-out': 1 });
  });

  it('log what they are told to, with direction and interface', async () => {
    const lab = await labWithNeighbors(
      withAcl(
        '        rules: [{allow: any, log: true}]\n        ingress: [{interface: web}]\n        egress: [{interface: db}]',
      ),
    );
    lab.send('red/a', routed('10.0.20.2'));
    expect(lab.events.filter(({ kind }) => kind === 'acl-log')).toMatchObject([
      { egress: false, interface: 'web', acl: 0, rule: 0 },
      { egress: true, interface: 'db', acl: 0, rule: 0 },
    ]);
  });

  it('reject with an ICMP error', async () => {
    const lab = await labWithNeighbors(
      withAcl('        rules: [{reject: {proto: udp}}, {allow: any}]\n        ingress: [{interface: web}]'),
    );
    lab.send('red/a', routed('10.0.20.2'));
    const [error] = lab.received('red/a');
    expect([error[34], error[35]]).toEqual([3, 13]);
    expect(lab.drops('red', 'a')).toEqual({ 'acl-in': 1 });
    lab.expectBooksToBalance();
  });
});

describe('tenants', () => {
  it('share prefixes when both say so: the TTL drops once, both books balance', async () => {
    const lab = await TestSwitch.of(`
version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true, vlan: 10}}}
    router: {mac: '${R}', interfaces: {web: {vlan: 10, addresses: [10.0.10.1/24]}}}
    share: {export: {blue: [10.0.10.0/24]}, import: {blue: [10.9.0.0/16]}}
  blue:
    bridge: {ports: {a: {memory: true, vlan: 10}}}
    router: {mac: '${R}', interfaces: {app: {vlan: 10, addresses: [10.9.10.1/24]}}}
    share: {export: {red: [10.9.0.0/16]}, import: {red: [10.0.10.0/24]}}
`);
    lab.send('blue/a', arpRequest({ senderMac: B, senderAddress: '10.9.10.2', targetAddress: '10.9.10.1' }));
    lab.everything();
    lab.send('red/a', routed('10.9.10.2'));
    const out = lab.everything();
    expect([...out.keys()]).toEqual(['blue/a']);
    expect(out.get('blue/a')?.[0][22]).toBe(63);
    lab.expectBooksToBalance();
  });

  it('reach a shared uplink by their own outer tag alone', async () => {
    const lab = await TestSwitch.of(`
version: 1
tenants:
  red: {bridge: {ports: {a: {memory: true}}}}
  blue: {bridge: {ports: {a: {memory: true}}}}
uplinks:
  lan: {memory: true, tenants: {red: {vlan: 100}, blue: {vlan: 200, as: wan}}}
`);
    const plain = (vlan?: number | { vid: number }[]) =>
      frame({
        ethernet: { source: A, destination: 'ff:ff:ff:ff:ff:ff' },
        ...(vlan === undefined ? {} : { vlan }),
        ipv4: { source: '10.0.0.1', destination: '10.0.0.2' },
        payload: 30,
      });
    lab.send('red/a', plain());
    expect(lab.everything()).toEqual(new Map([['lan', [plain(100)]]]));
    lab.send('lan', plain(200));
    expect(lab.everything()).toEqual(new Map([['blue/a', [plain()]]]));
    lab.send('lan', plain(300), plain());
    expect(lab.everything().size).toBe(0);
    lab.send('red/a', plain([{ vid: 200 }]));
    expect(lab.everything().size).toBe(0);
    lab.expectBooksToBalance();
  });
});
