/**
 * What a policy lets through, as a test of your own: two hosts in two VLANs, a router between them, and nobody may use ssh. No
 * privilege is needed: the hosts are memory ports.
 *
 *   npm install tapyard && node_modules/.bin/node --test policy.ts
 *   sh bin/node-pinned --conditions=tapyard-source --test examples/library/policy.ts     # in a checkout
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildFrame, type ConfigInput, Tapyard } from 'tapyard';

const GATEWAY = '02:00:00:00:00:fe';
const LEFT = { mac: '02:00:00:00:00:01', address: '10.10.0.2' };
const RIGHT = { mac: '02:00:00:00:00:02', address: '10.20.0.2' };

const config: ConfigInput = {
  version: 1,
  tenants: {
    lab: {
      bridge: { ports: { left: { memory: true, vlan: 10 }, right: { memory: true, vlan: 20 } } },
      router: {
        mac: GATEWAY,
        interfaces: {
          left: { vlan: 10, addresses: ['10.10.0.1/24'] },
          right: { vlan: 20, addresses: ['10.20.0.1/24'] },
        },
        neighbors: [{ interface: 'right', address: RIGHT.address, mac: RIGHT.mac }],
      },
      acls: {
        'no-ssh': { rules: [{ deny: { proto: 'tcp', dport: 22 } }, { allow: 'any' }], ingress: ['left'] },
      },
    },
  },
};

const toPort = (destination: number) =>
  buildFrame({
    ethernet: { destination: GATEWAY, source: LEFT.mac },
    ipv4: { source: LEFT.address, destination: RIGHT.address },
    tcp: { source: 40_000, destination },
  });

const isForRight = (frame: Uint8Array) => Buffer.from(frame).toString('hex', 0, 6) === RIGHT.mac.replaceAll(':', '');

test('web goes through the router, ssh does not', async () => {
  await using lab = await Tapyard.start(config);
  const [left, right] = [lab.port('lab', 'left'), lab.port('lab', 'right')];

  assert.ok(left.send(toPort(80)));
  assert.ok(await right.next({ match: isForRight }));

  left.send(toPort(22));
  assert.equal(await right.next({ match: isForRight, timeoutMs: 200 }), null);
  const drops = await lab.tenant('lab').show('drops');
  assert.deepEqual(
    drops.map(({ port, reason, frames }) => [port, reason, frames]),
    [['left', 'acl-in', 1]],
  );

  const { steps } = await lab.tenant('lab').trace('left', toPort(22));
  assert.match(steps.map(({ stage, text }) => `${stage}: ${text}`).join('\n'), /acl-in: .*no-ssh/);
});
