import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDiagnostics } from '../../src/control/config/diagnostics.ts';
import { parseConfig } from '../../src/control/config/load.ts';
import type { ErrorCode } from '../../src/errors.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** A valid file; in the tests below one line takes the place of the empty one that begins with its key. */
const base = `version: 1
tenants:
  red:
    bridge:
      #bridge
      ports:
        web1: {tap: red-web1, vlan: 10, netns: w1, mac: '02:00:00:00:0a:01', address: 10.0.10.11/24, gateway: 10.0.10.1}
        db1: {memory: true, vlan: 20}
        up: {memory: true, trunk: [10, 20], native: 1}
        #port
    router:
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:10::1/64']}
        db: {vlan: 20, addresses: [10.0.20.1/24]}
        #interface
      routes:
        - {to: 203.0.113.0/24, via: 10.0.20.9}
        #route
      neighbors:
        - {address: 10.0.20.9, mac: '02:00:00:00:00:99', interface: db}
        #neighbor
    acls:
      web-in:
        rules:
          - {allow: any}
          #rule
        ingress: [web1]
      #acl
    share: {export: {blue: [10.0.20.0/24]}, import: {blue: [10.9.0.0/16]}}
    #red
  blue:
    bridge: {ports: {app: {tap: blue-app}}}
    router: {interfaces: {app: {vlan: 1, addresses: [10.9.0.1/24]}}}
    share: {export: {red: [10.9.0.0/16]}, import: {red: [10.0.20.0/24]}}
  #tenant
uplinks:
  lan: {netdev: eth1, tenants: {red: {vlan: 100}}}
  #uplink
#top
`;

type Case = readonly [slot: string, line: string, code: ErrorCode, message: string];

