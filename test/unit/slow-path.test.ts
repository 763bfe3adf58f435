import { describe, expect, it } from 'vitest';
import { Ring } from '../../src/frame/ring.ts';
import { ACL_EGRESS, Punt, PuntRecord } from '../../src/path/punt.ts';
import { RECORDS_PER_TURN, SlowPath } from '../../src/slow/slow-path.ts';
import { NeighborTable } from '../../src/table/neighbor-table.ts';
import {
  arpReply,
  arpRequest,
  frame,
  neighborAdvertisement,
  neighborSolicitation,
  routerSolicitation,
} from '../../src/wire/build.ts';
import { HOST_MAC, interfaceOf, ROUTER_LINK_LOCAL, ROUTER_MAC, SlowRig } from '../support/slow-rig.ts';

const request = arpRequest({ senderMac: HOST_MAC, senderAddress: '10.0.10.2', targetAddress: '10.0.10.1' });

describe('a turn', () => {
  it('says when the next one is due: never, with nothing to do, and at once, with more waiting', () => {
    const rig = SlowRig.started();
    expect(rig.turn()).toBe(Number.POSITIVE_INFINITY);
    rig.punt(Punt.Resolve, new Uint8Array(0), { address: [0, 0, 0xffff, 0x0a000a02] });
    expect(rig.turn()).toBe(1000);
    for (let i = 0; i <= RECORDS_PER_TURN; i++) rig.punt(Punt.Arp, request);
    expect(rig.turn()).toBe(0);
    expect(rig.turn()).toBeGreaterThan(0);
  });

  it('takes a bounded number of records from each tenant, so that a flood in one does not delay the other', () => {
    const slow = new SlowPath(() => 0.5);
    const rings = ['red', 'blue'].map((name) => {
      const punts = [Ring.create(1 << 20)];
      const common = { interfaces: [interfaceOf()], permanent: [], wake: () => {}, onEvent: () => {} };
      slow.addTenant(
        { ...common, name, neighbors: NeighborTable.create(16), punts, injects: [Ring.create(1 << 20)] },
        0,
      );
      return punts[0];
    });
    for (let i = 0; i < 5000; i++) write(rings[0], request);
    write(rings[1], request);
    slow.turn(0);
    expect(slow.counters().get('red')?.punts).toBe(RECORDS_PER_TURN);
    expect(slow.counters().get('blue')).toMatchObject({ punts: 1, arpReplies: 1 });
  });

  it('takes records from the rings of all workers in turn', () => {
    const rig = SlowRig.started({ workers: 3 });
    for (let i = 0; i < 200; i++) rig.punt(Punt.Arp, request, { worker: 0 });
    rig.punt(Punt.Arp, request, { worker: 1 });
    rig.punt(Punt.Arp, request, { worker: 2 });
    rig.turn();
    expect(rig.sent().filter(({ worker }) => worker !== 0)).toHaveLength(2);
  });

  it('counts what is lost in a full ring to a worker, and goes on', () => {
    const rig = SlowRig.started({ injectBytes: 256 });
    for (let i = 0; i < 20; i++) rig.punt(Punt.Arp, request);
    rig.turn();
    const { arpReplies, injectFull, injected } = rig.counters;
    expect(arpReplies).toBeGreaterThan(0);
    expect(arpReplies + injectFull).toBeGreaterThanOrEqual(20);
    expect(injected).toBeGreaterThanOrEqual(arpReplies);
  });
});

describe('tenants', () => {
  it('have names of their own', () => {
    const rig = SlowRig.started();
    const tenant = { interfaces: [], permanent: [], punts: [], injects: [], wake: () => {}, onEvent: () => {} };
    const add = () => rig.slow.addTenant({ ...tenant, name: 'red', neighbors: NeighborTable.create(4) }, 0);
    expect(add).toThrow("the slow path has a tenant 'red' already");
    rig.slow.removeTenant('red');
    expect(add).not.toThrow();
  });

  it('that are gone are not served', () => {
    const rig = SlowRig.started();
    rig.slow.removeTenant('red');
    rig.slow.removeTenant('red');
    expect(rig.ask(Punt.Arp, request)).toEqual([]);
  });
});

