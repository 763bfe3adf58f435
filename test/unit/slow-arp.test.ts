import { describe, expect, it } from 'vitest';
import { Punt } from '../../src/path/punt.ts';
import { arpReply, arpRequest, frame } from '../../src/wire/build.ts';
import { HOST_MAC, ROUTER_MAC, SlowRig } from '../support/slow-rig.ts';

const HOST = '10.0.10.2';
const ROUTER = '10.0.10.1';
const OTHER_MAC = '02:00:00:00:0a:99';

function request(settings: { mac?: string; from?: string; to?: string; destination?: string } = {}): Uint8Array {
  const { mac = HOST_MAC, from = HOST, to = ROUTER, destination } = settings;
  return arpRequest({
    senderMac: mac,
    senderAddress: from,
    targetAddress: to,
    ...(destination ? { destination } : {}),
  });
}

function reply(mac = HOST_MAC, from = HOST, targetMac = ROUTER_MAC, to = ROUTER): Uint8Array {
  return arpReply({ senderMac: mac, senderAddress: from, targetMac, targetAddress: to });
}

describe('ARP requests (RFC 826)', () => {
  it('are answered for an address of the interface, and the asker is learned', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Arp, request())).toEqual([`10.0.10.1 is at ${ROUTER_MAC}, to 10.0.10.2 ${HOST_MAC}`]);
    expect(rig.neighbor(HOST)).toBe(`Stale ${HOST_MAC}`);
    expect(rig.happened()).toEqual(['neighbor-resolved']);
  });

  it('go back through the worker that punted them, into the VLAN of the interface, and it is woken once', () => {
    const rig = SlowRig.started({ workers: 2 });
    // Of an asker who is new, all workers hear: they may hold frames for it.
    rig.ask(Punt.Arp, request());
    rig.woken.length = 0;
    rig.punt(Punt.Arp, request(), { worker: 1 });
    rig.punt(Punt.Arp, request(), { worker: 1 });
    rig.turn();
    expect(rig.sent().map(({ worker, vlan }) => [worker, vlan])).toEqual([
      [1, 10],
      [1, 10],
    ]);
    expect(rig.woken).toEqual([1]);
  });

  it('for an address of another interface are not answered', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Arp, request({ to: '10.0.20.1' }))).toEqual([]);
    expect(rig.neighbor(HOST)).toBeNull();
  });

  it('of a sender outside the prefixes of the link are answered, but nobody is learned', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Arp, request({ from: '192.0.2.7' }))).toHaveLength(1);
    expect(rig.neighbor('192.0.2.7')).toBeNull();
  });

  it('of the network and broadcast addresses do not become neighbours', () => {
    const rig = SlowRig.started();
    rig.ask(Punt.Arp, request({ from: '10.0.10.255' }));
    rig.ask(Punt.Arp, request({ from: '10.0.10.0' }));
    expect(rig.table.count).toBe(0);
  });

  it.each(['01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00'])(
    'from the MAC address %s are ignored',
    (mac) => {
      const rig = SlowRig.started();
      expect(rig.ask(Punt.Arp, request({ mac }))).toEqual([]);
      expect(rig.table.count).toBe(0);
      expect(rig.counters.ignored).toBe(1);
    },
  );

  it('sent to another station, which only passed by, are ignored', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Arp, request({ destination: OTHER_MAC }))).toEqual([]);
  });

  it('that probe for an address of ours (RFC 5227) are answered and teach nothing', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Arp, request({ from: '0.0.0.0' }))).toEqual([
      `10.0.10.1 is at ${ROUTER_MAC}, to 0.0.0.0 ${HOST_MAC}`,
    ]);
    expect(rig.table.count).toBe(0);
  });

  it('that are cut short, or not ARP for IPv4 over Ethernet, are malformed', () => {
    const rig = SlowRig.started();
    const wrong = request();
    wrong[15] = 6;
    expect(rig.ask(Punt.Arp, wrong)).toEqual([]);
    expect(rig.ask(Punt.Arp, request().subarray(0, 41))).toEqual([]);
    expect(rig.ask(Punt.Arp, new Uint8Array(0))).toEqual([]);
    expect(rig.counters.malformed).toBe(3);
  });

  it('on an interface that does not exist are malformed', () => {
    const rig = SlowRig.started();
    rig.ask(Punt.Arp, request(), { interface: 7 });
    rig.ask(Punt.Arp, request(), { interface: -1 });
    expect(rig.counters.malformed).toBe(2);
  });
});

