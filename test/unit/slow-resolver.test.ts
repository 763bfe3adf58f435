import { describe, expect, it } from 'vitest';
import { Punt } from '../../src/path/punt.ts';
import { NeighborState, NeighborTable } from '../../src/table/neighbor-table.ts';
import { arpReply, arpRequest, neighborAdvertisement, neighborSolicitation } from '../../src/wire/build.ts';
import { parseMac } from '../../src/wire/ethernet.ts';
import {
  addressesOf,
  HOST_MAC,
  type RigOptions,
  ROUTER_LINK_LOCAL,
  ROUTER_MAC,
  SlowRig,
  words,
} from '../support/slow-rig.ts';

const WHO = 'who has 10.0.10.2? tell 10.0.10.1, to all';
const PROBE = `who has 10.0.10.2? tell 10.0.10.1, to ${HOST_MAC}`;

function reply(address: string): Uint8Array {
  return arpReply({ senderMac: HOST_MAC, senderAddress: address, targetMac: ROUTER_MAC, targetAddress: '10.0.10.1' });
}

/** A station that makes itself known, unasked. */
function appear(rig: SlowRig, address: string): void {
  rig.ask(Punt.Arp, arpRequest({ senderMac: HOST_MAC, senderAddress: address, targetAddress: '10.0.10.1' }));
}

function reachable(options: RigOptions = {}): SlowRig {
  const rig = SlowRig.started(options);
  rig.resolve('10.0.10.2');
  rig.ask(Punt.Arp, reply('10.0.10.2'));
  expect(rig.neighbor('10.0.10.2')).toBe(`Reachable ${HOST_MAC}`);
  return rig;
}

describe('a neighbour that is asked for', () => {
  it('is asked for at once and twice more, a second apart, and has then failed', () => {
    const rig = SlowRig.started();
    expect(rig.resolve('10.0.10.2')).toEqual([WHO]);
    expect(rig.pass(999)).toEqual([]);
    expect(rig.pass(1)).toEqual([WHO]);
    expect(rig.pass(1000)).toEqual([WHO]);
    expect(rig.neighbor('10.0.10.2')).toBe('Incomplete');
    expect(rig.pass(1000)).toEqual([]);
    expect(rig.neighbor('10.0.10.2')).toBe('Failed');
    expect(rig.happened()).toEqual(['neighbor-failed']);
  });

  it('is not asked for again while that goes on, nor for five seconds after it has failed', () => {
    const rig = SlowRig.started();
    rig.resolve('10.0.10.2');
    expect(rig.resolve('10.0.10.2')).toEqual([]);
    rig.pass(3000);
    expect(rig.resolve('10.0.10.2')).toEqual([]);
    rig.pass(4999);
    expect(rig.resolve('10.0.10.2')).toEqual([]);
    rig.pass(1);
    expect(rig.neighbor('10.0.10.2')).toBeNull();
    expect(rig.resolve('10.0.10.2')).toEqual([WHO]);
  });

  it('bumps the generation of the table when it is resolved and when it fails', () => {
    const rig = SlowRig.started();
    rig.resolve('10.0.10.2');
    const asked = rig.table.generation();
    rig.pass(3000);
    const failed = rig.table.generation();
    expect(failed).not.toBe(asked);
    rig.ask(Punt.Arp, reply('10.0.10.2'));
    expect(rig.table.generation()).not.toBe(failed);
    expect(rig.neighbor('10.0.10.2')).toBe(`Reachable ${HOST_MAC}`);
  });

  it('fails without a question if nobody can have its address', () => {
    const rig = SlowRig.started();
    for (const address of ['10.0.10.255', '10.0.10.0', '10.0.10.1', '224.0.0.5', 'ff02::5', '::1', '0.0.0.0']) {
      expect(rig.resolve(address)).toEqual([]);
      expect(rig.neighbor(address)).toBe('Failed');
    }
  });

  it('may lie outside the prefixes of the link, as a configured next hop', () => {
    const rig = SlowRig.started();
    expect(rig.resolve('192.0.2.1')).toEqual(['who has 192.0.2.1? tell 10.0.10.1, to all']);
  });

  it('is asked for from the address of its own prefix', () => {
    const rig = SlowRig.started({ interfaces: [{ addresses: addressesOf('10.0.10.1/24', '172.16.0.1/30') }] });
    expect(rig.resolve('172.16.0.2')).toEqual(['who has 172.16.0.2? tell 172.16.0.1, to all']);
  });

  it('has no broadcast address on a /31 (RFC 3021)', () => {
    const rig = SlowRig.started({ interfaces: [{ addresses: addressesOf('10.0.0.0/31') }] });
    expect(rig.resolve('10.0.0.1')).toEqual(['who has 10.0.0.1? tell 10.0.0.0, to all']);
  });

  it('is told apart by its interface', () => {
    const rig = SlowRig.started({ interfaces: [{}, { name: 'db', vlan: 20, addresses: addressesOf('10.0.10.1/24') }] });
    rig.resolve('10.0.10.2', 0);
    rig.resolve('10.0.10.2', 1);
    rig.ask(Punt.Arp, reply('10.0.10.2'), { interface: 1 });
    expect([rig.neighbor('10.0.10.2', 0), rig.neighbor('10.0.10.2', 1)]).toEqual([
      'Incomplete',
      `Reachable ${HOST_MAC}`,
    ]);
  });
});

