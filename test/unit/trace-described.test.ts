import { beforeAll, describe, expect, it } from 'vitest';
import { describedFrame } from '../../src/control/trace/described.ts';
import { frame, neighborSolicitation } from '../../src/wire/build.ts';
import { describe as summary } from '../../src/wire/describe.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { TestSwitch } from '../support/test-switch.ts';
import { traced } from '../support/traced.ts';

const R = '02:54:00:00:00:01';
const [A, B] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b'];
const CONFIG = `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {tap: a, netns: a, vlan: 10, mac: '${A}', address: 10.0.10.5/24, gateway: 10.0.10.1}
        b: {memory: true, vlan: 20}
        t: {memory: true, trunk: [20, 30]}
    router:
      mac: '${R}'
      interfaces:
        a: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:a::1/64'], ra: false}
        b: {vlan: 20, addresses: [10.0.20.1/24], ra: false}
      neighbors: [{address: 10.0.20.5, mac: '${B}', interface: b}]
    acls:
      in: {rules: [{reject: {proto: tcp, dport: 22}}, {allow: any}], ingress: [a]}
`;
let net: TestSwitch;
beforeAll(async () => {
  net = await TestSwitch.of(CONFIG);
});
const described = (text: string, port?: string) => describedFrame(net.tenant('red'), text, port, 1000);
const brief = (text: string) => summary(described(text).frame);

describe('a frame that is described', () => {
  it('is what the station behind the port would send, and says what was guessed', () => {
    const made = described('in_port=a,tcp,nw_dst=10.0.20.5,tp_dst=22');
    expect(made.port).toBe('a');
    expect(made.frame).toEqual(
      frame({
        ethernet: { source: A, destination: R },
        ipv4: { source: '10.0.10.5', destination: '10.0.20.5' },
        tcp: { source: 49152, destination: 22, flags: Flag.Syn },
        payload: 32,
      }),
    );
    expect(made.assumed).toEqual([
      `dl_src=${A} (the station behind a)`,
      'nw_src=10.0.10.5 (the station behind a)',
      `dl_dst=${R} (the router)`,
      'tp_src=49152 (an example)',
    ]);
    const { steps, drops, outputs } = traced(net, 'red', 'a', made.frame);
    expect(steps).toContainEqual({ tenant: 'red', stage: 'acl-in', text: 'list in, rule 1: reject tcp dport 22' });
    expect(drops).toEqual(['acl-in']);
    expect(outputs).toEqual([]);
  });

  it('may be of any protocol that a frame is built of', () => {
    expect(brief('in_port=b,arp')).toBe('02:00:00:00:00:02 > ff:ff:ff:ff:ff:ff, arp who-has 10.0.20.1 tell 10.0.20.3');
    expect(brief(`in_port=b,arp,arp_op=2,arp_spa=10.0.20.9,arp_sha=${B},arp_tpa=10.0.20.1`)).toContain(
      `${R}, arp 10.0.20.9 is-at ${B}`,
    );
    expect(brief('in_port=a,icmp,nw_dst=10.0.10.1')).toContain('10.0.10.5 > 10.0.10.1, icmp type 8 code 0');
    expect(brief('in_port=a,udp6,ipv6_dst=fd00:b::1,tp_dst=53')).toBe(
      `${A} > ${R}, fd00:a::3:49152 > fd00:b::1:53, udp`,
    );
    expect(brief('in_port=a,sctp,nw_dst=224.0.0.5,tp_dst=5')).toContain('> 01:00:5e:00:00:05,');
    expect(brief('in_port=b,ip,nw_proto=47,nw_dst=10.0.20.5')).toContain(`> ${B}, 10.0.20.3 > 10.0.20.5, protocol 47`);
    expect(brief('in_port=b,dl_dst=02:00:00:00:00:77,dl_type=0x88cc')).toBe(
      '02:00:00:00:00:02 > 02:00:00:00:00:77, 0x88cc',
    );
    const request = { sourceMac: B, source: 'fd00:a::7', target: 'fd00:a::1' };
    const text = `in_port=a,dl_src=${B},dl_dst=33:33:ff:00:00:01,icmp6,icmp_type=135,ipv6_src=fd00:a::7,ipv6_dst=ff02::1:ff00:1,nd_target=fd00:a::1`;
    expect(described(text).frame).toEqual(neighborSolicitation(request));
    expect(brief('in_port=a,icmp6')).toContain('icmp6 type 128 code 0');
  });

  it('is tagged as it is said, or as its port needs', () => {
    expect(brief('in_port=t,dl_vlan=30')).toContain('vlan 30');
    const guessed = described('in_port=t,ip,nw_dst=10.0.20.5');
    expect(summary(guessed.frame)).toBe(`02:00:00:00:00:02 > ${B}, vlan 20, 10.0.20.3 > 10.0.20.5, protocol 59`);
    expect(guessed.assumed).toContain('dl_vlan=20 (the port is a trunk)');
    expect(described('dl_vlan=0xffff', 't').frame).toHaveLength(46);
  });

  it('is refused where none can be made', () => {
    expect(() => described('tcp')).toThrow('The port is not said');
    expect(() => described('tcp', 'x')).toThrow('red has no port x');
    expect(() => described('in_port=a,mpls,mpls_label=7')).toThrow('No frame can be made of this description');
    expect(() => described('in_port=a,tcp,dl_vlan')).toThrow('The filter has an error');
    expect(() => described('in_port=9')).toThrow('There is no port 9');
  });
});
