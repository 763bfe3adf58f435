import { describe, expect, it } from 'vitest';
import { Punt } from '../../src/path/punt.ts';
import { routerAdvertisement, routerSolicitation } from '../../src/wire/build.ts';
import { addressesOf, HOST_LINK_LOCAL, HOST_MAC, ROUTER_LINK_LOCAL, ROUTER_MAC, SlowRig } from '../support/slow-rig.ts';

const ra = { intervalSeconds: 600, lifetimeSeconds: 1800, managed: false, other: false };
const LINE = `router ${ROUTER_LINK_LOCAL} ${ROUTER_MAC} for 1800 s, to ff02::1, mtu 1500, fd00:10::/64 LA 2592000 s`;

/** Advertisements among sentences. */
function advertised(sentences: readonly string[]): string[] {
  return sentences.filter((text) => text.startsWith('router'));
}

function solicit(rig: SlowRig): void {
  rig.punt(Punt.Neighbor, routerSolicitation({ sourceMac: HOST_MAC, source: HOST_LINK_LOCAL }));
  rig.turn();
}

describe('router advertisements (RFC 4861, section 6.2)', () => {
  it('tell hosts the router, the MTU, and the prefixes to make addresses in', () => {
    const rig = new SlowRig({ interfaces: [{ ra }] });
    expect(advertised(rig.pass(10))).toEqual([LINE]);
  });

  it('of prefixes other than /64 say that they are on the link, not that addresses can be made there', () => {
    const rig = new SlowRig({
      interfaces: [{ ra, addresses: addressesOf('fd00:1::1/48', 'fd00:2::1/64', 'fd00:2::2/64') }],
    });
    expect(advertised(rig.pass(10))[0]).toMatch(/fd00:1::\/48 L- 2592000 s, fd00:2::\/64 LA 2592000 s$/);
  });

  it('carry the flags that send hosts to DHCPv6', () => {
    const rig = new SlowRig({ interfaces: [{ ra: { ...ra, managed: true, other: true } }] });
    expect(advertised(rig.pass(10))[0]).toContain(', MO, ');
  });

  it('come three times within 32 seconds, then between a third and the whole of the interval', () => {
    const rig = new SlowRig({ interfaces: [{ ra }] });
    expect(advertised(rig.pass(33_000))).toHaveLength(3);
    // With a random number of a half the interval is in the middle: 400 s.
    expect(advertised(rig.pass(398_000))).toHaveLength(0);
    expect(advertised(rig.pass(2000))).toHaveLength(1);
    expect(advertised(rig.pass(398_000))).toHaveLength(0);
    expect(advertised(rig.pass(2000))).toHaveLength(1);
  });

  it('are not sent where the interface does not ask for it', () => {
    const rig = new SlowRig();
    expect(advertised(rig.pass(1_000_000))).toEqual([]);
  });

  it('answer a solicitation after a random delay of up to half a second', () => {
    const rig = new SlowRig({ interfaces: [{ ra }] });
    rig.pass(60_000);
    solicit(rig);
    expect(advertised(rig.pass(249))).toEqual([]);
    expect(advertised(rig.pass(1))).toEqual([LINE]);
  });

  it('answer a thousand solicitations with one, and the next ones three seconds later', () => {
    const rig = new SlowRig({ interfaces: [{ ra }] });
    rig.pass(60_000);
    for (let i = 0; i < 1000; i++) solicit(rig);
    expect(advertised(rig.pass(500))).toHaveLength(1);
    for (let i = 0; i < 1000; i++) solicit(rig);
    expect(advertised(rig.pass(2500))).toHaveLength(0);
    expect(advertised(rig.pass(1000))).toHaveLength(1);
  });

  it('take the router back at the end', () => {
    const rig = SlowRig.started({ interfaces: [{ ra }] });
    rig.woken.length = 0;
    rig.slow.close();
    expect(advertised(rig.sentences())).toEqual([LINE.replace('1800 s', '0 s')]);
    expect(rig.woken).toEqual([0]);
    expect(rig.turn()).toBe(Number.POSITIVE_INFINITY);
  });

  it('of other routers are ignored', () => {
    const rig = SlowRig.started({ interfaces: [{ ra }] });
    const theirs = routerAdvertisement({ sourceMac: HOST_MAC, source: HOST_LINK_LOCAL, lifetime: 1800, prefixes: [] });
    expect(rig.ask(Punt.Neighbor, theirs)).toEqual([]);
    expect(rig.counters.ignored).toBe(1);
  });
});