describe('a reachable neighbour (RFC 4861, section 7.3.3)', () => {
  it('is stale after half to one and a half of 30 seconds', () => {
    for (const [random, after] of [
      [0, 15_000],
      [0.999999, 45_000],
    ]) {
      const rig = reachable({ random: () => random });
      rig.pass(after - 1);
      expect(rig.neighbor('10.0.10.2')).toBe(`Reachable ${HOST_MAC}`);
      rig.pass(1);
      expect(rig.neighbor('10.0.10.2')).toBe(`Stale ${HOST_MAC}`);
    }
  });

  it('is not asked about while it is stale and nobody uses it', () => {
    const rig = reachable();
    expect(rig.pass(1_000_000)).toEqual([]);
    expect(rig.neighbor('10.0.10.2')).toBe(`Stale ${HOST_MAC}`);
  });

  it('that is stale and used waits five seconds, then is asked itself three times, then has failed', () => {
    const rig = reachable();
    rig.pass(31_000);
    rig.use('10.0.10.2');
    rig.pass(1000);
    expect(rig.neighbor('10.0.10.2')).toBe(`Delay ${HOST_MAC}`);
    expect(rig.pass(4000)).toEqual([]);
    expect(rig.pass(1000)).toEqual([PROBE]);
    expect(rig.neighbor('10.0.10.2')).toBe(`Probe ${HOST_MAC}`);
    expect(rig.pass(2000)).toEqual([PROBE, PROBE]);
    rig.pass(1000);
    expect(rig.neighbor('10.0.10.2')).toBe('Failed');
  });

  it('that answers a probe is reachable again', () => {
    const rig = reachable();
    rig.pass(31_000);
    rig.use('10.0.10.2');
    rig.pass(7000);
    expect(rig.neighbor('10.0.10.2')).toBe(`Probe ${HOST_MAC}`);
    rig.ask(Punt.Arp, reply('10.0.10.2'));
    expect(rig.neighbor('10.0.10.2')).toBe(`Reachable ${HOST_MAC}`);
  });

  it('is probed in IPv6 at its own address and MAC', () => {
    const rig = SlowRig.started();
    rig.resolve('fd00:10::2');
    const destination = { mac: ROUTER_MAC, address: ROUTER_LINK_LOCAL };
    const settings = { sourceMac: HOST_MAC, source: 'fd00:10::2', target: 'fd00:10::2', destination };
    rig.ask(Punt.Neighbor, neighborAdvertisement({ ...settings, router: false, solicited: true, override: true }));
    rig.pass(31_000);
    rig.use('fd00:10::2');
    expect(rig.pass(7000)).toContain(
      `who has fd00:10::2? tell ${ROUTER_LINK_LOCAL} ${ROUTER_MAC}, to fd00:10::2 ${HOST_MAC}`,
    );
  });
});

