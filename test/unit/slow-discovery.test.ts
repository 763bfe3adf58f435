import { describe, expect, it } from 'vitest';
import { Punt } from '../../src/path/punt.ts';
import { frame, neighborAdvertisement, neighborSolicitation, routerSolicitation } from '../../src/wire/build.ts';
import { addressesOf, HOST_LINK_LOCAL, HOST_MAC, ROUTER_LINK_LOCAL, ROUTER_MAC, SlowRig } from '../support/slow-rig.ts';

const HOST = 'fd00:10::2';
const ROUTER = 'fd00:10::1';
const OTHER_MAC = '02:00:00:00:0a:99';
const ALL_NODES = 'ff02::1 33:33:00:00:00:01';

function solicitation(
  settings: { source?: string; target?: string; mac?: string; unicast?: boolean } = {},
): Uint8Array {
  const { source = HOST, target = ROUTER, mac = HOST_MAC, unicast = false } = settings;
  const destination = unicast ? { destination: { mac: ROUTER_MAC, address: target } } : {};
  return neighborSolicitation({ sourceMac: mac, source, target, ...destination });
}

function advertisement(
  settings: { solicited?: boolean; override?: boolean; mac?: string; target?: string; multicast?: boolean } = {},
): Uint8Array {
  const { solicited = true, override = true, mac = HOST_MAC, target = HOST, multicast = false } = settings;
  const destination = multicast ? {} : { destination: { mac: ROUTER_MAC, address: ROUTER_LINK_LOCAL } };
  return neighborAdvertisement({
    sourceMac: mac,
    source: target,
    target,
    router: false,
    solicited,
    override,
    ...destination,
  });
}

/** With one byte of the frame changed, and the ICMPv6 checksum not. */
function spoilt(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

describe('neighbour solicitations (RFC 4861, section 7.2)', () => {
  it('are answered for an address of the interface, with router, solicited and override set, and the asker is learned', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Neighbor, solicitation())).toEqual([
      `fd00:10::1 is at ${ROUTER_MAC} RSO, to fd00:10::2 ${HOST_MAC}`,
    ]);
    expect(rig.neighbor(HOST)).toBe(`Stale ${HOST_MAC}`);
  });

  it('are answered for the link-local address, made from the MAC address', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Neighbor, solicitation({ source: HOST_LINK_LOCAL, target: ROUTER_LINK_LOCAL }))).toEqual([
      `${ROUTER_LINK_LOCAL} is at ${ROUTER_MAC} RSO, to ${HOST_LINK_LOCAL} ${HOST_MAC}`,
    ]);
    expect(rig.neighbor(HOST_LINK_LOCAL)).toBe(`Stale ${HOST_MAC}`);
  });

  it('sent to us alone (a probe of reachability) are answered too', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Neighbor, solicitation({ unicast: true }))).toHaveLength(1);
  });

  it('for other addresses are not answered', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Neighbor, solicitation({ target: 'fd00:10::1:0:1' }))).toEqual([]);
    expect(rig.table.count).toBe(0);
  });

  it('of a sender outside the prefixes of the link are answered, but nobody is learned', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Neighbor, solicitation({ source: '2001:db8::7' }))).toHaveLength(1);
    expect(rig.table.count).toBe(0);
  });

  it('that test whether an address is free (RFC 4862) hear, with everybody, that ours are not', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Neighbor, solicitation({ source: '::' }))).toEqual([
      `fd00:10::1 is at ${ROUTER_MAC} R-O, to ${ALL_NODES}`,
    ]);
    expect(rig.happened()).toEqual(['address-conflict']);
    expect(rig.table.count).toBe(0);
  });

  it('that test an address but carry a link-layer address are not believed', () => {
    const rig = SlowRig.started();
    const whole = solicitation();
    const lie = frame({
      ethernet: { destination: '33:33:ff:00:00:01', source: HOST_MAC },
      ipv6: { source: '::', destination: 'ff02::1:ff00:1', hopLimit: 255 },
      icmp: { type: 135 },
      payload: whole.subarray(62),
    });
    expect(rig.ask(Punt.Neighbor, lie)).toEqual([]);
    expect(rig.counters.malformed).toBe(1);
  });

  it.each([
    ['a hop limit below 255, that a router may have passed on', spoilt(solicitation(), 21, 254)],
    ['a wrong checksum', spoilt(solicitation(), 57, 0)],
    ['a code', spoilt(solicitation(), 55, 1)],
    ['an option of length 0', spoilt(solicitation(), 79, 0)],
    ['no room for its target', solicitation().subarray(0, 70)],
    ['a length that runs over the end of the frame', spoilt(solicitation(), 19, 255)],
  ])('with %s are not believed', (_, wrong) => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Neighbor, wrong)).toEqual([]);
    expect(rig.counters.malformed).toBe(1);
  });

  it('for a multicast address are not believed', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Neighbor, solicitation({ target: 'ff02::1' }))).toEqual([]);
    expect(rig.counters.malformed).toBe(1);
  });

  it('that name a group address as their link-layer address teach nothing', () => {
    const rig = SlowRig.started();
    rig.ask(Punt.Neighbor, solicitation({ mac: '33:33:00:00:00:01' }));
    expect(rig.table.count).toBe(0);
  });

  it('are ignored on an interface without IPv6', () => {
    const rig = SlowRig.started({ interfaces: [{ addresses: addressesOf('10.0.10.1/24') }] });
    expect(rig.ask(Punt.Neighbor, solicitation({ target: ROUTER_LINK_LOCAL }))).toEqual([]);
    expect(rig.counters.ignored).toBe(1);
  });
});

