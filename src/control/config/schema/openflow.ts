import * as z from 'zod';
import { parseTarget, type Target, TargetError } from '../../../openflow/channel/target.ts';
import { Fault, leaf, quantity, readWhole, seconds, shapeOf, text, whole, word } from './leaf.ts';
import { readFile } from './net.ts';

/** A tenant's OpenFlow datapath: who drives it, and the rules that it begins with. */

const file = (description: string) => leaf(readFile, { description, type: 'string' });
const line = (what: string, example: string) =>
  leaf((value) => text(value, what, example), { description: `${what}, as ovs-ofctl writes it`, type: 'string' });

const queue = z
  .strictObject({
    rate: quantity('Bits that may leave by the queue', { min: 1000, max: 1e12, unit: 'bit/s' }),
  })
  .describe('What the action set_queue puts frames under when they leave by the port');

export const openflow = z
  .strictObject({
    dpid: leaf(readDatapathId, {
      description: 'Number of the datapath, unique in its network; without it one that is made of the tenant’s name',
      type: ['integer', 'string'],
      examples: [1, '0x00000000000000a1'],
    }).optional(),
    listen: z
      .array(
        leaf((value) => readTarget(value, true), {
          description: 'Where controllers and tools may connect: tcp:ADDRESS:PORT, ssl:ADDRESS:PORT, unix:PATH',
          type: 'string',
          examples: ['tcp:127.0.0.1:6654', 'unix:run/red.mgmt'],
        }),
      )
      .prefault([])
      .describe('Passive connections; as Open vSwitch writes them is fine too: ptcp:PORT:ADDRESS, punix:PATH'),
    controllers: z
      .array(
        leaf((value) => readTarget(value, false), {
          description: 'A controller to connect to: tcp:HOST:PORT, ssl:HOST:PORT, unix:PATH',
          type: 'string',
          examples: ['tcp:127.0.0.1:6653'],
        }),
      )
      .prefault([])
      .describe('Active connections. With a controller the tables begin empty'),
    fail_mode: word(
      'After all controllers are lost: standalone forwards as NORMAL does; secure goes on by the rules that are there',
      ['standalone', 'secure'],
      'standalone: what Open vSwitch does, and hosts keep their network',
    ).prefault('standalone'),
    probe: seconds(
      'After so long without a message a connection is tried with an echo, and given up after as long again',
      {
        min: 1,
        max: 3600,
        reason: '5 s: Open vSwitch',
      },
    ).prefault('5s'),
    tls: z
      .strictObject({
        key: file('Private key, PEM; relative to this file'),
        cert: file('Certificate, PEM'),
        ca: file('Certificate of the authority that the other side’s must be signed by, PEM'),
      })
      .describe('For ssl: connections; both sides show certificates')
      .optional(),
    meters: z.array(line('a meter', 'meter=1,kbps,bands=type=drop,rate=1000')).prefault([]).describe('Meters'),
    groups: z
      .array(line('a group', 'group_id=1,type=all,bucket=output:1,bucket=output:2'))
      .prefault([])
      .describe('Groups; one that others name stands before them'),
    flows: z
      .array(line('a flow', 'priority=100,ip,actions=dec_ttl,output:2'))
      .prefault([])
      .describe('Rules. Without any, and without controllers, there is one: priority=0,actions=NORMAL'),
    queues: z
      .record(z.string(), z.record(z.string(), queue).describe('By number'))
      .prefault({})
      .describe('Queues by port'),
  })
  .describe('The tenant’s OpenFlow 1.3 datapath');

export type OpenFlowConfig = z.output<typeof openflow>;

/** Ports of OpenFlow 1.0 end there, and so do the numbers that clients of both versions show without change. */
export const ofportRange = { min: 1, max: 0xfeff };

export const ofport = whole('OpenFlow port number; without it the lowest that is free, in the order of the file', {
  ...ofportRange,
  reason: 'ports of OpenFlow 1.0 end at 0xfeff, and some tools know no other',
}).optional();

/** Numbers of queues. Source: OpenFlow 1.3.5, section 7.2.2: OFPQ_ALL is none. */
export const queueRange = { min: 0, max: 0xfffffffe };

/** @returns sixteen hexadecimal digits */
function readDatapathId(value: unknown): string {
  if (typeof value === 'number') return hex(BigInt(readWhole(value, { min: 1, max: Number.MAX_SAFE_INTEGER })));
  const read = text(value, 'the number of a datapath', "1, or '0x00000000000000a1'");
  const digits = /^(?:0x([0-9a-f]{1,16})|([0-9a-f]{16}))$/i.exec(read);
  if (digits === null)
    throw new Fault(`${shapeOf(value)} is no number of a datapath`, "write 1, or up to 16 hexadecimal digits: '0xa1'");
  const id = BigInt(`0x${digits[1] ?? digits[2]}`);
  if (id === 0n) throw new Fault('a datapath is not number 0', 'choose 1 or more', 'config-range');
  return hex(id);
}

function hex(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}

/** @throws Fault */
function readTarget(value: unknown, listening: boolean): Target {
  const what = listening ? 'an address to listen at' : 'an address of a controller';
  const read = text(value, what, 'tcp:127.0.0.1:6653 or unix:run/red.mgmt');
  try {
    return parseTarget(read, listening);
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    throw new Fault(error.message, error.cure);
  }
}
