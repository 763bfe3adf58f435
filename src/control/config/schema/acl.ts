import * as z from 'zod';
import { portReference } from './bridge.ts';
import { flag, leaf, oneOrMore, word } from './leaf.ts';
import { name, prefixes, readMacMatch, readName, vlan } from './net.ts';
import { readEthertype, readFlags, readIcmpCode, readIcmpType, readPortRange, readProtocol } from './protocol.ts';
import { longestInterfaceName } from './router.ts';

const macMatch = (description: string) =>
  leaf(readMacMatch, { description, type: 'string', examples: ['02:00:00:00:00:00/ff:ff:ff:00:00:00'] });

const portRanges = (description: string) =>
  oneOrMore(readPortRange, { description, type: ['integer', 'string'], examples: [22, '1000-2000', [80, 443]] });

const fields = z
  .strictObject({
    smac: macMatch('Source MAC address, or address/mask').optional(),
    dmac: macMatch('Destination MAC address, or address/mask').optional(),
    ethertype: leaf(readEthertype, {
      description: 'EtherType: ipv4, ipv6, arp, … or its number',
      type: ['string', 'integer'],
      examples: ['arp', 0x88cc],
    }).optional(),
    vlan: vlan('VLAN of the frame').optional(),
    from: prefixes('Source addresses').optional(),
    to: prefixes('Destination addresses').optional(),
    proto: leaf(readProtocol, {
      description: 'IP protocol: tcp, udp, sctp, icmp, icmpv6, gre, esp, … or its number',
      type: ['string', 'integer'],
      examples: ['tcp', 47],
    }).optional(),
    sport: portRanges('Source ports').optional(),
    dport: portRanges('Destination ports').optional(),
    flags: leaf(readFlags, {
      description: 'TCP flags that must be set, or with ! clear',
      type: 'string',
      examples: ['syn,!ack'],
    }).optional(),
    icmp_type: leaf(readIcmpType, {
      description: 'ICMP type, by number or name; icmpv6 has its own names',
      type: ['integer', 'string'],
      examples: ['echo-request', 3],
    }).optional(),
    icmp_code: leaf(readIcmpCode, { description: 'ICMP code', type: 'integer', minimum: 0, maximum: 255 }).optional(),
  })
  .describe('All that is given must match; of a list, one entry');

const match = z.union([z.literal('any'), fields], {
  error: 'write any, or a map of fields: {proto: tcp, dport: 22}',
});

const rule = z
  .strictObject({
    allow: match.describe('Let pass what matches').optional(),
    deny: match.describe('Drop what matches').optional(),
    reject: match.describe('Drop what matches and tell the sender by ICMP: administratively prohibited').optional(),
    log: flag('Log matches, at most a few a second', false),
  })
  .describe('One of allow, deny, reject; the first rule that matches decides');

const target = z.union(
  [
    portReference('Port of the bridge'),
    z.strictObject({
      vlan: vlan('All ports, for frames of this VLAN').optional(),
      interface: leaf((value) => readName(value, 'interface', longestInterfaceName), {
        description: 'Interface of the router',
        type: 'string',
      }).optional(),
    }),
  ],
  { error: 'write the name of a port, {vlan: 10} or {interface: web}' },
);

export const acl = z
  .strictObject({
    rules: z.array(rule).prefault([]).describe('Rules in their order'),
    default: word('What befalls IP packets that no rule matches; ARP and neighbour discovery pass then', [
      'deny',
      'allow',
    ]).prefault('deny'),
    ingress: z.array(target).prefault([]).describe('Where frames are tested that come in'),
    egress: z.array(target).prefault([]).describe('Where frames are tested that go out'),
  })
  .describe('An access control list and where it is applied');

export const aclName = name('ACL', 32);

export type AclConfig = z.output<typeof acl>;
export type RuleConfig = z.output<typeof rule>;
export type MatchConfig = z.output<typeof fields>;
export type TargetConfig = z.output<typeof target>;
