import { Offload } from '../../src/port/port.ts';

/**
 * The network of the fuzz test: every kind of port, policy and route, and tenants that only what they send tells apart. Red and
 * green have the same addresses, MACs and VLANs; red and blue share prefixes; green has tiny quotas; grey is a bridge alone.
 */

const { Checksum, Tso4, Tso6, Uso, Ecn } = Offload;

export const ROUTER_MAC = '02:54:00:00:00:01';
/** A station of a VLAN: the same MAC in every tenant. */
export const macOf = (vlan: number, host: number) => `02:00:00:00:${hex(vlan)}:${hex(host)}`;
const hex = (value: number) => value.toString(16).padStart(2, '0');

/** Offloads by name of port, in every tenant alike. */
export const OFFLOADS: Readonly<Record<string, number>> = {
  c: Checksum | Tso4 | Tso6 | Uso | Ecn,
  t: Checksum | Tso4,
  q: Checksum | Tso6 | Uso,
  lan: Checksum,
};

const NET = (ten: string, six: string) => `
    bridge:
      mac_age: 30s
      static_macs:
        - {mac: '${macOf(10, 7)}', vlan: 10, port: a}
        - {mac: '${macOf(20, 2)}', vlan: 20, port: b}
        - {mac: '${macOf(20, 3)}', vlan: 20, port: t}
        - {mac: '${macOf(30, 2)}', vlan: 30, port: q}
      ports:
        a: {memory: true, vlan: 10, mtu: 9000}
        b: {memory: true, vlan: 20}
        c: {memory: true, vlan: 10}
        t: {memory: true, trunk: [10, 20, 30, 40], native: 30}
        q: {memory: true, trunk: [20, 30, 40], mtu: 1700}
        sec: {memory: true, vlan: 10, port_security: {macs: ['${macOf(10, 5)}'], addresses: [${ten}.10.5, '${six}:10::5']}}
        slow: {memory: true, vlan: 20, storm_control: 300, pps: 8000, rate: 50M}
        tun: {memory: true, tunnel: 40, mtu: 1600}
        tun2: {memory: true, tunnel: 40}
    router:
      mac: '${ROUTER_MAC}'
      interfaces:
        web: {vlan: 10, addresses: [${ten}.10.1/24, '${six}:10::1/64'], ra: {interval: 4s}}
        db: {vlan: 20, addresses: [${ten}.20.1/24], mtu: 600}
        six: {vlan: 30, addresses: [${ten}.30.1/24, '${six}:30::1/64'], mtu: 1280}
        core: {vlan: 40, addresses: [${ten}.40.1/24], mtu: 1400}
      routes:
        - {to: 203.0.113.0/24, via: [${ten}.20.2, ${ten}.20.3, {via: ${ten}.30.2, weight: 2}]}
        - {to: 192.0.2.0/24, blackhole: true}
        - {to: 198.51.100.0/24, reject: true}
        - {to: 100.64.0.0/24, dev: core}
        - {to: '2001:db8:1::/48', via: ['${six}:30::2', '${six}:10::7']}
        - {to: '2001:db8:2::/48', blackhole: true}
        - {to: '2001:db8:3::/48', reject: true}
      neighbors:
        - {address: ${ten}.20.2, mac: '${macOf(20, 2)}', interface: db}
        - {address: ${ten}.30.2, mac: '${macOf(30, 2)}', interface: six}
        - {address: '${six}:30::2', mac: '${macOf(30, 2)}', interface: six}
        - {address: ${ten}.10.7, mac: '${macOf(10, 7)}', interface: web}
        - {address: '${six}:10::7', mac: '${macOf(10, 7)}', interface: web}
    acls:
      ports-in:
        rules:
          - {deny: {proto: tcp, dport: [22, '6000-6010']}, log: true}
          - {reject: {proto: udp, dport: 53}, log: true}
          - {deny: {smac: '02:00:00:00:0a:06'}}
          - {deny: {ethertype: 0x88b6}}
          - {reject: {proto: icmpv6, icmp_type: 1}}
          - {allow: any}
        ingress: [a, q, {vlan: 40}]
      ports-out:
        rules:
          - {deny: {proto: tcp, flags: 'fin,syn'}}
          - {reject: {proto: tcp, dport: 23}, log: true}
          - {deny: {from: [${ten}.10.6, '${six}:10::6']}, log: true}
        default: allow
        egress: [c, t, slow, {vlan: 30}]
      routed-in:
        rules:
          - {reject: {proto: udp, to: ${ten}.20.0/24, dport: 123}, log: true}
          - {deny: {proto: icmp, icmp_type: 13}}
          - {allow: any}
        ingress: [{interface: web}, {interface: core}]
      routed-out:
        rules:
          - {reject: {from: ${ten}.10.9}}
          - {allow: {proto: tcp}}
          - {allow: {proto: udp}}
          - {allow: {proto: icmp}}
          - {allow: {proto: icmpv6}}
          - {allow: {proto: sctp}}
        egress: [{interface: six}, {interface: db}]
      tunnels:
        rules:
          - {deny: {proto: udp, dport: 161}, log: true}
          - {deny: {vlan: 41}}
        default: deny
        egress: [tun2]`;

export const CONFIG = `
version: 1
tenants:
  red:${NET('10.0', 'fd00')}
    quota: {pps: 50M, rate: 500G}
    share: {export: {blue: [10.0.20.0/24, 'fd00:30::/64']}, import: {blue: [10.9.0.0/16, 'fd09::/16']}}
  blue:${NET('10.9', 'fd09')}
    share: {export: {red: [10.9.0.0/16, 'fd09::/16']}, import: {red: [10.0.20.0/24, 'fd00:30::/64']}}
  green:${NET('10.0', 'fd00')}
    quota: {frames: 64, macs: 12, neighbors: 8, pps: 20k, rate: 300M}
  grey:
    bridge:
      forward_reserved: [lldp, lacp, stp]
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 10, mtu: 600}
        t: {memory: true, trunk: [10, 20]}
uplinks:
  lan:
    memory: true
    tenants:
      red: {vlan: 100, port: {trunk: [10, 20]}}
      blue: {vlan: 200, port: {vlan: 20}}
      green: {vlan: 300, port: {trunk: [10, 20], native: 10}}
      grey: {vlan: 400, port: {vlan: 10}}
  core:
    memory: true
    ethertype: 802.1ad
    mtu: 1600
    tenants:
      red: {vlan: 100, port: {vlan: 30}}
      green: {vlan: 101, port: {tunnel: 40}}
`;

/** Tenants by index from 1, as the configuration has them; and with whom each may exchange packets. */
export const TENANTS = ['red', 'blue', 'green', 'grey'] as const;
export const SHARES: Readonly<Record<string, readonly string[]>> = {
  red: ['red', 'blue'],
  blue: ['red', 'blue'],
  green: ['green'],
  grey: ['grey'],
};
export const PREFIX4: Readonly<Record<string, string>> = { red: '10.0', blue: '10.9', green: '10.0', grey: '10.0' };
export const PREFIX6: Readonly<Record<string, string>> = { red: 'fd00', blue: 'fd09', green: 'fd00', grey: 'fd00' };

/**
 * What payloads are filled with, so that a byte in the wrong place tells whose it is: a byte for what a tenant sends as it should be,
 * another for what is broken, one for memory that no frame is in, one for the gaps between slots.
 */
export const cleanMark = (tenant: number) => 0xa0 | tenant;
export const dirtyMark = (tenant: number) => 0xb0 | tenant;
export const FREE_MARK = 0xaf;
export const GAP_MARK = 0xae;