const refused: readonly Case[] = [
  ['port', 'a: {}', 'config-missing-key', "'a' has no device"],
  ['port', 'a: {tap: t, memory: true}', 'config-conflict', 'tap and memory exclude'],
  ['port', 'a: {tap: red-web1, netns: w1}', 'config-taken', "'red-web1' is used twice"],
  ['port', 'a: {netdev: blue-app}', 'config-taken', "device 'blue-app' is used twice"],
  ['port', 'a: {cap: eth1}', 'config-taken', "device 'eth1' is used twice"],
  ['port', 'a: {netdev: eth1}', 'config-taken', "device 'eth1' is used twice"],
  ['port', 'a: {tap: sixteen-bytes-xx}', 'config-value', 'has 16 bytes'],
  ['port', "a: {tap: 'a/b'}", 'config-value', 'cannot be the name of a network device'],
  ['port', 'a: {tap: tap%d}', 'config-value', 'cannot be the name of a network device'],
  ['port', 'a: {memory: true, netns: x}', 'config-conflict', 'netns goes with tap'],
  ['port', 'a: {memory: true, offloads: false}', 'config-conflict', 'offloads goes with tap'],
  ['port', 'a: {memory: true, force: true}', 'config-conflict', 'force goes with netdev'],
  ['port', 'a: {memory: true, vlan: 0}', 'config-range', '0 is out of range'],
  ['port', 'a: {memory: true, vlan: 4095}', 'config-range', '4095 is out of range'],
  ['port', "a: {memory: true, vlan: '10'}", 'config-type', 'expected a whole number'],
  ['port', 'a: {memory: true, vlan: 10, trunk: [20]}', 'config-conflict', 'vlan and trunk exclude'],
  ['port', 'a: {memory: true, tunnel: 10, trunk: [20]}', 'config-conflict', 'trunk and tunnel exclude'],
  ['port', 'a: {memory: true, native: 10}', 'config-conflict', 'native goes with trunk'],
  ['port', "a: {memory: true, trunk: ['20-10']}", 'config-value', 'runs backwards'],
  ['port', "a: {memory: true, mac: '03:00:00:00:00:01'}", 'config-value', 'is a group address'],
  [
    'port',
    "a: {memory: true, vlan: 10, mac: '02:00:00:00:0A:01'}",
    'config-taken',
    "already that of port 'web1' in VLAN 10",
  ],
  ['port', "a: {memory: true, trunk: all, mac: '02-00-00-00-0a-01'}", 'config-taken', "already that of port 'web1'"],
  ['port', 'a: {tap: t, netns: t, vlan: 10, address: 10.0.10.1/24}', 'config-taken', 'that of the router in VLAN 10'],
  ['port', 'a: {tap: t, address: 10.0.0.0/24}', 'config-value', 'is the network address'],
  ['port', 'a: {tap: t, address: 10.0.0.255/24}', 'config-value', 'is the broadcast address'],
  ['port', 'a: {tap: t, address: 224.0.0.5/24}', 'config-value', 'is a multicast address'],
  [
    'port',
    'a: {tap: t, netns: t, address: 10.0.0.2/24, gateway: 10.0.1.1}',
    'config-unreachable',
    'is in no subnet of the port',
  ],
  [
    'port',
    'a: {tap: t, netns: t, address: 10.0.0.2/24, gateway: 10.0.0.2}',
    'config-unreachable',
    "host's own address",
  ],
  ['port', 'a: {tap: t, address: 10.0.0.2/24, gateway: 10.0.0.1}', 'config-conflict', 'route the machine itself'],
  ['port', 'a: {memory: true, port_security: true}', 'config-conflict', 'has no mac'],
  ['port', 'a: {memory: true, mtu: 67}', 'config-range', '67 is out of range'],
  ['port', 'a: {memory: true, rate: 1X}', 'config-value', 'expected a number'],
  ['port', 'a: {pcap: {}}', 'config-missing-key', 'neither read nor write'],
  ['port', 'a: {pcap: {read: a.pcap, write: ./a.pcap}}', 'config-conflict', 'overwrite what is read'],
  ['port', 'a: {qemu: {}}', 'config-missing-key', 'neither listen nor connect'],
  ['port', 'a: {qemu: {listen: a, connect: b}}', 'config-conflict', 'listen and connect exclude'],
  ['port', `a: {qemu: {listen: /run/${'x'.repeat(103)}}}`, 'config-range', 'at most 107'],
  ['port', 'a: {qemu: {listen: x, server: true}}', 'config-unknown-key', "unknown key 'server'"],
  ['port', 'a: {memory: true, impair: {loss: 1}}', 'config-value', 'expected a percentage'],
  ['port', 'a: {memory: true, impair: {loss: 101%}}', 'config-range', '101% is out of range'],
  ['port', 'a: {memory: true, impair: {delay: 10}}', 'config-value', 'expected a duration'],
  ['port', 'a: {memory: true, impair: {delay: 61s}}', 'config-range', '61s is out of range'],
  ['port', 'a: {memory: true, impair: {delay: 1ms, jitter: 2ms}}', 'config-range', 'more than the delay'],
  ['port', 'a: {memory: true, impair: {reorder: 1%}}', 'config-conflict', 'reorder goes with delay'],
  ['port', 'a: {memory: true, mtu: 65521, impair: {queue: 20000}}', 'config-range', 'more than 1 GiB'],
  ['port', 'a: {memory: true, impair: {latency: 1ms}}', 'config-unknown-key', "unknown key 'latency'"],
  ['port', 'lan: {memory: true}', 'config-taken', "already has a port 'lan'"],
  ['port', 'a-very-long-name: {memory: true}', 'config-value', 'has 16 characters'],
  ['bridge', 'mac_age: 5', 'config-range', '5s is out of range'],
  ['bridge', 'forward_reserved: [ldp]', 'config-value', 'expected one of lldp'],
  [
    'bridge',
    "static_macs: [{mac: '02:00:00:00:00:01', vlan: 20, port: web1}]",
    'config-conflict',
    'does not carry VLAN 20',
  ],
  ['bridge', "static_macs: [{mac: '02:00:00:00:00:01', port: web2}]", 'config-reference', "has no port 'web2'"],
  ['bridge', "static_macs: [{mac: '02:00:00:00:0a:01', vlan: 10, port: up}]", 'config-taken', "that of port 'web1'"],
  ['interface', 'x: {vlan: 10, addresses: [10.0.30.1/24]}', 'config-taken', 'VLAN 10 already has an interface'],
  ['interface', 'x: {vlan: 30, addresses: [10.0.0.1/16]}', 'config-taken', 'overlaps 10.0.10.1/24'],
  ['interface', 'x: {vlan: 30, addresses: [10.0.30.1]}', 'config-value', 'lacks its prefix length'],
  ['interface', "x: {vlan: 30, addresses: ['fd00:30::/64']}", 'config-value', 'subnet-router anycast'],
  [
    'interface',
    'x: {vlan: 30, addresses: [10.0.30.1/24], ra: true}',
    'config-conflict',
    'no IPv6 address to advertise',
  ],
  ['interface', "x: {vlan: 30, addresses: ['fd00:30::1/64'], mtu: 1279}", 'config-range', 'IPv6 needs an mtu of 1280'],
  [
    'interface',
    "x: {vlan: 30, addresses: ['fd00:30::1/64'], ra: {lifetime: 60s}}",
    'config-conflict',
    'before the next advert',
  ],
  ['route', '- {to: 203.0.113.0/24, reject: true}', 'config-taken', 'a second route to 203.0.113.0/24'],
  ['route', '- {to: 192.0.2.1/24, via: 10.0.20.9}', 'config-value', 'has bits set beyond its length'],
  ['route', '- {to: 192.0.2.0/24, via: 10.0.30.9}', 'config-unreachable', 'is on no connected subnet'],
  ['route', '- {to: 192.0.2.0/24, via: 10.0.20.1}', 'config-unreachable', "router's own address"],
  ['route', "- {to: 192.0.2.0/24, via: 'fd00:10::9'}", 'config-conflict', 'an IPv6 next hop for an IPv4 prefix'],
  ['route', "- {to: 'fd00:99::/64', via: 'fe80::1'}", 'config-unreachable', 'on which link?'],
  ['route', '- {to: 192.0.2.0/24}', 'config-missing-key', 'leads nowhere'],
  ['route', '- {to: 192.0.2.0/24, via: 10.0.20.9, reject: true}', 'config-conflict', 'via and reject exclude'],
  ['route', '- {to: 192.0.2.0/24, dev: db, blackhole: true}', 'config-conflict', 'blackhole and dev exclude'],
  ['route', '- {to: 192.0.2.0/24, dev: dbx}', 'config-reference', "has no interface 'dbx'"],
  ['route', '- {to: 192.0.2.0/24, via: [10.0.20.9, 10.0.20.9]}', 'config-taken', 'given twice'],
  ['route', '- {to: 192.0.2.0/24, via: [{via: 10.0.20.9, weight: 0}]}', 'config-range', '0 is out of range'],
  ['route', '- {to: 10.0.20.0/24, via: 10.0.10.9}', 'config-conflict', "is connected to interface 'db'"],
  ['route', '- {to: 224.0.0.0/4, via: 10.0.10.9}', 'config-value', 'multicast is not routed'],
  ['route', '- {to: 10.9.3.0/24, via: 10.0.20.9}', 'config-share', 'overlaps the route to 10.9.3.0/24'],
  [
    'neighbor',
    "- {address: 10.0.21.9, mac: '02:00:00:00:00:98', interface: db}",
    'config-unreachable',
    'is in no subnet',
  ],
  ['neighbor', "- {address: 10.0.20.9, mac: '02:00:00:00:00:98', interface: db}", 'config-taken', 'given twice'],
  ['neighbor', "- {address: 10.0.20.1, mac: '02:00:00:00:00:98', interface: db}", 'config-taken', "router's own"],
  ['rule', '- {allow: any, deny: any}', 'config-conflict', 'allow and deny exclude'],
  ['rule', '- {log: true}', 'config-missing-key', 'the rule has no action'],
  ['rule', '- {deny: {dport: 22}}', 'config-conflict', 'dport needs a protocol with ports'],
  ['rule', '- {deny: {proto: tcp, dport: 65536}}', 'config-range', '65536 is out of range'],
  ['rule', "- {deny: {proto: tcp, dport: '20-10'}}", 'config-value', 'runs backwards'],
  ['rule', '- {deny: {proto: tpc}}', 'config-value', "'tpc' is no protocol"],
  ['rule', '- {deny: {proto: udp, flags: syn}}', 'config-conflict', 'flags are those of TCP'],
  ['rule', "- {deny: {proto: tcp, flags: 'syn,!syn'}}", 'config-value', 'named twice'],
  ['rule', '- {deny: {proto: icmp, icmp_type: mld-query}}', 'config-conflict', "icmp has no type 'mld-query'"],
  ['rule', '- {deny: {icmp_type: 8}}', 'config-conflict', 'icmp_type needs ICMP'],
  ['rule', '- {deny: {proto: icmp, icmp_code: 1}}', 'config-conflict', 'means nothing without its type'],
  ['rule', "- {deny: {from: 10.0.0.0/8, to: 'fd00::/8'}}", 'config-conflict', 'nothing matches both'],
  ['rule', "- {deny: {proto: icmp, to: 'fd00::/8'}}", 'config-conflict', 'nothing matches both'],
  ['rule', '- {deny: {ethertype: arp, to: 10.0.0.0/8}}', 'config-conflict', 'to goes with IP'],
  ['rule', "- {deny: {smac: '02:00:00:00:00:01/ff:00:00:00:00:00'}}", 'config-value', 'bits outside its mask'],
  ['rule', '- {deny: {vlans: 10}}', 'config-unknown-key', "unknown key 'vlans'"],
  ['acl', 'x: {ingress: [web2]}', 'config-reference', "has no port 'web2'"],
  ['acl', 'x: {ingress: [{interface: wbe}]}', 'config-reference', "has no interface 'wbe'"],
  ['acl', 'x: {egress: [{vlan: 10, interface: web}]}', 'config-conflict', 'either a VLAN or an interface'],
  ['acl', 'x: {ingress: [web1]}', 'config-taken', "port 'web1' already has an ACL for ingress"],
  ['red', 'quota: {frames: 63}', 'config-range', '63 is out of range'],
  ['red', 'quota: {routes: 3}', 'config-quota', 'has 4 routes'],
  ['red', 'quota: {weight: 101}', 'config-range', '101 is out of range'],
  ['tenant', '9x: {}', 'config-value', 'cannot be the name of a tenant'],
  [
    'tenant',
    'x: {router: {}, share: {import: {red: [10.0.10.0/24]}}}',
    'config-share',
    "'red' does not export 10.0.10.0/24 to 'x'",
  ],
  ['tenant', 'x: {router: {}, share: {import: {red: [10.0.10.0/24]}}}', 'config-share', 'have no way back'],
  ['tenant', 'x: {share: {export: {red: [10.0.10.0/24]}}}', 'config-share', "'x' has no router"],
  ['tenant', 'x: {share: {export: {rde: [10.0.10.0/24]}}}', 'config-reference', "there is no tenant 'rde'"],
  ['tenant', 'x: {share: {export: {x: [10.0.10.0/24]}}}', 'config-share', 'shares with others'],
  [
    'uplink',
    'wan: {netdev: eth2, tenants: {red: {vlan: 7}, blue: {vlan: 7}}}',
    'config-taken',
    "already another tenant's",
  ],
  ['uplink', 'wan: {netdev: eth2, tenants: {rde: {vlan: 7}}}', 'config-reference', "there is no tenant 'rde'"],
  ['uplink', 'wan: {netdev: eth2, tenants: {red: {vlan: 7, as: web1}}}', 'config-taken', "already has a port 'web1'"],
  [
    'uplink',
    'wan: {netdev: eth2, tenants: {red: {vlan: 7, port: {mtu: 9000}}}}',
    'config-conflict',
    "larger than the uplink's 1500",
  ],
  ['uplink', 'wan: {netdev: eth2, tenants: {red: {as: x}}}', 'config-missing-key', "'vlan' is missing"],
  ['top', 'workers: 0', 'config-range', '0 is out of range'],
  ['top', 'wrokers: 1', 'config-unknown-key', "unknown key 'wrokers'"],
  ['top', 'version: 1', 'config-duplicate-key', 'already in the map'],
  ['top', '__proto__: 1', 'config-unknown-key', "'__proto__' cannot be a key"],
  ['top', 'x: [', 'config-syntax', ''],
  ['top', '---\na: 1', 'config-syntax', 'multiple documents'],
];

