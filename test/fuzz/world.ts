import type { Datapath } from '../../src/openflow/datapath/datapath.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { parseGroup } from '../../src/openflow/text/group.ts';
import { parseMeter } from '../../src/openflow/text/meter.ts';
import { portNumbers } from '../../src/tenant/datapath.ts';
import { macOf, PREFIX4, PREFIX6, ROUTER_MAC } from './config.ts';
import type { Random } from './random.ts';

/** Random configurations and rules in which the frames of `templates.ts` mean something: stations, MACs and prefixes are theirs. */
const VLANS = [10, 20, 30, 40];
const NAMES = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7'];
const SIX = [10, 30];
const RULES = 12;

type Tree = { [key: string]: unknown };

/** A configuration; a few are refused by the checks. */
export function worldOf(random: Random): string {
  const red = tenant('red', random);
  const blue = random.below(2) === 0 ? tenant('blue', random) : null;
  if (blue !== null && 'router' in red && 'router' in blue && random.below(2) === 0) {
    const prefixes = (name: string) => [`${PREFIX4[name]}.0.0/16`, `${PREFIX6[name]}::/16`];
    red['share'] = { export: { blue: prefixes('red') }, import: { blue: prefixes('blue') } };
    blue['share'] = { export: { red: prefixes('blue') }, import: { red: prefixes('red') } };
  }
  const tenants = { red, ...(blue === null ? {} : { blue }) };
  const uplink = Object.fromEntries(
    Object.keys(tenants).map((name, k) => [
      name,
      { vlan: 100 + k, port: random.pick([{ vlan: 10 }, { trunk: VLANS }]) },
    ]),
  );
  return JSON.stringify({
    version: 1,
    tenants,
    ...(random.below(3) === 0 ? { uplinks: { up: { memory: true, tenants: uplink } } } : {}),
  });
}

function some<Item>(items: readonly Item[], random: Random): Item[] {
  return items.filter(() => random.below(2) === 0);
}

function tenant(name: string, random: Random): Tree {
  const [ten, six] = [PREFIX4[name], PREFIX6[name]];
  const ports = Object.fromEntries(NAMES.slice(0, 3 + random.below(6)).map((one) => [one, port(ten, random)]));
  const vlans = some(VLANS, random);
  const routed = vlans.length > 0 && random.below(4) > 0;
  const stations = vlans.flatMap((vlan) => [2, 3, 7].map((host) => ({ vlan, host })));
  const interfaces = vlans.map((vlan) => [
    `v${vlan}`,
    {
      vlan,
      addresses: [`${ten}.${vlan}.1/24`, ...(SIX.includes(vlan) ? [`${six}:${vlan}::1/64`] : [])],
      ra: false,
      ...(random.below(4) === 0 ? { mtu: SIX.includes(vlan) ? 1280 : 600 } : {}),
    },
  ]);
  const via = (vlan: number, host: number) => `${ten}.${vlan}.${host}`;
  const routes = [
    { to: '192.0.2.0/24', blackhole: true },
    { to: '198.51.100.0/24', reject: true },
    { to: '203.0.113.0/24', via: stations.slice(0, 3).map(({ vlan, host }) => via(vlan, host)) },
    { to: '100.64.0.0/24', dev: `v${vlans[0]}` },
    { to: '0.0.0.0/0', via: via(vlans[0], 9) },
    { to: '2001:db8:2::/48', blackhole: true },
    { to: '2001:db8:3::/48', reject: true },
  ];
  const neighbors = some(stations, random).flatMap(({ vlan, host }) => [
    { address: via(vlan, host), mac: macOf(vlan, host), interface: `v${vlan}` },
    ...(SIX.includes(vlan)
      ? [{ address: `${six}:${vlan}::${host}`, mac: macOf(vlan, host), interface: `v${vlan}` }]
      : []),
  ]);
  const router = {
    mac: ROUTER_MAC,
    interfaces: Object.fromEntries(interfaces),
    routes: some(routes, random),
    neighbors,
  };
  return {
    bridge: { ports, ...(random.below(4) === 0 ? { forward_reserved: ['lldp', 'stp'] } : {}) },
    ...(routed ? { router } : {}),
    acls: acls(ten, six, Object.keys(ports), routed ? vlans : [], random),
    ...(random.below(5) === 0 ? { quota: { macs: 8, frames: 64 } } : {}),
  };
}

function port(ten: string, random: Random): Tree {
  const vlan = random.pick(VLANS);
  const trunk = [vlan, ...some(VLANS, random)].filter((one, k, all) => all.indexOf(one) === k);
  const how = random.pick([
    { vlan },
    { vlan },
    { vlan },
    { trunk },
    { trunk, native: trunk[0] },
    { trunk, native: trunk[0] },
    { tunnel: 40 },
  ]);
  const security = { macs: [macOf(vlan, 5), macOf(vlan, 6)], addresses: [`${ten}.${vlan}.5`, `${ten}.${vlan}.6`] };
  return {
    memory: true,
    ...how,
    ...(random.below(4) === 0 ? { mtu: random.pick([600, 1400, 9000]) } : {}),
    ...(random.below(8) === 0 ? { port_security: security } : {}),
    ...(random.below(8) === 0 ? { storm_control: 200 } : {}),
    ...(random.below(8) === 0 ? { pps: 2000, rate: '10M' } : {}),
  };
}

