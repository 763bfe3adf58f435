import { describe, expect, it } from 'vitest';
import { planOf } from '../../src/control/running/plan.ts';
import { modelOf } from '../support/test-switch.ts';

interface Parts {
  readonly bridge?: string;
  readonly ports?: string;
  readonly tenant?: string;
  readonly router?: string;
  readonly more?: string;
}

const lab = ({ bridge = '', ports = '', tenant = '', router = '', more = '' }: Parts = {}) => `
version: 1
tenants:
  red:
    bridge:
      ${bridge}
      ports:
        a: {memory: true, vlan: 10}
        ${ports}
    router:
      mac: '02:54:00:00:00:01'
      interfaces: {web: {vlan: 10, addresses: [10.0.10.1/24]}}
      ${router}
    ${tenant}
${more}
`;

/** Lines that make the second of two configurations out of the first. */
const lines = (from: string, to: string) =>
  planOf(modelOf(from), modelOf(to)).map(({ sign, text }) => `${sign} ${text}`);

describe('a plan', () => {
  it('is empty for the same configuration', () => {
    expect(lines(lab(), lab())).toEqual([]);
  });

  it.each([
    ['a port', { ports: 'b: {memory: true, vlan: 20}' }, /^\+ port red\/b: .*vlan mode access vlan 20/],
    [
      'a static MAC',
      { bridge: "static_macs: [{mac: '02:00:00:00:00:05', vlan: 10, port: a}]" },
      /^\+ mac red\/02:00:00:00:00:05 vlan 10: port a$/,
    ],
    [
      'a route',
      { router: 'routes: [{to: 10.9.0.0/16, via: 10.0.10.9}]' },
      /^\+ route red\/10\.9\.0\.0\/16: action forward, via 10\.0\.10\.9 dev web$/,
    ],
    [
      'a neighbour',
      { router: "neighbors: [{address: 10.0.10.5, mac: '02:00:00:00:00:05', interface: web}]" },
      /^\+ neighbor red\/10\.0\.10\.5 dev web: mac 02:00:00:00:00:05$/,
    ],
    ['an ACL', { tenant: 'acls: {x: {ingress: [a]}}' }, /^\+ acl red\/x: fallback deny, ingress kind port port a$/],
    ['a tenant', { more: '  blue: {bridge: {ports: {z: {memory: true}}}}' }, /^\+ tenant blue$/],
    ['a rule', { tenant: 'acls: {x: {rules: [{deny: {proto: tcp, dport: 22}}]}}' }, /^\+ acl red\/x/],
    [
      'a share',
      { more: 'uplinks: {up: {memory: true, tenants: {red: {vlan: 100, port: {vlan: 10}}}}}' },
      /^\+ uplink up: /,
    ],
  ])('names %s that comes, and that goes', (_, parts, line) => {
    expect(lines(lab(), lab(parts))[0]).toMatch(line);
    const back = lines(lab(parts), lab());
    expect(back.length).toBeGreaterThan(0);
    expect(back.every((one) => /^[-~] /.test(one))).toBe(true);
  });

  it.each([
    ['bridge', { bridge: 'mac_age: 600s' }, '~ bridge red: mac_age_seconds 300 → 600'],
    ['quota', { tenant: 'quota: {pps: 1000}' }, '~ quota red: pps none → 1000'],
    ['router', { router: 'icmp_rate: 5' }, '~ router red: icmp_rate 1000 → 5'],
  ])('says what of a %s becomes another', (_, parts, line) => {
    expect(lines(lab(), lab(parts))).toEqual([line]);
  });

  it('says what of a port becomes another, and of an interface', () => {
    expect(
      lines(lab({ ports: 'b: {memory: true, vlan: 20}' }), lab({ ports: 'b: {memory: true, trunk: ["100-199", 7]}' })),
    ).toEqual(['~ port red/b: vlan mode access vlan 20 → mode trunk allowed 7, 100-199 native none']);
    expect(lines(lab(), lab().replace('10.0.10.1/24', '10.0.10.1/25'))).toEqual([
      '~ interface red/web: addresses 10.0.10.1/24 → 10.0.10.1/25',
    ]);
  });

  it('tells rules of a list by what they say, and their order', () => {
    const rules = (list: string) => lab({ tenant: `acls: {x: {rules: [${list}]}}` });
    const [ssh, http] = ['{deny: {proto: tcp, dport: 22}}', '{deny: {proto: tcp, dport: 80}}'];
    expect(lines(rules(ssh), rules(`${ssh}, ${http}`))).toEqual(['+ rule red/x: deny tcp dport 80']);
    expect(lines(rules(`${ssh}, ${http}`), rules(http))).toEqual(['- rule red/x: deny tcp dport 22']);
    expect(lines(rules(`${ssh}, ${http}`), rules(`${http}, ${ssh}`))).toEqual(['~ rules red/x: order old → new']);
  });
});
