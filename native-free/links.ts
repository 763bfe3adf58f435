import { writeFileSync } from 'node:fs';
import { LinuxError } from './errors.ts';
import { withNetns } from './netns.ts';
import { runTool, type Words } from './tool.ts';

/**
 * Links, addresses, routes and neighbours through `ip` (iproute2), in batches, answers as JSON. Not through rtnetlink of our own:
 * this path is cold, `ip` is wherever TAPs are, its JSON is stable, and an operator can repeat by hand what an error
 * message names.
 */
export interface LinkAddress {
  readonly family: 'inet' | 'inet6';
  readonly local: string;
  readonly prefixlen: number;
  readonly scope: string;
}

/** One device as `ip -j -d addr show` tells it; only what we read. */
export interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly operstate: string;
  readonly address?: string;
  readonly ifalias?: string;
  readonly txqlen?: number;
  readonly promiscuity: number;
  /** `numqueues` of a TAP: how many fds hold it now. */
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: { readonly numqueues?: number } };
  readonly addr_info: readonly LinkAddress[];
}

export interface Route {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
  readonly metric?: number;
}

export interface Neighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
  readonly state: readonly string[];
}

export interface LinkSettings {
  readonly mac?: string | undefined;
  /** Bytes of IP packet, 68 to 65,521 on a TAP. */
  readonly mtu?: number | undefined;
  /** Frames that wait for us in the device. */
  readonly txqueuelen?: number | undefined;
  readonly alias?: string | undefined;
  readonly up?: boolean | undefined;
  readonly promiscuous?: boolean | undefined;
}

const inside = (netns: string | undefined): Words => (netns === undefined ? [] : ['-n', netns]);

/** Runs commands of `ip` in a namespace, in one process; stops at the first that fails. */
export function ip(netns: string | undefined, commands: readonly Words[]): void {
  if (commands.length > 0) runTool('ip', inside(netns), commands);
}

function ask<Answer>(netns: string | undefined, words: Words): Answer {
  const text = runTool('ip', [...inside(netns), '-j', ...words]);
  return JSON.parse(text.trim() === '' ? '[]' : text) as Answer;
}

/** @throws LinuxError for a name that the kernel would refuse, or take for a pattern (%d) */
export function checkDeviceName(name: string): void {
  const length = Buffer.byteLength(name);
  if (length >= 1 && length <= 15 && !/[\s/:%"\\]/.test(name) && name !== '.' && name !== '..') return;
  throw new LinuxError({ code: 'E_NAME', call: 'naming a device', object: JSON.stringify(name), errno: 'EINVAL' });
}

export function listLinks(netns?: string): Link[] {
  return ask<Link[]>(netns, ['-d', 'addr', 'show']);
}

export function findLink(name: string, netns?: string): Link | undefined {
  return listLinks(netns).find((link) => link.ifname === name);
}

/** Changes of one device as commands for `ip`, in an order that works: what needs it down first, up last. */
export function linkCommands(name: string, settings: LinkSettings): Words[] {
  const set: Words = ['link', 'set', 'dev', name];
  const commands: Words[] = [];
  if (settings.up === false) commands.push([...set, 'down']);
  if (settings.mac !== undefined) commands.push([...set, 'address', settings.mac]);
  if (settings.mtu !== undefined) commands.push([...set, 'mtu', settings.mtu]);
  if (settings.txqueuelen !== undefined) commands.push([...set, 'txqueuelen', settings.txqueuelen]);
  if (settings.alias !== undefined) commands.push([...set, 'alias', settings.alias]);
  if (settings.promiscuous !== undefined) commands.push([...set, 'promisc', settings.promiscuous ? 'on' : 'off']);
  if (settings.up === true) commands.push([...set, 'up']);
  return commands;
}

export function setLink(name: string, settings: LinkSettings, netns?: string): void {
  ip(netns, linkCommands(name, settings));
}

/** Moves a device; it arrives down and without addresses. */
export function moveLink(name: string, from: string | undefined, to: string): void {
  ip(from, [['link', 'set', 'dev', name, 'netns', to]]);
}

export function deleteLink(name: string, netns?: string): void {
  ip(netns, [['link', 'del', 'dev', name]]);
}

/** Adds addresses (10.0.0.1/24, fd00::1/64), or leaves them as they are. IPv6 ones are usable at once: no duplicate detection. */
export function addAddresses(name: string, addresses: readonly string[], netns?: string): void {
  const nodad = (address: string) => (address.includes(':') ? ['nodad'] : []);
  ip(
    netns,
    addresses.map((address) => ['addr', 'replace', address, 'dev', name, ...nodad(address)]),
  );
}

export function deleteAddress(name: string, address: string, netns?: string): void {
  ip(netns, [['addr', 'del', address, 'dev', name]]);
}

/** @param to a prefix, or `default`; the family is that of the gateway */
export function setRoute(to: string, via: string, name: string, netns?: string): void {
  ip(netns, [['route', 'replace', to, 'via', via, 'dev', name]]);
}

export function deleteRoute(to: string, via: string, netns?: string): void {
  ip(netns, [['route', 'del', to, 'via', via]]);
}

/** A neighbour that is never asked for. */
export function setNeighbour(address: string, mac: string, name: string, netns?: string): void {
  ip(netns, [['neigh', 'replace', address, 'lladdr', mac, 'dev', name, 'nud', 'permanent']]);
}

export function listRoutes(family: 4 | 6, netns?: string): Route[] {
  return ask<Route[]>(netns, [`-${family}`, 'route', 'show']);
}

export function listNeighbours(netns?: string): Neighbour[] {
  return ask<Neighbour[]>(netns, ['neigh', 'show']);
}

/**
 * Switches IPv6 of one device on or off. Off, before the device is up, keeps it silent: no router solicitation, no multicast
 * reports, no duplicate detection.
 * @returns false where the kernel has no IPv6, or /proc/sys is read-only (a container)
 */
export function setIpv6(name: string, on: boolean, netns?: string): boolean {
  return withNetns(netns, () => {
    try {
      writeFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, on ? '0' : '1');
      return true;
    } catch {
      return false;
    }
  });
}