describe('neighbour advertisements (RFC 4861, section 7.2.5)', () => {
  function asking(): SlowRig {
    const rig = SlowRig.started();
    expect(rig.resolve(HOST)).toEqual([
      `who has fd00:10::2? tell ${ROUTER_LINK_LOCAL} ${ROUTER_MAC}, to ff02::1:ff00:2 33:33:ff:00:00:02`,
    ]);
    return rig;
  }

  function reachable(): SlowRig {
    const rig = asking();
    rig.ask(Punt.Neighbor, advertisement());
    expect(rig.neighbor(HOST)).toBe(`Reachable ${HOST_MAC}`);
    return rig;
  }

  it('that answer a question make the neighbour reachable', () => {
    reachable();
  });

  it('unasked make a neighbour that was asked for stale', () => {
    const rig = asking();
    rig.ask(Punt.Neighbor, advertisement({ solicited: false }));
    expect(rig.neighbor(HOST)).toBe(`Stale ${HOST_MAC}`);
  });

  it('of a neighbour that nobody asked for make none', () => {
    const rig = SlowRig.started();
    rig.ask(Punt.Neighbor, advertisement());
    expect(rig.table.count).toBe(0);
  });

  it('without override do not replace the MAC address, but make a reachable neighbour stale', () => {
    const rig = reachable();
    rig.ask(Punt.Neighbor, advertisement({ override: false, mac: OTHER_MAC }));
    expect(rig.neighbor(HOST)).toBe(`Stale ${HOST_MAC}`);
    rig.ask(Punt.Neighbor, advertisement({ override: false, mac: OTHER_MAC }));
    expect(rig.neighbor(HOST)).toBe(`Stale ${HOST_MAC}`);
  });

  it('with override, unasked, replace the MAC address and make the neighbour stale', () => {
    const rig = reachable();
    rig.ask(Punt.Neighbor, advertisement({ solicited: false, mac: OTHER_MAC }));
    expect(rig.neighbor(HOST)).toBe(`Stale ${OTHER_MAC}`);
  });

  it('without override but with the MAC address that is known confirm it', () => {
    const rig = reachable();
    rig.pass(50_000);
    expect(rig.neighbor(HOST)).toBe(`Stale ${HOST_MAC}`);
    rig.ask(Punt.Neighbor, advertisement({ override: false }));
    expect(rig.neighbor(HOST)).toBe(`Reachable ${HOST_MAC}`);
  });

  it('to all nodes that say that they were asked for are not believed', () => {
    const rig = asking();
    rig.ask(Punt.Neighbor, advertisement({ solicited: true, multicast: true }));
    expect(rig.neighbor(HOST)).toBe('Incomplete');
    expect(rig.counters.malformed).toBe(1);
  });

  it('of an address of ours are a conflict, defended once in ten seconds', () => {
    const rig = SlowRig.started();
    const claim = advertisement({ target: ROUTER, mac: OTHER_MAC, solicited: false, multicast: true });
    expect(rig.ask(Punt.Neighbor, claim)).toEqual([`fd00:10::1 is at ${ROUTER_MAC} R-O, to ${ALL_NODES}`]);
    expect(rig.ask(Punt.Neighbor, claim)).toEqual([]);
    expect(rig.events.map((event) => event.kind === 'address-conflict' && event.defended)).toEqual([true, false]);
  });
});

describe('an interface that starts', () => {
  it('asks whether its IPv6 addresses are free, then announces them', () => {
    const rig = new SlowRig();
    const spoken = rig.pass(5000).filter((text) => !text.startsWith('announce'));
    expect(spoken).toEqual([
      `who has ${ROUTER_LINK_LOCAL}? tell :: nobody, to ff02::1:ff00:ff01 33:33:ff:00:ff:01`,
      'who has fd00:10::1? tell :: nobody, to ff02::1:ff00:1 33:33:ff:00:00:01',
      `${ROUTER_LINK_LOCAL} is at ${ROUTER_MAC} R-O, to ${ALL_NODES}`,
      `fd00:10::1 is at ${ROUTER_MAC} R-O, to ${ALL_NODES}`,
    ]);
  });

  it('takes a link-local address from its configuration, if there is one', () => {
    const rig = new SlowRig({ interfaces: [{ addresses: addressesOf('fe80::1/64', 'fd00:10::1/64') }] });
    expect(rig.pass(5000)).toContain(`fe80::1 is at ${ROUTER_MAC} R-O, to ${ALL_NODES}`);
  });
});

describe('router solicitations', () => {
  it('teach who asked, where nothing is advertised too', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.Neighbor, routerSolicitation({ sourceMac: HOST_MAC, source: HOST_LINK_LOCAL }))).toEqual([]);
    expect(rig.neighbor(HOST_LINK_LOCAL)).toBe(`Stale ${HOST_MAC}`);
  });
});
