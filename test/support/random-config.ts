import fc from 'fast-check';

/** Random configurations whose hosts, addresses and names are always the same, so that the same frames mean something in all of them. */
export const PORTS = ['p0', 'p1', 'p2', 'p3', 'up'] as const;
export const VLANS = [10, 20, 30] as const;
export const TENANTS = ['red', 'blue'] as const;

export const hostMac = (tenant: number, port: number): string => `02:00:00:00:0${tenant}:0${port}`;
export const routerMac = (tenant: number): string => `02:54:00:00:00:0${tenant}`;
export const hostAddress = (tenant: number, vlan: number, port: number): string => `10.${tenant}.${vlan}.${10 + port}`;
export const gateway = (tenant: number, vlan: number): string => `10.${tenant}.${vlan}.1`;

const vlan = fc.constantFrom(...VLANS);
const port = fc.oneof(
  { weight: 4, arbitrary: vlan.map((of) => ({ memory: true, vlan: of })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      { memory: true, trunk: [10, 20], native: 10 },
      { memory: true, trunk: [10, 20, 30], native: 20 },
    ),
  },
  { weight: 1, arbitrary: vlan.map((of) => ({ memory: true, vlan: of, pps: 1_000_000, mtu: 1400 })) },
  { weight: 1, arbitrary: vlan.map((of) => ({ memory: true, tunnel: of })) },
);
const maybe = <Value>(of: fc.Arbitrary<Value>) => fc.option(of, { nil: undefined, freq: 3 });

const rule = fc.oneof(
  fc.constantFrom(7, 8, 9).map((dport) => ({ deny: { proto: 'udp', dport } })),
  fc.constantFrom(7, 8).map((dport) => ({ reject: { proto: 'udp', dport } })),
  vlan.map((of) => ({ deny: { vlan: of, proto: 'udp', dport: 9 } })),
);

const tenantOf = (t: number) =>
  fc
    .record({
      ports: fc.record({ p0: maybe(port), p1: maybe(port), p2: maybe(port), p3: maybe(port) }),
      interfaces: fc.subarray([...VLANS]),
      router: fc.boolean(),
      routes: fc.subarray([
        { to: '192.0.2.0/24', kind: 'via' },
        { to: '192.0.2.128/25', kind: 'blackhole' },
        { to: '198.51.100.0/24', kind: 'reject' },
        { to: '0.0.0.0/0', kind: 'via' },
      ]),
      rules: fc.array(rule, { maxLength: 3 }),
      ingress: maybe(
        fc.oneof(
          vlan.map((of) => ({ vlan: of })),
          fc.constantFrom('p0', 'p1'),
        ),
      ),
      egress: maybe(vlan.map((of) => ({ vlan: of }))),
      fixed: fc.boolean(),
      quota: maybe(fc.record({ macs: fc.constantFrom(64, 100), weight: fc.constantFrom(1, 5) })),
      uplink: maybe(fc.constantFrom(100 + t, 200 + t)),
    })
    .map(({ ports, interfaces, router, routes, rules, ingress, egress, fixed, quota, uplink }) => {
      const there = Object.entries(ports).filter(([, one]) => one !== undefined);
      const routed = router && interfaces.length > 0;
      const via = routed ? hostAddress(t, interfaces[0], 0) : '';
      const target = (of: typeof ingress) =>
        typeof of === 'string' && !there.some(([name]) => name === of) ? undefined : of;
      const [first] = there;
      return {
        uplink,
        keys: {
          bridge: {
            ports: Object.fromEntries(there),
            static_macs:
              fixed && first !== undefined
                ? [{ mac: '02:00:00:00:00:99', vlan: vlanOf(first[1]), port: first[0] }]
                : [],
          },
          ...(routed
            ? {
                router: {
                  mac: routerMac(t),
                  interfaces: Object.fromEntries(
                    interfaces.map((of) => [`v${of}`, { vlan: of, addresses: [`${gateway(t, of)}/24`], ra: false }]),
                  ),
                  routes: routes.map(({ to, kind }) => (kind === 'via' ? { to, via } : { to, [kind]: true })),
                },
              }
            : {}),
          acls: {
            x: {
              rules: [...rules, { allow: 'any' }],
              ingress: target(ingress) === undefined ? [] : [target(ingress)],
              egress: egress === undefined ? [] : [egress],
            },
          },
          ...(quota === undefined ? {} : { quota }),
        },
      };
    });

function vlanOf(one: object | undefined): number {
  const { vlan: of, native, tunnel } = (one ?? {}) as { vlan?: number; native?: number; tunnel?: number };
  return of ?? native ?? tunnel ?? 1;
}

/** Texts of configurations; a few of them are refused by the checks. */
export const randomConfig: fc.Arbitrary<string> = fc
  .record({ red: tenantOf(1), blue: maybe(tenantOf(2)), share: fc.boolean() })
  .map(({ red, blue, share }) => {
    const both = share && blue !== undefined && 'router' in red.keys && 'router' in blue.keys;
    const sharing = (other: string, own: number, theirs: number) =>
      both
        ? { share: { export: { [other]: [`10.${own}.0.0/16`] }, import: { [other]: [`10.${theirs}.0.0/16`] } } }
        : {};
    const shared = [
      ...(red.uplink === undefined ? [] : [['red', { vlan: red.uplink, port: { vlan: 10 } }] as const]),
      ...(blue?.uplink === undefined ? [] : [['blue', { vlan: blue.uplink, port: { vlan: 20 } }] as const]),
    ];
    return JSON.stringify({
      version: 1,
      tenants: {
        red: { ...red.keys, ...sharing('blue', 1, 2) },
        ...(blue === undefined ? {} : { blue: { ...blue.keys, ...sharing('red', 2, 1) } }),
      },
      ...(shared.length === 0 ? {} : { uplinks: { up: { memory: true, tenants: Object.fromEntries(shared) } } }),
    });
  });
