import { frame } from '../../src/wire/build.ts';

export const R = '02:54:00:00:00:01';
export const [A, B] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b'];

/**
 * A tenant `red` with a router between `a` (and `c`) and `b`, and lists that let UDP to port 7 not in by `a` and UDP to port 8 not out
 * by `b`. @param more keys of port `a`
 */
export const filteredLab = (more = ''): string => `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, vlan: 10${more}}
        b: {memory: true, vlan: 20}
        c: {memory: true, vlan: 10}
    router:
      mac: '${R}'
      interfaces:
        a: {vlan: 10, addresses: [10.0.10.1/24], ra: false}
        b: {vlan: 20, addresses: [10.0.20.1/24], ra: false}
      neighbors: [{address: 10.0.20.2, mac: '${B}', interface: b}]
    acls:
      in: {rules: [{deny: {proto: udp, dport: 7}}, {allow: any}], ingress: [a]}
      out: {rules: [{deny: {proto: udp, dport: 8}}, {allow: any}], egress: [b]}
`;

/** From a host behind `a`, by way of the router. */
export const udp = (dport: number, payload = 30) =>
  frame({
    ethernet: { source: A, destination: R },
    ipv4: { source: '10.0.10.2', destination: '10.0.20.2' },
    udp: { source: 5, destination: dport },
    payload,
  });
