import { describe, expect, it } from 'vitest';
import { Column } from '../../src/observe/ledger.ts';
import { arpReply, arpRequest, frame } from '../../src/wire/build.ts';
import { modelOf, TestSwitch } from '../support/test-switch.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const C = '02:00:00:00:00:0c';
const R = '02:54:00:00:00:01';
/** What the only host of VLAN 20 has asked all others of it. */
const ALONE = { 'no-member': 1 };

interface Lab {
  readonly ports?: string;
  readonly bridge?: string;
  readonly router?: string;
  readonly routes?: string;
  readonly more?: string;
  readonly tenants?: string;
}

/** Two hosts in VLAN 10 and one in VLAN 20, with a router between them, and what a test adds. */
const lab = ({ ports = '', bridge = '', router = '', routes = '', more = '', tenants = '' }: Lab = {}) => `
version: 1
tenants:
  red:
    bridge:
      ${bridge}
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 10}
        c: {memory: true, vlan: 20}
        ${ports}
    router:
      mac: '${R}'
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24], ra: false}
        db: {vlan: 20, addresses: [10.0.20.1/24], ra: false}
        ${router}
      routes:
        - {to: 192.0.2.0/24, via: 10.0.20.2}
        ${routes}
    ${more}
  ${tenants}
`;

const bridged = (from: string, to: string, dport = 2000) =>
  frame({
    ethernet: { source: from, destination: to },
    ipv4: { source: '10.0.10.2', destination: '10.0.10.3' },
    udp: { source: 1000, destination: dport },
    payload: 30,
  });
const routed = (to: string) =>
  frame({
    ethernet: { source: A, destination: R },
    ipv4: { source: '10.0.10.2', destination: to },
    udp: { source: 1000, destination: 2000 },
    payload: 30,
  });

/** All hosts have spoken: they are known to the bridge and to the router. */
async function started(yaml = lab()): Promise<TestSwitch> {
  const made = await TestSwitch.of(yaml);
  const ask = (port: string, mac: string, address: string, gateway: string) =>
    made.send(port, arpRequest({ senderMac: mac, senderAddress: address, targetAddress: gateway }));
  ask('red/a', A, '10.0.10.2', '10.0.10.1');
  ask('red/b', B, '10.0.10.3', '10.0.10.1');
  ask('red/c', C, '10.0.20.2', '10.0.20.1');
  made.everything();
  return made;
}

/** Ports that a frame sent into `red/a` leaves by. */
function goes(made: TestSwitch, bytes: Uint8Array): string[] {
  made.everything();
  made.send('red/a', bytes);
  return [...made.everything().keys()];
}

