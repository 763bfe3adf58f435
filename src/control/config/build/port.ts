import { resolve } from 'node:path';
import { addressOf, bitsOf, prefixOf } from '../address.ts';
import type { Device, ImpairModel, PortModel, PortSecurity, Prefix } from '../model.ts';
import { placed, type Source } from '../place.ts';
import type { PortEntry } from '../ports.ts';
import type { ImpairConfig } from '../schema/impair.ts';
import { type DeviceKeys, standardMtu } from '../schema/port.ts';

/** @param storm of the bridge; the port's own goes before it */
export function buildPort(entry: PortEntry, storm: number | null, source: Source, folder: string): PortModel {
  const { name, keys, vlan, device, uplink, namePath } = entry;
  const settings = {
    name,
    ofport: keys.ofport ?? null,
    vlan,
    mtu: keys.mtu ?? uplink?.keys.mtu ?? standardMtu,
    mac: keys.mac ?? null,
    security: buildSecurity(entry),
    pps: keys.pps ?? null,
    rate: keys.rate ?? null,
    storm: keys.storm_control === undefined ? storm : keys.storm_control,
  };
  const carrier = device
    ? buildDevice(name, device, folder)
    : { kind: 'uplink' as const, uplink: uplink!.name, outerVlan: uplink!.outerVlan };
  return placed({ ...settings, ...carrier }, source.place(namePath, 'key'));
}

/** @param name of the port, or of the uplink */
export function buildDevice(name: string, keys: DeviceKeys, folder: string): Device {
  const impair = keys.impair === undefined ? null : buildImpair(name, keys.impair);
  if (keys.tap !== undefined) {
    return {
      kind: 'tap',
      impair,
      device: keys.tap,
      netns: keys.netns ?? null,
      addresses: keys.addresses ?? keys.address ?? [],
      gateways: keys.gateway ?? [],
      offloads: keys.offloads ?? true,
      persistent: keys.persistent ?? false,
    };
  }
  if (keys.netdev !== undefined) return { kind: 'netdev', impair, device: keys.netdev, force: keys.force ?? false };
  if (keys.cap !== undefined) return { kind: 'cap', impair, device: keys.cap };
  if (keys.qemu) {
    const { listen, connect } = keys.qemu;
    return { kind: 'qemu', impair, listen: listen !== undefined, path: resolve(folder, listen ?? connect ?? '') };
  }
  if (!keys.pcap) return { kind: 'memory', impair };
  const { read, write, pace, loop } = keys.pcap;
  const absolute = (file: string | undefined): string | null => (file === undefined ? null : resolve(folder, file));
  return { kind: 'pcap', impair, read: absolute(read), write: absolute(write), pace, loops: loop };
}

/** Ports without a seed of their own get one of their name, so that two of them do not lose the same frames. */
function buildImpair(name: string, keys: ImpairConfig): ImpairModel {
  const { delay, jitter, loss, duplicate, reorder, rate = null, queue } = keys;
  const seed = keys.seed ?? [...name].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), 7) >>> 1;
  return { delayUs: delay, jitterUs: jitter, loss, duplicate, reorder, rate, queue, seed };
}

/** `true` stands for the port's own MAC and IP addresses; with IPv6 ones, also the link-local address that the MAC gives. */
function buildSecurity({ keys, device }: PortEntry): PortSecurity | null {
  const asked = keys.port_security;
  if (asked === undefined || asked === false) return null;
  if (asked !== true) return { macs: asked.macs, addresses: asked.addresses ?? [] };
  const own = (device?.addresses ?? device?.address ?? []).map(({ address }) => prefixOf(address, bitsOf(address)));
  const linkLocal = own.some(({ family }) => family === 6) ? [linkLocalOf(keys.mac!)] : [];
  return { macs: [keys.mac!], addresses: [...own, ...linkLocal] };
}

/** fe80:: and the modified EUI-64 of the MAC address. Source: RFC 4291, appendix A. */
function linkLocalOf(mac: string): Prefix {
  const [a, b, c, d, e, f] = mac.split(':').map((byte) => Number.parseInt(byte, 16)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const words = [
    0xfe800000,
    0,
    (((a ^ 2) << 24) | (b << 16) | (c << 8) | 0xff) >>> 0,
    ((0xfe << 24) | (d << 16) | (e << 8) | f) >>> 0,
  ];
  return prefixOf(addressOf(words), 128);
}