const accepted: readonly (readonly [slot: string, line: string])[] = [
  ['port', 'a: {tap: red-web1}'],
  ['port', 'a: {tap: t, netns: w1, vlan: 20, mac: "02:00:00:00:0a:01"}'],
  ['port', 'a: {tap: t, netns: t, address: 10.0.0.0/31, gateway: 10.0.0.1}'],
  ['port', "a: {tap: t, addresses: [10.0.0.2/24, 'fd00::2/64'], gateway: [10.0.0.1, 'fd00::1'], force: true}"],
  ['port', 'a: {pcap: {read: in.pcap, write: out.pcap, pace: speed, loop: true}}'],
  ['port', 'a: {qemu: {listen: /run/vm1.sock}, vlan: 20}'],
  ['port', 'a: {qemu: {connect: vm1.sock}}'],
  ['port', 'a: {cap: eth7, trunk: all}'],
  [
    'port',
    'a: {tap: t, impair: {delay: 10ms, jitter: 2.5ms, loss: 0.1%, duplicate: 1%, reorder: 5%, rate: 10M, queue: 50, seed: 0}}',
  ],
  ['port', 'a: {memory: true, impair: {}}'],
  ['port', "a: {memory: true, trunk: [5, '100-199'], pps: 10k, rate: 1.5M, storm_control: 'off'}"],
  ['port', 'a: {memory: true, tunnel: 20, mtu: 9000}'],
  ['bridge', "static_macs: [{mac: '02:00:00:00:0a:01', vlan: 10, port: web1}]"],
  ['bridge', "static_macs: [{mac: '02:00:00:00:00:01', port: lan}]"],
  ['bridge', 'mac_age: 1h'],
  ['bridge', 'forward_reserved: [lldp, stp]'],
  ['interface', "x: {vlan: 30, addresses: [10.0.30.1/24, 10.0.30.2/24, 'fe80::1/64'], ra: {managed: true}}"],
  ['route', '- {to: 0.0.0.0/0, via: [{via: 10.0.20.9, weight: 3}, 10.0.20.8]}'],
  ['route', "- {to: '::/0', via: 'fe80::1', dev: web}"],
  ['route', '- {to: 198.51.100.7, via: 172.16.0.1, dev: db}'],
  ['rule', "- {deny: {from: [10.0.0.0/8, 'fd00::/8'], proto: tcp, dport: [22, '1000-2000'], flags: 'syn,!ack'}}"],
  ['rule', '- {reject: {proto: icmpv6, icmp_type: echo-request, icmp_code: 0}, log: true}'],
  ['rule', '- {deny: {ethertype: 0x88cc, vlan: 10}}'],
  ['acl', 'x: {default: allow, ingress: [db1, {vlan: 10}, {interface: web}], egress: [web1, lan]}'],
  ['red', 'quota: {frames: 4k, weight: 100}'],
  ['uplink', 'wan: {memory: true, ethertype: 802.1ad, tenants: {red: {vlan: 7, as: x, port: {vlan: 10}}}}'],
];

