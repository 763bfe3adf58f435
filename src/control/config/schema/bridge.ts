import * as z from 'zod';
import { leaf, limit, oneOrMore, quantity, readWord, seconds } from './leaf.ts';
import { mac, readName, vlan } from './net.ts';
import { longestPortName, port, portName } from './port.ts';

/** Also of a port in `static_macs` and of the targets of ACLs. */
export const portReference = (description: string) =>
  leaf((value) => readName(value, 'port', longestPortName), { description, type: 'string' });

export const bridge = z
  .strictObject({
    ports: z.record(portName, port).prefault({}).describe('Ports by name'),
    mac_age: seconds('How long a learned MAC address is kept after its last frame', {
      min: 10,
      max: 1_000_000,
      reason: '300 s and the range: IEEE 802.1D-2004, table 7-5',
    }).prefault('300s'),
    mac_move_limit: quantity(
      'Moves of a MAC address between ports within ten seconds; more count as flapping, and are logged',
      {
        min: 1,
        max: 1000,
        unit: 'moves',
        reason: 'a station that roams moves once; a loop moves it with every frame',
      },
    ).prefault(5),
    static_macs: z
      .array(
        z.strictObject({
          mac: mac('MAC address that is never learned elsewhere'),
          vlan: vlan('VLAN of the entry').prefault(1),
          port: portReference('Port that the address is behind'),
        }),
      )
      .prefault([])
      .describe('MAC addresses that are not learned'),
    forward_reserved: oneOrMore((value) => readWord(value, ['lldp', 'lacp', 'stp']), {
      description: 'Protocols with reserved group addresses to forward; a bridge drops them (IEEE 802.1D-2004, 7.12.6)',
      enum: ['lldp', 'lacp', 'stp'],
    }).optional(),
    storm_control: limit('Broadcast, multicast and unknown unicast frames that each port may send', {
      min: 0,
      max: 1e9,
      unit: 'frames/s',
    }).prefault('off'),
  })
  .describe('The tenant’s virtual switch');
