import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/control/config/load.ts';
import { planOf } from '../../src/control/running/plan.ts';
import { DELAY_MS, FAILED_MS, PROBES, RETRANS_MS } from '../../src/slow/neighbors.ts';
import { arpRequest, frame } from '../../src/wire/build.ts';
import { gateway, hostAddress, hostMac, PORTS, randomConfig, routerMac, VLANS } from '../support/random-config.ts';
import { TestSwitch } from '../support/test-switch.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Date.now() & 0x7fffffff);

/** By then a neighbour that has gone with its port was asked in vain, and its failure is forgotten; a second of it until its use is noticed. */
const FORGOTTEN_MS = 1000 + DELAY_MS + PROBES * RETRANS_MS + FAILED_MS + 1000;

/** Where the hosts of a tenant's ports send into, and with which tag: an uplink's are told apart by the outer one. */
function entries(lab: TestSwitch) {
  return lab.tenants.flatMap(({ model }, at) => {
    const t = model.name === 'red' ? 1 : 2;
    return model.bridge.ports.map((port) => ({
      at,
      t,
      number: PORTS.indexOf(port.name as (typeof PORTS)[number]),
      into: port.kind === 'uplink' ? 'up' : `${model.name}/${port.name}`,
      outer: port.kind === 'uplink' ? port.outerVlan : null,
      port,
    }));
  });
}

/** Every host says who it is; then frames of all kinds go everywhere. @returns what left where, in order */
function behaviour(lab: TestSwitch): string[] {
  const seen: string[] = [];
  const send = (what: string, into: string, outer: number | null, bytes: Uint8Array) => {
    lab.send(into, outer === null ? bytes : tagged(bytes, outer));
    const left = [...lab.everything()].flatMap(([name, frames]) =>
      frames.map((one) => `${what}: ${name} ${Buffer.from(one).toString('hex')}`),
    );
    // The order in which a flood leaves by several ports means nothing.
    seen.push(...left.sort());
  };
  lab.everything();
  const all = entries(lab);
  for (let round = 0; round < 2; round++) {
    for (const { t, number, into, outer } of all) {
      for (const vlan of VLANS) {
        const who = { senderMac: hostMac(t, number), senderAddress: hostAddress(t, vlan, number) };
        const ask = arpRequest({ ...who, targetAddress: gateway(t, vlan) });
        lab.send(into, outer === null ? ask : tagged(ask, outer));
        lab.send(into, outer === null ? tagged(ask, vlan) : tagged(tagged(ask, vlan), outer));
      }
    }
  }
  lab.everything();
  const to = [
    '192.0.2.1',
    '192.0.2.200',
    '198.51.100.1',
    '203.0.113.1',
    '10.1.10.10',
    '10.1.20.11',
    '10.2.20.10',
    '10.1.20.99',
  ];
  for (const { t, number, into, outer, port } of all) {
    const macs = [...PORTS.map((_, k) => hostMac(t, k)), routerMac(t), 'ff:ff:ff:ff:ff:ff', '02:00:00:00:00:99'];
    const own = port.vlan.mode === 'trunk' ? (port.vlan.native ?? 10) : port.vlan.vlan;
    for (const destination of macs) {
      for (const [k, address] of (destination === routerMac(t) ? to : to.slice(0, 1)).entries()) {
        const bytes = frame({
          ethernet: { source: hostMac(t, number), destination },
          ipv4: { source: hostAddress(t, own, number), destination: address },
          udp: { source: 5, destination: 7 + (k % 3) },
          payload: 20,
        });
        send(`${into} ${destination} ${address}`, into, outer, bytes);
      }
    }
  }
  return seen;
}

function tagged(bytes: Uint8Array, vid: number): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, 12), 0x81, 0, vid >> 8, vid & 255, ...bytes.subarray(12)]);
}

/** What `show` says of what the configuration owns. */
function shown(lab: TestSwitch): unknown {
  return lab.tenants.map((tenant) => ({
    name: tenant.model.name,
    routes: [...tenant.routeRows()],
    stages: tenant.stageNames().map(({ way, stage }) => `${way} ${stage}`),
    acls: tenant.aclRows().map(({ acl, rule }) => `${acl} ${rule}`),
    static: [...tenant.macs.entries(0)].flatMap(({ mac, vlan, port, static: fixed }) =>
      fixed ? [`${mac} ${vlan} ${tenant.ports.at(port)}`] : [],
    ),
    capacity: tenant.macs.capacity,
    sizes: [tenant.routes.ipv4.size, tenant.routes.ipv6.size],
    ofports: [...tenant.datapath.ports.values()].map(({ name }) => name).sort(),
    weight: tenant.image.weight,
  }));
}

const modelOf = (yaml: string) => parseConfig(yaml, '/test.yaml').model;

test(`whatever the order of changes, a switch is what a fresh start makes of the last configuration; seed ${seed}`, async () => {
  let held = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(randomConfig, { minLength: 2, maxLength: 4 }), async (texts) => {
      const configs = texts.filter((text) => modelOf(text) !== undefined);
      const last = configs.at(-1);
      if (last === undefined || configs.length < 2) return;
      held++;
      const changed = await TestSwitch.of(configs[0]);
      for (const next of configs.slice(1)) {
        behaviour(changed);
        const plan = planOf(changed.model, modelOf(next)!);
        expect(plan.length > 0).toBe(JSON.stringify(changed.model) !== JSON.stringify(modelOf(next)));
        await changed.change(next);
        changed.expectBooksToBalance();
        changed.advance(300);
      }
      changed.advance(FORGOTTEN_MS);
      const fresh = await TestSwitch.of(last);
      fresh.advance(FORGOTTEN_MS);
      expect(shown(changed)).toEqual(shown(fresh));
      expect(behaviour(changed)).toEqual(behaviour(fresh));
      changed.expectBooksToBalance();
    }),
    { seed, numRuns: Number(process.env['TAPYARD_RUNS'] ?? 6), endOnFailure: false },
  );
  expect(held).toBeGreaterThan(1);
}, 300_000);