const put = (slot: string, line: string): string => base.replace(`#${slot}\n`, `${line}\n`);

describe('the checks of a configuration', () => {
  it('accept the base of these tests', () => {
    expect(parseConfig(base, 'f.yaml').diagnostics).toBeUndefined();
  });

  it.each(refused)('refuse, at %s, %s', (slot, line, code, message) => {
    const { diagnostics } = parseConfig(put(slot, line), 'f.yaml');
    const found = diagnostics?.find((each) => each.code === code && each.message.includes(message));
    expect(found, formatDiagnostics(diagnostics ?? [])).toBeDefined();
    expect(found!.cure).not.toBe('');
    // One mistake makes one error, or two where it is wrong in two ways.
    expect(diagnostics!.length, formatDiagnostics(diagnostics ?? [])).toBeLessThanOrEqual(2);
  });

  it.each(accepted)('accept, at %s, %s', (slot, line) => {
    expect(formatDiagnostics(parseConfig(put(slot, line), 'f.yaml').diagnostics ?? [])).toBe('');
  });

  it('refuse a merge of what is no map', () => {
    const { diagnostics } = parseConfig('version: 1\ntenants:\n  a: {<<: null, bridge: {ports: {}}}\n', 'f.yaml');
    expect(diagnostics!.map(({ code }) => code)).toEqual(['config-syntax']);
  });

  it('name the right prefix where host bits are set', () => {
    const [found] = parseConfig(put('route', '- {to: 192.0.2.77/26, via: 10.0.20.9}'), 'f.yaml').diagnostics!;
    expect(found!.cure).toBe('write 192.0.2.64/26');
  });

  it('name both places of what is used twice', () => {
    const [found] = parseConfig(put('port', 'a: {tap: red-web1, netns: w1}'), 'f.yaml').diagnostics!;
    expect([found!.place.line, found!.related!.place.line]).toEqual([10, 7]);
  });

  it('find all errors at once, whether of spelling, shape or meaning, and none that follow from others', () => {
    let text = put('route', '- {to: 1.2.3.4/8, via: 10.0.20.9}\n        - {to: 192.0.2.0/24, via: 10.0.99.1}');
    text = text.replace('- {allow: any}', '- {alow: any}\n          - {deny: {dport: 1}}');
    text = text.replace('web1: {tap', 'web1: {tpa').replace('#top', 'workers: many');
    const { diagnostics } = parseConfig(text, 'f.yaml');
    expect(diagnostics!.map(({ code, place }) => [place.line, code])).toEqual([
      [7, 'config-unknown-key'],
      [18, 'config-value'],
      [19, 'config-unreachable'],
      [26, 'config-unknown-key'],
      [27, 'config-conflict'],
      [41, 'config-type'],
    ]);
  });

  it(`never throw, whatever the text (TAPYARD_SEED=${seed})`, () => {
    const example = readFileSync(resolve(import.meta.dirname, '../../examples/two-tenants.yaml'), 'utf8');
    const words = [
      'null',
      '[]',
      '{}',
      '-1',
      '1e400',
      "'x'",
      '*a',
      '&a ',
      '<<: ',
      '!!set ',
      ': ',
      '\n',
      '  ',
      '10.0.0.0/8',
      '"',
      '[',
      '}',
    ];
    const edit = fc.tuple(fc.nat(example.length), fc.nat(30), fc.constantFrom(...words));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let text = example;
        for (const [at, cut, word] of edits) text = text.slice(0, at) + word + text.slice(at + cut);
        const { model, diagnostics } = parseConfig(text, 'f.yaml');
        expect(model === undefined).toBe((diagnostics?.length ?? 0) > 0);
        const lines = text.split('\n').length;
        for (const { place } of diagnostics ?? [])
          expect(place.line >= 1 && place.line <= lines && place.column >= 1).toBe(true);
        formatDiagnostics(diagnostics ?? []);
      }),
      { seed, numRuns: 300 },
    );
  });

  it('refuse files that contain themselves or multiply', () => {
    const [self] = parseConfig('version: 1\ntenants: &t {a: *t}', 'f.yaml').diagnostics!;
    expect(self!.code).toBe('config-syntax');
    const bomb = Array.from({ length: 12 }, (_, i) => `x${i + 1}: &x${i + 1} [${Array(9).fill(`*x${i}`).join(', ')}]`);
    const [many] = parseConfig(`x0: &x0 [1]\n${bomb.join('\n')}`, 'f.yaml').diagnostics!;
    expect(many!.code).toBe('config-syntax');
  });
});
