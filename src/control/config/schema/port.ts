import * as z from 'zod';
import { impair } from './impair.ts';
import { Fault, leaf, limit, oneOrMore, optionalFlag, quantity, readWhole, shapeOf, word } from './leaf.ts';
import {
  interfaceAddresses,
  mac,
  name,
  readAddress,
  readDevice,
  readFile,
  readMac,
  readName,
  readNetns,
  readPrefix,
  readVlan,
  vlan,
  vlanRange,
} from './net.ts';
import { ofport } from './openflow.ts';

/** OpenFlow shows a port's name in 16 bytes, the last of them zero. */
export const longestPortName = 15;

const device = (description: string) => leaf(readDevice, { description, type: 'string', examples: ['red-web1'] });
const file = (description: string) => leaf(readFile, { description, type: 'string' });

const pcap = z
  .strictObject({
    read: file('pcap file whose frames come in; relative to this file').optional(),
    write: file('pcap file that frames go out to; overwritten').optional(),
    pace: word('recorded: by the time stamps of the file; speed: as fast as the switch takes them', [
      'recorded',
      'speed',
    ])
      .prefault('recorded')
      .describe('How fast the file is read. recorded keeps the gaps, so that rates mean something'),
    loop: leaf(readLoop, {
      description: 'How often the file is read; true: for ever',
      type: ['integer', 'boolean'],
    }).prefault(1),
  })
  .describe('Files in the place of a device');

const socketPath = (description: string) =>
  leaf(readFile, { description, type: 'string', examples: ['/run/lab/vm1.sock'] }).optional();

const qemu = z
  .strictObject({
    listen: socketPath('Path of a unix socket that Tapyard makes and listens at; relative to this file'),
    connect: socketPath('Path of a unix socket that is connected to, again and again until something listens'),
  })
  .describe('A virtual machine by a unix stream socket (QEMU: -netdev stream); needs no privileges');

/** What carries the port: one of tap, netdev, qemu, cap, pcap, memory, and what goes with it. */
export const deviceKeys = {
  tap: device('TAP device that Tapyard creates; the kernel’s name').optional(),
  netdev: device('Existing device to join: a VM’s TAP, a veth, a NIC').optional(),
  qemu: qemu.optional(),
  cap: device('Existing device that is captured from and sent to by libpcap; needs the package cap').optional(),
  pcap: pcap.optional(),
  memory: z
    .literal(true, { error: 'write memory: true' })
    .describe('Frames from and to a program, for tests')
    .optional(),
  netns: leaf(readNetns, {
    description: 'Network namespace that the kernel side of the TAP is moved to; created when absent',
    type: 'string',
  }).optional(),
  address: interfaceAddresses('Address of the kernel side, with its prefix length').optional(),
  addresses: interfaceAddresses('As address, for several').optional(),
  gateway: oneOrMore(readAddress, {
    description: 'Default route of the kernel side; one a family',
    type: 'string',
    examples: ['10.0.10.1'],
  }).optional(),
  offloads: optionalFlag('TAP: take super-frames and partial checksums from the kernel and give them to it', true),
  persistent: optionalFlag('TAP: keep the device when Tapyard ends', false),
  force: optionalFlag(
    'Join a device that carries addresses or a default route; route the machine itself through a TAP',
    false,
  ),
  impair: impair.optional(),
};

/** How frames of the port map to VLANs: one of vlan, trunk, tunnel; none: access port of VLAN 1. */
export const vlanKeys = {
  vlan: vlan('Access port of this VLAN; 1 when no vlan, trunk or tunnel is given').optional(),
  trunk: leaf(readTrunk, {
    description: 'Trunk port: VLANs carried with their tags; numbers, ranges, or all',
    anyOf: [{ const: 'all' }, { type: 'array', items: { type: ['integer', 'string'] } }],
    examples: [[10, 20], ['100-199'], 'all'],
  }).optional(),
  native: vlan('Trunk port: VLAN of untagged frames; without it they are dropped').optional(),
  tunnel: vlan(
    '802.1ad customer port (dot1q-tunnel): all frames, tagged or not, are payload of this service VLAN',
  ).optional(),
};

const mtuRange = { min: 68, max: 65_521, unit: 'bytes' };