function acls(ten: string, six: string, ports: readonly string[], vlans: readonly number[], random: Random): Tree {
  const rules = [
    { deny: { proto: 'tcp', dport: [22, '6000-6010'] } },
    { reject: { proto: 'udp', dport: 53 } },
    { reject: { proto: 'tcp', dport: 23 } },
    { deny: { smac: macOf(10, 6) } },
    { deny: { ethertype: 0x88b6 } },
    { deny: { proto: 'tcp', flags: 'fin,syn' } },
    { reject: { from: `${ten}.20.0/24` } },
    { deny: { to: `${six}:30::/64` } },
    { deny: { proto: 'icmp', icmp_type: 13 } },
    { allow: { proto: 'udp' } },
    { deny: { vlan: 20 } },
  ];
  const targets = [
    ...ports.slice(0, 3),
    { vlan: 10 },
    { vlan: 30 },
    ...vlans.map((vlan) => ({ interface: `v${vlan}` })),
  ];
  const free = { ingress: [...targets], egress: [...targets] };
  const lists = Array.from({ length: random.below(4) }, (_, k) => {
    const way = random.pick(['ingress', 'egress'] as const);
    const target = free[way].splice(random.below(free[way].length), 1);
    const fallback = random.pick(['allow', 'allow', 'deny']);
    return [`acl${k}`, { rules: some(rules, random), default: fallback, [way]: target }];
  });
  return Object.fromEntries(lists);
}

/** Gives a tenant random rules, groups and meters; what the datapath refuses is left out. */
export function addRules(datapath: Datapath, name: string, random: Random): void {
  const ports = portNumbers(datapath);
  const attempt = (change: () => void) => {
    try {
      change();
    } catch {
      // Not all that is thrown together makes sense.
    }
  };
  if (random.below(3) === 0) attempt(() => datapath.flowMod(parseFlow('', 'delete'), 'cli'));
  for (const text of [
    'meter=1,pktps,burst,bands=type=drop,rate=5,burst_size=5',
    'meter=2,kbps,bands=type=drop,rate=1000',
  ])
    attempt(() => datapath.meterMod(parseMeter(text, 'add'), 'cli'));
  for (let group = 1; group <= 3; group++) {
    const type = random.pick(['all', 'select', 'indirect']);
    const buckets = Array.from(
      { length: type === 'indirect' ? 1 : 1 + random.below(3) },
      () => `bucket=${output(random)}`,
    );
    attempt(() =>
      datapath.groupMod(parseGroup(`group_id=${group},type=${type},${buckets.join(',')}`, 'add', { ports }), 'cli'),
    );
  }
  for (let k = 0; k < RULES; k++) {
    const table = random.pick([0, 0, 0, 1, 2]);
    const text = `table=${table},priority=${1 + random.below(9)},${matchOf(name, random)}actions=${actions(table, random)}`;
    attempt(() => datapath.flowMod(parseFlow(text, 'add', { ports }), 'cli'));
  }
}

function output(random: Random): string {
  return `output:${random.pick(NAMES)}`;
}

function matchOf(name: string, random: Random): string {
  const [ten, six] = [PREFIX4[name], PREFIX6[name]];
  const vlan = random.pick(VLANS);
  const places = [
    `in_port=${random.pick(NAMES)}`,
    `dl_vlan=${vlan}`,
    `dl_src=${macOf(vlan, 2 + random.below(8))}`,
    `dl_dst=${ROUTER_MAC}`,
  ];
  const packets = [
    'ip',
    'ipv6',
    'arp',
    `ip,nw_dst=${ten}.${vlan}.0/24`,
    `ip,nw_src=${ten}.${vlan}.${2 + random.below(8)}`,
    'tcp,tp_dst=80',
    'udp,tp_dst=53',
    'tcp6',
    'icmp',
    `ipv6,ipv6_dst=${six}:30::/64`,
    'dl_type=0x88b5',
  ];
  const parts = [
    ...(random.below(2) === 0 ? [random.pick(places)] : []),
    ...(random.below(3) > 0 ? [random.pick(packets)] : []),
  ];
  return parts.map((part) => `${part},`).join('');
}

function actions(table: number, random: Random): string {
  const choices = [
    'NORMAL',
    'NORMAL',
    output(random),
    output(random),
    'FLOOD',
    'ALL',
    'IN_PORT',
    'CONTROLLER:128',
    'dec_ttl',
    `set_field:${macOf(10, 2)}->eth_dst`,
    `set_field:${macOf(20, 3)}->eth_src`,
    'push_vlan:0x8100,set_field:4116->vlan_vid',
    'pop_vlan',
    'set_field:10.0.20.2->ip_dst',
    'set_field:99->tcp_dst',
    `group:${1 + random.below(3)}`,
  ];
  if (random.below(8) === 0) return 'drop';
  const list = Array.from({ length: 1 + random.below(3) }, () => random.pick(choices));
  if (random.below(8) === 0) list.unshift(`meter:${1 + random.below(2)}`);
  if (random.below(6) === 0) list.push(`write_actions(${random.pick([output(random), 'NORMAL', 'group:1'])})`);
  if (table < 2 && random.below(3) === 0) list.push(`goto_table:${table + 1}`);
  return list.join(',');
}