describe('ARP replies', () => {
  it('to a question of ours make the neighbour reachable', () => {
    const rig = SlowRig.started();
    expect(rig.resolve(HOST)).toEqual(['who has 10.0.10.2? tell 10.0.10.1, to all']);
    expect(rig.neighbor(HOST)).toBe('Incomplete');
    rig.ask(Punt.Arp, reply());
    expect(rig.neighbor(HOST)).toBe(`Reachable ${HOST_MAC}`);
  });

  it('that nobody asked for make no neighbour', () => {
    const rig = SlowRig.started();
    rig.ask(Punt.Arp, reply());
    expect(rig.neighbor(HOST)).toBeNull();
  });

  it('with another MAC address, unasked, make a reachable neighbour stale', () => {
    const rig = SlowRig.started();
    rig.resolve(HOST);
    rig.ask(Punt.Arp, reply());
    rig.happened();
    rig.ask(Punt.Arp, reply(OTHER_MAC));
    expect(rig.neighbor(HOST)).toBe(`Stale ${OTHER_MAC}`);
    expect(rig.happened()).toEqual(['neighbor-changed']);
  });

  it('with a group address as MAC do not resolve', () => {
    const rig = SlowRig.started();
    rig.resolve(HOST);
    rig.ask(Punt.Arp, reply('01:00:5e:00:00:01'));
    expect(rig.neighbor(HOST)).toBe('Incomplete');
  });
});

describe('announcements (gratuitous ARP)', () => {
  it('move a neighbour that is known', () => {
    const rig = SlowRig.started();
    rig.ask(Punt.Arp, request());
    expect(rig.ask(Punt.Arp, request({ mac: OTHER_MAC, to: HOST }))).toEqual([]);
    expect(rig.neighbor(HOST)).toBe(`Stale ${OTHER_MAC}`);
  });

  it('make no neighbour', () => {
    const rig = SlowRig.started();
    rig.ask(Punt.Arp, request({ to: HOST }));
    expect(rig.neighbor(HOST)).toBeNull();
  });

  it('are sent twice for each own address when an interface starts', () => {
    const rig = new SlowRig();
    expect(rig.pass(5000).filter((text) => text.startsWith('announce'))).toEqual([
      'announce 10.0.10.1, to all',
      'announce 10.0.10.1, to all',
    ]);
  });

  it('are sent again when they are asked for', () => {
    const rig = SlowRig.started();
    rig.slow.announce('red', rig.now);
    expect(rig.pass(1)).toContain('announce 10.0.10.1, to all');
  });
});

describe('a conflict (RFC 5227, section 2.4)', () => {
  const claim = () => request({ mac: OTHER_MAC, from: ROUTER, to: ROUTER });

  it('is logged and defended once in ten seconds', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Arp, claim())).toEqual(['announce 10.0.10.1, to all']);
    expect(rig.events.at(-1)).toMatchObject({
      kind: 'address-conflict',
      interface: 'web',
      address: ROUTER,
      mac: OTHER_MAC,
      defended: true,
    });
    rig.pass(9000);
    expect(rig.ask(Punt.Arp, claim())).toEqual([]);
    expect(rig.events.at(-1)).toMatchObject({ kind: 'address-conflict', defended: false });
    rig.pass(1000);
    expect(rig.ask(Punt.Arp, claim())).toEqual(['announce 10.0.10.1, to all']);
    expect(rig.counters.addressConflicts).toBe(3);
  });

  it('is not seen in frames of our own that come back', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Arp, request({ mac: ROUTER_MAC, from: ROUTER, to: ROUTER }))).toEqual([]);
    expect(rig.counters.addressConflicts).toBe(0);
  });
});

it('what is no ARP operation that we know is ignored', () => {
  const rig = SlowRig.started();
  const reverse = frame({
    ethernet: { destination: ROUTER_MAC, source: HOST_MAC },
    arp: { operation: 3, senderMac: HOST_MAC, senderAddress: HOST, targetAddress: ROUTER },
  });
  expect(rig.ask(Punt.Arp, reverse)).toEqual([]);
  expect(rig.counters.ignored).toBe(1);
});