describe('a change while frames flow', () => {
  it('loses no frame of a flow that it does not name, at any step of it', async () => {
    const made = await started();
    let sent = 0;
    let arrived = 0;
    made.devices.between = () => {
      made.end('red/a').send(bridged(A, B));
      made.end('red/a').send(routed('10.0.20.2'));
      sent += 2;
      made.run();
      arrived += made.received('red/b').length + made.received('red/c').length;
    };
    const changes = [
      lab({ ports: 'd: {memory: true, vlan: 30}' }),
      lab({
        ports: 'd: {memory: true, trunk: [10, 30], native: 30, pps: 1000}',
        routes: '- {to: 198.51.100.0/24, blackhole: true}',
      }),
      lab({ router: 'mgmt: {vlan: 30, addresses: [10.0.30.1/24], ra: false}', bridge: 'mac_age: 600s' }),
      lab({ more: 'acls: {x: {rules: [{deny: {proto: tcp}}, {allow: any}], ingress: [{vlan: 10}]}}' }),
      lab({
        more: 'quota: {macs: 100, neighbors: 100, weight: 3}',
        tenants: 'blue: {bridge: {ports: {z: {memory: true}}}}',
      }),
      lab(),
    ];
    for (const change of changes) await made.change(change);
    expect(sent).toBeGreaterThan(20);
    expect(arrived).toBe(sent);
    expect(made.drops('red')).toEqual(ALONE);
    made.expectBooksToBalance();
  });

  it('keeps what was learned, neighbours and counters', async () => {
    const made = await started();
    made.send('red/a', bridged(A, B), routed('10.0.20.2'));
    const before = made.tenant('red');
    const received = before.books.cell(before.ports.of('a'), Column.Received);
    await made.change(lab({ ports: 'd: {memory: true, vlan: 10}', more: 'quota: {macs: 50, neighbors: 60}' }));
    const red = made.tenant('red');
    expect(red.macs.capacity).toBe(50);
    expect(
      red
        .neighborRows()
        .map(({ address }) => address)
        .sort(),
    ).toEqual(['10.0.10.2', '10.0.10.3', '10.0.20.2']);
    expect(red.books.cell(red.ports.of('a'), Column.Received)).toBe(received);
    expect(goes(made, bridged(A, B))).toEqual(['red/b']);
    expect(goes(made, routed('10.0.20.2'))).toEqual(['red/c']);
    made.expectBooksToBalance();
  });

  it('lets frames go on waiting for their neighbour', async () => {
    const made = await started();
    made.send('red/a', routed('10.0.20.9'));
    expect(made.tenant('red').books.total(Column.Held)).toBe(1);
    await made.change(lab({ ports: 'd: {memory: true, vlan: 20}' }));
    made.everything();
    const who = { senderMac: C, senderAddress: '10.0.20.9', targetMac: R, targetAddress: '10.0.20.1' };
    made.send('red/c', arpReply(who));
    expect(made.received('red/c')).toHaveLength(1);
    made.expectBooksToBalance();
  });

  it('drops what waits for a link that is gone', async () => {
    const made = await started();
    made.send('red/a', routed('10.0.20.9'));
    await made.change(
      lab()
        .replace(/ {8}db:.*\n/, '')
        .replace(/ {8}- .*192.*\n/, '')
        .replace('routes:\n', 'routes: []\n'),
    );
    expect(made.drops('red')).toEqual({ ...ALONE, 'port-closed': 1 });
    made.expectBooksToBalance();
  });

  it('counts on where a rule stays, wherever it then stands', async () => {
    const rules = (list: string) => lab({ more: `acls: {x: {rules: [${list}, {allow: any}], ingress: [a]}}` });
    const made = await started(rules('{deny: {proto: udp, dport: 7}}, {deny: {proto: udp, dport: 8}}'));
    for (let i = 0; i < 3; i++) made.send('red/a', bridged(A, B, 7));
    made.send('red/a', bridged(A, B, 8));
    await made.change(
      rules('{deny: {proto: udp, dport: 9}}, {deny: {proto: udp, dport: 8}}, {deny: {proto: udp, dport: 7}}'),
    );
    const hits = () =>
      Object.fromEntries(
        made
          .tenant('red')
          .aclRows()
          .map(({ rule, hits: count }) => [rule, count]),
      );
    expect(hits()).toMatchObject({ 'deny udp dport 7': 3, 'deny udp dport 8': 1, 'deny udp dport 9': 0 });
    await made.change(rules('{deny: {proto: udp, dport: 7}}'));
    made.send('red/a', bridged(A, B, 7));
    expect(hits()).toMatchObject({ 'deny udp dport 7': 4 });
  });

  it('takes a port away, with what was learned behind it, and its row only when nothing is under way', async () => {
    const made = await started();
    const bytes = bridged(B, A);
    made.send('red/b', bytes);
    const red = made.tenant('red');
    const row = red.ports.of('b');
    const total = red.books.total(Column.Received);
    const without = lab().replace(/ {8}b: .*\n/, '');
    await made.change(without);
    expect(
      red
        .neighborRows()
        .map(({ address }) => address)
        .sort(),
    ).toEqual(['10.0.10.2', '10.0.20.2']);
    expect([...red.macs.entries(0)].map(({ mac }) => mac).sort()).toEqual([A, C]);
    expect(red.books.total(Column.Received)).toBe(total);
    made.advance(100);
    expect(red.ports.at(row)).toBeNull();
    expect(red.books.total(Column.Received)).toBe(total);
    await made.change(lab({ ports: 'n: {memory: true, vlan: 10}' }).replace(/ {8}b: .*\n/, ''));
    expect(red.ports.of('n')).toBe(row);
    expect(red.books.cell(row, Column.Received)).toBe(0);
    made.expectBooksToBalance();
  });

  it('adds tenants and takes them away, shares between them too', async () => {
    const made = await started();
    const share = (from: string, own: string, other: string) =>
      `share: {export: {${from}: [${own}]}, import: {${from}: [${other}]}}`;
    const two = lab({
      more: share('blue', '10.0.10.0/24', '10.9.0.0/24'),
      tenants: `blue: {bridge: {ports: {z: {memory: true}}}, router: {interfaces: {z: {vlan: 1, addresses: [10.9.0.1/24], ra: false}}, neighbors: [{address: 10.9.0.2, mac: '${C}', interface: z}]}, ${share('red', '10.9.0.0/24', '10.0.10.0/24')}}`,
    });
    await made.change(two);
    expect(goes(made, routed('10.9.0.2'))).toEqual(['blue/z']);
    await made.change(lab());
    expect(made.tenants.map(({ model }) => model.name)).toEqual(['red']);
    made.send('red/a', routed('10.9.0.2'));
    expect(made.drops('red')).toEqual({ ...ALONE, 'no-route': 1 });
    await made.change(two);
    expect(goes(made, routed('10.9.0.2'))).toEqual(['blue/z']);
    made.expectBooksToBalance();
  });

  it('moves an uplink VLAN from one tenant to another', async () => {
    const uplink = (red: number, blue: number) =>
      `${lab({ tenants: 'blue: {bridge: {ports: {z: {memory: true}}}}' })}
uplinks: {up: {memory: true, tenants: {red: {vlan: ${red}, port: {vlan: 10}}, blue: {vlan: ${blue}}}}}
`;
    const made = await started(uplink(100, 200));
    const tagged = (vid: number) =>
      frame({ ethernet: { source: C, destination: 'ff:ff:ff:ff:ff:ff' }, vlan: vid, payload: 46 });
    const reach = (vid: number) => {
      made.everything();
      made.send('up', tagged(vid));
      return [...made.everything().keys()].sort();
    };
    expect(reach(200)).toEqual(['blue/z']);
    await made.change(uplink(200, 100));
    expect(reach(200)).toEqual(['red/a', 'red/b']);
    expect(reach(100)).toEqual(['blue/z']);
    made.expectBooksToBalance();
  });

  it('withdraws, adds and replaces routes one by one', async () => {
    const made = await started();
    expect(goes(made, routed('192.0.2.7'))).toEqual(['red/c']);
    await made.change(lab({ routes: '- {to: 192.0.2.7/32, blackhole: true}' }));
    expect(goes(made, routed('192.0.2.7'))).toEqual([]);
    expect(goes(made, routed('192.0.2.8'))).toEqual(['red/c']);
    expect(made.drops('red')).toEqual({ ...ALONE, blackhole: 1 });
    await made.change(lab({ routes: '- {to: 0.0.0.0/0, via: [10.0.20.2, {via: 10.0.10.3, weight: 3}]}' }));
    expect(goes(made, routed('192.0.2.7'))).toEqual(['red/c']);
    expect(goes(made, routed('8.8.8.8'))).toHaveLength(1);
    await made.change(lab());
    made.send('red/a', routed('8.8.8.8'));
    expect(made.drops('red')).toEqual({ ...ALONE, blackhole: 1, 'no-route': 1 });
  });

  it('numbers OpenFlow ports for good, and tells of those that come and go', async () => {
    const made = await started();
    const { datapath } = made.tenant('red');
    const told: string[] = [];
    datapath.listeners.add({
      removed: () => {},
      packetIn: () => {},
      port: (reason, { name }) => told.push(`${reason} ${name}`),
    });
    const numbers = () => Object.fromEntries([...datapath.ports.values()].map(({ name, number }) => [name, number]));
    expect(numbers()).toEqual({ a: 1, b: 2, c: 3 });
    await made.change(lab({ ports: 'd: {memory: true, vlan: 10}' }).replace(/ {8}b: .*\n/, ''));
    expect(numbers()).toEqual({ a: 1, c: 3, d: 2 });
    expect(told).toEqual(['1 b', '0 d']);
  });
});

describe('a change that fails', () => {
  it('leaves everything as it was', async () => {
    const made = await started();
    const { image, model } = made.tenant('red');
    made.devices.broken.add('blue/y');
    const next = lab({
      ports: 'd: {memory: true, vlan: 10}',
      routes: '- {to: 198.51.100.0/24, blackhole: true}',
      tenants: 'blue: {bridge: {ports: {x: {memory: true}, y: {memory: true}}}}',
    });
    const open = () => made.devices.all.map(({ wish }) => wish.key).sort();
    const before = open();
    await expect(made.change(next)).rejects.toThrow('blue/y cannot be opened');
    expect(open()).toEqual(before);
    expect(made.tenant('red').model).toBe(model);
    expect(made.tenant('red').image).toBe(image);
    expect(made.model.tenants).toHaveLength(1);
    expect(goes(made, bridged(A, B))).toEqual(['red/b']);
    made.devices.broken.clear();
    await made.change(next);
    expect(made.tenants).toHaveLength(2);
    made.expectBooksToBalance();
  });

  it('says what cannot change while the switch runs', async () => {
    const made = await started();
    await expect(made.change({ ...modelOf(lab()), workers: 2 })).rejects.toThrow("'workers' cannot change");
  });
});