describe('log entries', () => {
  const seen = frame({
    ethernet: { source: HOST_MAC },
    ipv4: { source: '10.0.10.2', destination: '10.0.10.3' },
    payload: 400,
  });

  it('of a MAC address that flaps name it, its VLAN and the port that it is on', () => {
    const rig = SlowRig.started();
    rig.ask(Punt.MacFlap, seen.subarray(0, 14), { argument: 3, vlan: 20, interface: -1 });
    expect(rig.events).toEqual([{ tenant: 'red', suppressed: 0, kind: 'mac-flap', vlan: 20, mac: HOST_MAC, port: 3 }]);
  });

  it('of an ACL name list, rule and direction, and hold the beginning of the frame', () => {
    const rig = SlowRig.started();
    rig.ask(Punt.AclLog, seen, { argument: ACL_EGRESS | (2 << 16) | 7, port: 4, frameLength: 9000 });
    expect(rig.events).toMatchObject([
      { kind: 'acl-log', acl: 2, rule: 7, egress: true, port: 4, vlan: 10, interface: 'web', frameLength: 9000 },
    ]);
    const [event] = rig.events;
    expect(event.kind === 'acl-log' && [...event.frame]).toEqual([...seen.subarray(0, 128)]);
  });

  it('are ten a second and kind; the next one says how many were left out', () => {
    const rig = SlowRig.started();
    for (let i = 0; i < 60; i++) rig.punt(Punt.MacFlap, seen);
    rig.punt(Punt.AclLog, seen);
    rig.pass(10);
    expect(rig.events.filter(({ kind }) => kind === 'mac-flap')).toHaveLength(10);
    expect(rig.events.filter(({ kind }) => kind === 'acl-log')).toHaveLength(1);
    rig.pass(1000);
    rig.ask(Punt.MacFlap, seen);
    expect(rig.events.at(-1)).toMatchObject({ kind: 'mac-flap', suppressed: 50 });
    expect(rig.counters.macFlaps).toBe(61);
  });
});

describe('whatever is in a record', () => {
  const seed = Number(process.env['TAPYARD_SEED'] ?? 0) || Math.floor(Math.random() * 2 ** 31);

  it(`nothing throws, and what is sent is well-formed (seed ${seed})`, () => {
    const random = mulberry(seed);
    const rig = new SlowRig({
      workers: 2,
      capacity: 32,
      random,
      interfaces: [
        { ra: { intervalSeconds: 4, lifetimeSeconds: 1800, managed: false, other: false } },
        { name: 'db', vlan: 20 },
      ],
      limits: { icmpPerSecond: 1e6, icmpBurst: 1e6 },
    });
    const seeds = templates();
    for (let i = 0; i < 20_000; i++) {
      const bytes = mutate(seeds[below(random, seeds.length)], random);
      const kind = random() < 0.95 ? below(random, 11) : below(random, 2 ** 32) | 0;
      rig.punt(kind, bytes, {
        worker: below(random, 2),
        interface: below(random, 4) - 1,
        vlan: below(random, 4096),
        argument: below(random, 2 ** 32) | 0,
        address:
          random() < 0.5
            ? [0, 0, 0xffff, 0x0a000a00 + below(random, 256)]
            : [1, 2, 3, 4].map(() => below(random, 2 ** 32) | 0),
        frameLength: below(random, 2 ** 32) | 0,
      });
      if (i % 16 === 0) rig.pass(below(random, 700));
      rig.turn();
      rig.sent();
    }
    expect(rig.counters.punts).toBe(20_000);
    expect(rig.table.count).toBeLessThanOrEqual(32);
    for (const did of [
      'arpReplies',
      'neighborAdvertisements',
      'routerAdvertisements',
      'echoReplies',
      'icmpErrors',
      'reassembled',
    ] as const) {
      expect(rig.counters[did], did).toBeGreaterThan(0);
    }
  });

  it('a record shorter than its header is malformed', () => {
    const rig = SlowRig.started();
    const ring = rig.punts[0];
    for (const length of [0, 4, 39]) {
      ring.reserve(length);
      ring.commit();
    }
    rig.turn();
    expect(rig.counters).toMatchObject({ punts: 3, malformed: 3 });
  });
});

