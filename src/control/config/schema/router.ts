import * as z from 'zod';
import type { Address } from '../model.ts';
import type { Path } from '../place.ts';
import { Fault, flag, leaf, quantity, readWhole, seconds, shapeOf, text } from './leaf.ts';
import { address, interfaceAddresses, mac, name, prefix, readFile, readName, vlan } from './net.ts';
import { mtu } from './port.ts';

export const longestInterfaceName = 15;

const interfaceReference = (description: string) =>
  leaf((value) => readName(value, 'interface', longestInterfaceName), { description, type: 'string' });

/** Ranges and defaults: RFC 4861, section 6.2.1. */
const advertise = z.strictObject({
  interval: seconds('Most time between two unsolicited advertisements', { min: 4, max: 1800 }).prefault('600s'),
  lifetime: seconds('How long hosts may use the router as their default; 0: not at all', {
    min: 0,
    max: 9000,
  }).prefault('1800s'),
  managed: flag('Hosts get their addresses by DHCPv6', false),
  other: flag('Hosts get other settings by DHCPv6', false),
});

const routerInterface = z
  .strictObject({
    vlan: vlan('VLAN that the interface is on; one interface a VLAN'),
    addresses: interfaceAddresses('The router’s addresses there, with their prefix lengths'),
    mtu,
    ra: z
      .union([z.boolean(), advertise], { error: 'write true, false or a map {lifetime: 30m, managed: false, …}' })
      .describe('IPv6 router advertisements. Default: true where the interface has an IPv6 address')
      .optional(),
  })
  .describe('Interface of the router on a VLAN');

const hop = z.union(
  [
    address('Next hop'),
    z.strictObject({
      via: address('Next hop'),
      weight: leaf((value) => readWhole(value, { min: 1, max: 255 }), {
        description: 'Share of the flows, beside the weights of the other next hops',
        type: 'integer',
        minimum: 1,
        maximum: 255,
      }).prefault(1),
      dev: interfaceReference('Interface that the next hop is on').optional(),
    }),
  ],
  { error: 'write a next hop: 10.0.20.254 or {via: 10.0.20.254, weight: 2}' },
);

const onlyTrue = (description: string) =>
  z.literal(true, { error: 'write true, or leave the key out' }).describe(description);

const route = z
  .strictObject({
    to: prefix('Destinations'),
    via: z
      .union([z.array(hop).min(1, 'the list is empty'), hop], { error: 'write a next hop or a list of them' })
      .describe('Next hop, or several that share the flows (ECMP)')
      .optional(),
    dev: interfaceReference(
      'Interface that the next hops, or without via the destinations themselves, are on',
    ).optional(),
    blackhole: onlyTrue('Drop silently').optional(),
    reject: onlyTrue('Drop and answer with ICMP destination unreachable').optional(),
  })
  .describe('A static route: one of via, dev, blackhole, reject');

export const router = z
  .strictObject({
    hostname: leaf(readHostname, {
      description: 'Name of the router. Default: that of the tenant',
      type: 'string',
    }).optional(),
    mac: mac(
      'MAC address of all interfaces. Default: 02:54 and four bytes of a hash of the tenant’s name (FNV-1a)',
    ).optional(),
    icmp_rate: quantity('ICMP errors that the router sends', {
      min: 0,
      max: 1_000_000,
      unit: 'packets/s',
      reason: 'errors are rate-limited: RFC 1812, section 4.3.2.8; RFC 4443, section 2.4',
    }).prefault(1000),
    interfaces: z
      .record(name('interface', longestInterfaceName), routerInterface)
      .prefault({})
      .describe('Interfaces by name'),
    routes: z.array(route).prefault([]).describe('Static routes; those to connected subnets are there by themselves'),
    routes_file: leaf(readFile, {
      description: 'More routes: a file, or .gz, of "prefix next-hop" lines; relative to this file',
      type: 'string',
    }).optional(),
    neighbors: z
      .array(
        z.strictObject({
          address: address('Address of the neighbour'),
          mac: mac('Its MAC address'),
          interface: interfaceReference('Interface that it is on'),
        }),
      )
      .prefault([])
      .describe('Neighbours that are not resolved by ARP or ND'),
  })
  .describe('The tenant’s virtual router');

export type RouterConfig = z.output<typeof router>;
export type InterfaceConfig = z.output<typeof routerInterface>;
export type RouteConfig = z.output<typeof route>;
type HopConfig = z.output<typeof hop>;
export type AdvertiseConfig = z.output<typeof advertise>;

/** One next hop of a route, and where in the route its address stands. */
export interface HopEntry {
  readonly address: Address;
  readonly weight: number;
  readonly dev: string | undefined;
  readonly path: Path;
}

/** The next hops of a route, whichever way they are written. */
export function hopsOf({ via }: RouteConfig): HopEntry[] {
  if (via === undefined) return [];
  const entry = (hop: HopConfig, path: Path): HopEntry =>
    'family' in hop
      ? { address: hop, weight: 1, dev: undefined, path }
      : { address: hop.via, weight: hop.weight, dev: hop.dev, path: [...path, 'via'] };
  return Array.isArray(via) ? via.map((each, index) => entry(each, ['via', index])) : [entry(via, ['via'])];
}

function readHostname(value: unknown): string {
  const read = text(value, 'a host name', 'red-gw');
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/.test(read)) return read;
  throw new Fault(
    `${shapeOf(value)} is no host name`,
    'use letters, digits, - and ., at most 63 (RFC 1123, section 2.1)',
  );
}