describe('the number of neighbours', () => {
  it('that are being asked for is at most a quarter of the table', () => {
    const rig = SlowRig.started({ capacity: 64 });
    for (let i = 2; i < 200; i++) rig.resolve(`10.0.10.${i}`);
    expect(rig.table.count).toBe(16);
    expect(rig.counters.neighborsRefused).toBe(198 - 16);
    expect(rig.happened()).toContain('neighbor-refused');
  });

  it('never exceeds the table in a sweep of an hour, and a real neighbour is still found', () => {
    const rig = SlowRig.started({ capacity: 32, interfaces: [{ addresses: addressesOf('10.0.0.1/16') }] });
    for (let i = 0; i < 3600; i++) {
      for (let k = 0; k < 8; k++) rig.resolve(`10.0.${(i & 127) + 1}.${k + 10}`);
      rig.pass(1000);
      expect(rig.table.count).toBeLessThanOrEqual(32);
    }
    rig.pass(3000);
    rig.resolve('10.0.0.2');
    rig.ask(Punt.Arp, reply('10.0.0.2'));
    expect(rig.table.usable(rig.table.locate(0, words('10.0.0.2')))).toBe(true);
  });

  it('is kept by evicting the neighbour that failed first, then the one stale and unused the longest', () => {
    const rig = SlowRig.started({ capacity: 8 });
    rig.resolve('10.0.10.100');
    rig.pass(3000);
    expect(rig.neighbor('10.0.10.100')).toBe('Failed');
    for (let i = 2; i < 9; i++) appear(rig, `10.0.10.${i}`);
    expect(rig.table.count).toBe(8);
    appear(rig, '10.0.10.20');
    expect(rig.neighbor('10.0.10.100')).toBeNull();
    rig.use('10.0.10.2');
    appear(rig, '10.0.10.21');
    expect(rig.neighbor('10.0.10.2')).toBe(`Delay ${HOST_MAC}`);
    expect(rig.neighbor('10.0.10.3')).toBeNull();
    expect(rig.neighbor('10.0.10.21')).toBe(`Stale ${HOST_MAC}`);
    expect(rig.counters.neighborsEvicted).toBe(2);
  });

  it('is not kept by evicting neighbours that are in use', () => {
    const rig = SlowRig.started({ capacity: 4 });
    for (const i of [2, 3, 4, 5]) {
      rig.resolve(`10.0.10.${i}`);
      rig.ask(Punt.Arp, reply(`10.0.10.${i}`));
    }
    appear(rig, '10.0.10.6');
    expect(rig.neighbor('10.0.10.6')).toBeNull();
    expect(rig.counters.neighborsRefused).toBe(1);
  });

  it('shrinks to the soft limit when stale neighbours were not used for a minute', () => {
    const rig = SlowRig.started({ capacity: 64, limits: { neighborsSoft: 4 } });
    for (let i = 2; i < 12; i++) appear(rig, `10.0.10.${i}`);
    rig.pass(59_000);
    expect(rig.table.count).toBe(10);
    rig.pass(2000);
    expect(rig.table.count).toBe(4);
    rig.pass(600_000);
    expect(rig.table.count).toBe(4);
  });

  it('survives a station that changes its MAC address faster than the table can forget', () => {
    const rig = SlowRig.started({ capacity: 4 });
    for (let i = 0; i < 1000; i++) {
      const senderMac = `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;
      rig.ask(Punt.Arp, arpRequest({ senderMac, senderAddress: '10.0.10.2', targetAddress: '10.0.10.1' }));
    }
    rig.pass(1000);
    appear(rig, '10.0.10.2');
    rig.pass(1000);
    appear(rig, '10.0.10.3');
    expect(rig.neighbor('10.0.10.3')).toBe(`Stale ${HOST_MAC}`);
  });
});

describe('configured neighbours', () => {
  const permanent = [{ interface: 0, words: [0x0a000a02], mac: parseMac('02:00:00:00:00:77') }];

  it('are there from the start, never asked for, and changed by nothing', () => {
    const rig = SlowRig.started({ permanent });
    expect(rig.neighbor('10.0.10.2')).toBe('Permanent 02:00:00:00:00:77');
    expect(rig.resolve('10.0.10.2')).toEqual([]);
    appear(rig, '10.0.10.2');
    rig.ask(Punt.Arp, reply('10.0.10.2'));
    rig.use('10.0.10.2');
    rig.pass(1_000_000);
    expect(rig.neighbor('10.0.10.2')).toBe('Permanent 02:00:00:00:00:77');
  });

  it('are not evicted', () => {
    const rig = SlowRig.started({ permanent, capacity: 4 });
    for (let i = 3; i < 30; i++) appear(rig, `10.0.10.${i}`);
    expect(rig.neighbor('10.0.10.2')).toBe('Permanent 02:00:00:00:00:77');
  });
});

describe('a table that is taken over', () => {
  it('keeps neighbours as stale, asks again for what was open, and drops what no longer fits', () => {
    const neighbors = NeighborTable.create(16);
    const { high, low } = parseMac(HOST_MAC);
    neighbors.set(0, words('10.0.10.2'), NeighborState.Reachable, high, low);
    neighbors.set(0, words('10.0.10.3'), NeighborState.Incomplete, 0, 0);
    neighbors.set(0, words('10.9.9.9'), NeighborState.Reachable, high, low);
    neighbors.set(5, words('10.0.10.2'), NeighborState.Reachable, high, low);
    neighbors.set(0, words('10.0.10.4'), NeighborState.Permanent, high, low);
    const rig = SlowRig.started({ neighbors });
    expect(rig.neighbor('10.0.10.2')).toBe(`Stale ${HOST_MAC}`);
    expect(rig.table.count).toBe(1);
    expect(rig.resolve('10.0.10.3')).toHaveLength(1);
  });
});

it('a neighbour that names itself while it is asked for is stale, and what waits for it can go', () => {
  const rig = SlowRig.started();
  rig.resolve('fd00:10::2');
  rig.ask(Punt.Neighbor, neighborSolicitation({ sourceMac: HOST_MAC, source: 'fd00:10::2', target: 'fd00:10::1' }));
  expect(rig.neighbor('fd00:10::2')).toBe(`Stale ${HOST_MAC}`);
});