export const standardMtu = 1500;

export const mtu = leaf((value) => readWhole(value, mtuRange), {
  description:
    'Largest layer 3 packet; a sub-port: that of its uplink; a router interface: the least of its VLAN’s ports',
  type: 'integer',
  minimum: mtuRange.min,
  maximum: mtuRange.max,
  unit: mtuRange.unit,
  default: standardMtu,
  reason: '68: RFC 791, section 3.2; 65521: what a TAP takes behind an Ethernet header; 1500: Ethernet',
}).optional();

export const limitKeys = {
  ofport,
  mtu,
  mac: mac('MAC address of the station behind the port; a TAP’s kernel side gets it').optional(),
  port_security: z
    .union(
      [
        z.boolean(),
        z.strictObject({
          macs: oneOrMore(readMac, { description: 'MAC addresses that the port may send from', type: 'string' }),
          addresses: oneOrMore(readPrefix, {
            description: 'Addresses and prefixes that it may send from, ARP and ND included; none given: any',
            type: 'string',
          }).optional(),
        }),
      ],
      { error: 'write true, false or a map {macs: […], addresses: […]}' },
    )
    .describe('The port may send only from its own MAC and IP addresses. true: those of mac and address(es)')
    .optional(),
  pps: quantity('Frames that the port may send', { min: 1, max: 1e9, unit: 'frames/s' }).optional(),
  rate: quantity('Bits that the port may send', { min: 1000, max: 1e12, unit: 'bit/s' }).optional(),
  storm_control: limit(
    'Broadcast, multicast and unknown unicast frames that the port may send; overrides the bridge’s',
    {
      min: 0,
      max: 1e9,
      unit: 'frames/s',
    },
  ).optional(),
};

export const portName = name('port', longestPortName);

export const port = z.strictObject({ ...deviceKeys, ...vlanKeys, ...limitKeys }).describe('A port of the bridge');

export const uplink = z
  .strictObject({
    ...deviceKeys,
    mtu,
    ethertype: word('Type of the outer tag', ['802.1q', '802.1ad']).prefault('802.1q'),
    tenants: z
      .record(
        z.string(),
        z.strictObject({
          vlan: vlan('Outer VLAN that is the tenant’s on this uplink'),
          as: leaf((value) => readName(value, 'port', longestPortName), {
            description: 'Name of the tenant’s sub-port; without it that of the uplink',
            type: 'string',
          }).optional(),
          port: z
            .strictObject({ ...vlanKeys, ...limitKeys })
            .describe(
              'How the tenant’s bridge takes the sub-port: keys of a port, below the outer tag. mtu: the uplink’s',
            )
            .prefault({}),
        }),
      )
      .describe('Tenants that share the device, by name'),
  })
  .describe('A device that tenants share, each by its own outer VLAN');

export type DeviceKeys = z.output<z.ZodObject<typeof deviceKeys>>;
export type VlanKeys = z.output<z.ZodObject<typeof vlanKeys>>;
export type PortConfig = z.output<typeof port>;
export type UplinkConfig = z.output<typeof uplink>;

/** null: all VLANs. Else sorted, without repetitions. */
function readTrunk(value: unknown): number[] | null {
  if (value === 'all') return null;
  const vlans = new Set<number>();
  for (const entry of Array.isArray(value) ? value : [value]) {
    const range = typeof entry === 'string' ? /^(\d+)-(\d+)$/.exec(entry) : null;
    const [low, high] = range
      ? [readVlan(Number(range[1])), readVlan(Number(range[2]))]
      : [readVlan(entry), readVlan(entry)];
    if (low > high) throw new Fault(`${entry} runs backwards`, `write '${high}-${low}'`);
    for (let vlan = low; vlan <= high; vlan++) vlans.add(vlan);
  }
  if (vlans.size === 0) throw new Fault('the list is empty', `name VLANs ${vlanRange.min} to ${vlanRange.max}, or all`);
  return [...vlans].sort((a, b) => a - b);
}

/** null: for ever. */
function readLoop(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? null : 1;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  throw new Fault(`expected true or a number of times, got ${shapeOf(value)}`, 'write true, or 1 and more');
}
