import { expect, it } from 'vitest';
import { frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const R = '02:54:00:00:00:01';
const HOST = '02:00:00:00:00:02';
const NOBODY = '02:00:00:00:00:03';

const bridge = (ports: string, more = '') => `
version: 1
tenants:
  red:
    bridge: {${more} ports: {a: {memory: true}, b: {memory: true}${ports}}}
`;

const between = (source: string, destination: string, k = 0): Uint8Array =>
  frame({
    ethernet: { source, destination },
    ipv4: { source: '10.0.0.2', destination: '10.0.0.3' },
    udp: { source: 1000 + k, destination: 9 },
  });

const started = async (yaml: string) => {
  const net = await TestSwitch.of(yaml);
  const { cache } = net.engine.tenants.paths[net.tenant('red').index]!;
  /** What leaves by each port, of frames that come in by one. */
  const send = (port: string, ...frames: Uint8Array[]) => {
    net.send(`red/${port}`, ...frames);
    return [...net.everything()].map(([to, left]) => `${left.length} by ${to}`);
  };
  return { net, cache, send };
};

it('what nobody is known to want is decided once where one port gets it, until somebody has the address', async () => {
  const { net, cache, send } = await started(bridge(''));
  expect(send('a', between(HOST, NOBODY))).toEqual(['1 by red/b']);
  expect(send('a', between(HOST, NOBODY), between(HOST, NOBODY, 1))).toEqual(['2 by red/b']);
  expect(cache.known).toBe(1);
  // The address comes up behind the port that its frames come from: there is nobody to hand them to.
  send('a', between(NOBODY, HOST));
  expect(send('a', between(HOST, NOBODY), between(HOST, NOBODY, 1))).toEqual([]);
  expect(net.drops('red', 'a')).toEqual({ 'same-port': 3 });
  send('b', between(NOBODY, HOST));
  expect(send('a', between(HOST, NOBODY))).toEqual(['1 by red/b']);
  net.expectBooksToBalance();
});

it('an address that nobody has asked for changes nothing of that', async () => {
  const { net, cache, send } = await started(bridge(''));
  send('a', between(HOST, NOBODY));
  send('a', between(HOST, NOBODY));
  send('b', between('02:00:00:00:00:09', HOST));
  expect(send('a', between(HOST, NOBODY))).toEqual(['1 by red/b']);
  expect(cache.known).toBe(1);
  net.expectBooksToBalance();
});

it('nobody may be there to get it', async () => {
  const { net, cache, send } = await started(`
version: 1
tenants:
  red: {bridge: {ports: {a: {memory: true, vlan: 1}, b: {memory: true, vlan: 2}}}}
`);
  send('a', between(HOST, NOBODY));
  expect(send('a', between(HOST, NOBODY), between(HOST, NOBODY))).toEqual([]);
  expect(cache.known).toBe(1);
  expect(net.drops('red', 'a')).toEqual({ 'no-member': 3 });
  net.expectBooksToBalance();
});

it.each([
  ['more than one port gets it', bridge(', c: {memory: true}')],
  ['floods are counted', bridge('', 'storm_control: 1000,')],
])('the stages flood where %s', async (_, yaml) => {
  const { net, cache, send } = await started(yaml);
  send('a', between(HOST, NOBODY));
  expect(send('a', between(HOST, NOBODY))).toContain('1 by red/b');
  expect(cache.known).toBe(0);
  net.expectBooksToBalance();
});

it('a router may not know the port of its neighbour either', async () => {
  const { net, cache, send } = await started(`
version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true, vlan: 1}, b: {memory: true, vlan: 2}, c: {memory: true, trunk: [3], native: 1}}}
    router:
      mac: '${R}'
      interfaces:
        i1: {vlan: 1, addresses: [10.0.0.1/24], ra: false}
        i2: {vlan: 2, addresses: [10.0.2.1/24], ra: false}
      neighbors: [{address: 10.0.2.2, mac: '${NOBODY}', interface: i2}]
`);
  const packet = (k: number) =>
    frame({
      ethernet: { source: HOST, destination: R },
      ipv4: { source: '10.0.0.2', destination: '10.0.2.2' },
      udp: { source: 1000 + k, destination: 9 },
    });
  send('a', packet(0));
  expect(send('a', packet(0), packet(1))).toEqual(['2 by red/b']);
  expect(cache.known).toBe(1);
  // In another VLAN the address is another's.
  send('c', between(NOBODY, HOST));
  expect(send('a', packet(0), packet(1))).toEqual(['2 by red/b']);
  expect(cache.known).toBe(1);
  net.expectBooksToBalance();
});