function write(ring: Ring, bytes: Uint8Array): void {
  const at = ring.reserve(PuntRecord.Frame + bytes.length);
  ring.bytes.setInt32(at + PuntRecord.Kind, Punt.Arp, true);
  ring.bytes.setInt32(at + PuntRecord.Interface, 0, true);
  ring.octets.set(bytes, at + PuntRecord.Frame);
  ring.commit();
}

/** Frames of all kinds that the slow path looks at. */
function templates(): Uint8Array[] {
  const ethernet = { destination: ROUTER_MAC, source: HOST_MAC };
  const four = { source: '10.0.10.2', destination: '10.0.10.1' };
  const six = { source: 'fd00:10::2', destination: 'fd00:10::1' };
  const destination = { mac: ROUTER_MAC, address: ROUTER_LINK_LOCAL };
  const fragment = new Uint8Array([0, 0, 0, 1, 0, 0, 0, 9]);
  const last = new Uint8Array([0, 0, 0, 40, 0, 0, 0, 9]);
  const options = { type: 60, bytes: new Uint8Array([0, 0, 1, 4, 0, 0, 0, 0]) };
  return [
    request,
    arpReply({ senderMac: HOST_MAC, senderAddress: '10.0.10.2', targetMac: ROUTER_MAC, targetAddress: '10.0.10.1' }),
    neighborSolicitation({ sourceMac: HOST_MAC, source: 'fd00:10::2', target: 'fd00:10::1' }),
    neighborSolicitation({ sourceMac: HOST_MAC, source: '::', target: 'fd00:10::1' }),
    neighborAdvertisement({
      sourceMac: HOST_MAC,
      source: 'fd00:10::2',
      target: 'fd00:10::2',
      destination,
      router: false,
      solicited: true,
      override: true,
    }),
    routerSolicitation({ sourceMac: HOST_MAC, source: 'fe80::2' }),
    frame({ ethernet, ipv4: four, icmp: { type: 8 }, payload: 56 }),
    frame({ ethernet, ipv4: { ...four, options: new Uint8Array(8) }, udp: { source: 1, destination: 2 }, payload: 56 }),
    frame({ ethernet, ipv4: { ...four, protocol: 1, fragment: 0x2000 }, payload: 64 }),
    frame({ ethernet, ipv4: { ...four, protocol: 1, fragment: 8 }, payload: 64 }),
    frame({ ethernet, ipv6: { ...six, extensions: [options] }, icmp: { type: 128 }, payload: 56 }),
    frame({ ethernet, ipv6: { ...six, nextHeader: 58, extensions: [{ type: 44, bytes: fragment }] }, payload: 40 }),
    frame({
      ethernet,
      ipv6: { ...six, nextHeader: 58, extensions: [options, { type: 44, bytes: last }] },
      payload: 40,
    }),
    frame({ ethernet, ipv6: { ...six, destination: '2001:db8::1' }, tcp: { source: 1, destination: 2 } }),
    new Uint8Array(0),
  ];
}

/** Some bytes changed, or the end cut off, or nothing at all. */
function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = bytes.slice();
  if (copy.length === 0 || random() < 0.3) return copy;
  for (let n = below(random, 6); n > 0; n--) copy[below(random, copy.length)] = below(random, 256);
  return random() < 0.3 ? copy.subarray(0, below(random, copy.length + 1)) : copy;
}

function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit);
}

/** Mulberry32, a small generator that a seed repeats. */
function mulberry(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
