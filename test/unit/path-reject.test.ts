import { describe, expect, it } from 'vitest';
import { Pool } from '../../src/frame/pool.ts';
import { Ring } from '../../src/frame/ring.ts';
import { Punt } from '../../src/path/punt.ts';
import { Punter } from '../../src/path/punter.ts';
import { arpRequest, frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const R = '02:54:00:00:00:01';

const LAB = (acl: string) => `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 10}
        c: {memory: true, vlan: 10}
        t: {memory: true, trunk: [10, 20]}
    router:
      mac: '${R}'
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24]}
        db: {vlan: 20, addresses: [10.0.20.1/24]}
    acls:
      one: {rules: [{reject: {proto: udp}}, {allow: any}], ${acl}}
`;

const packet = (destination: string, to: string) =>
  frame({
    ethernet: { source: A, destination: to },
    ipv4: { source: '10.0.10.2', destination },
    udp: { source: 1000, destination: 2000 },
    payload: 30,
  });

async function known(acl: string): Promise<TestSwitch> {
  const lab = await TestSwitch.of(LAB(acl));
  lab.send('red/a', arpRequest({ senderMac: A, senderAddress: '10.0.10.2', targetAddress: '10.0.10.1' }));
  lab.everything();
  return lab;
}

describe('a reject', () => {
  it('tells the sender once, however many ports the frame would have left by', async () => {
    const lab = await known('egress: [{vlan: 10}]');
    lab.send('red/a', packet('10.0.10.9', B));
    const errors = lab.received('red/a');
    expect(errors.map((bytes) => [bytes[34], bytes[35]])).toEqual([[3, 13]]);
    expect(lab.received('red/b').length + lab.received('red/c').length).toBe(0);
    lab.expectBooksToBalance();
  });

  it('of a frame that is only bridged comes from the interface of its VLAN', async () => {
    const lab = await known('ingress: [a]');
    lab.send('red/a', packet('10.0.10.9', B));
    const [error] = lab.received('red/a');
    expect([...error.subarray(26, 34)]).toEqual([10, 0, 10, 1, 10, 0, 10, 2]);
    lab.expectBooksToBalance();
  });
});

describe('a routed frame', () => {
  it('that came under a service tag leaves under a customer tag', async () => {
    const lab = await TestSwitch.of(LAB('egress: []'));
    lab.send(
      'red/t',
      frame({
        vlan: 20,
        ethernet: { source: B, destination: 'ff:ff:ff:ff:ff:ff' },
        arp: { operation: 1, senderMac: B, senderAddress: '10.0.20.2', targetAddress: '10.0.20.1' },
      }),
    );
    lab.everything();
    const inner = packet('10.0.20.2', R);
    const tagged = new Uint8Array(inner.length + 4);
    tagged.set(inner.subarray(0, 12));
    tagged.set([0x88, 0xa8, 0, 10], 12);
    tagged.set(inner.subarray(12), 16);
    lab.send('red/t', tagged);
    const [out] = lab.received('red/t');
    expect([...out.subarray(12, 18)]).toEqual([0x81, 0, 0, 20, 8, 0]);
    lab.expectBooksToBalance();
  });
});

describe('the ring to the slow path', () => {
  it('keeps room for what neighbours need, however much else is punted', () => {
    const punter = new Punter(new Pool(8, 1, 2), Ring.create(1 << 10), [100, 100, 100]);
    let others = 0;
    while (punter.address(Punt.HostUnreachable, 0, 0, 0, 0, others)) others++;
    let neighbors = 0;
    while (punter.address(Punt.Resolve, 0, 0, 0, 0, neighbors)) neighbors++;
    expect(others).toBeGreaterThan(0);
    expect(neighbors).toBeGreaterThanOrEqual(Math.floor(others / 4));
  });
});
