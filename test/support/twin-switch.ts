import type { AclMatch, AclModel, PortModel, Prefix, TenantModel } from '../../src/control/config/model.ts';
import { concat, slowIpv4Checksum, view } from './packets.ts';

/**
 * One tenant's switch and router, forwarded the obvious way: a frame is an object, tables are maps and lists searched from the
 * front, every output is made anew. Speaks only the configuration's model, no code of the path. It answers nothing (no slow path) and
 * knows only configured neighbours: tests keep to traffic for which that does not matter.
 */
export class TwinSwitch {
  readonly #model: TenantModel;
  /** Port by VLAN and MAC. */
  readonly #macs = new Map<string, string>();

  constructor(model: TenantModel) {
    this.#model = model;
    for (const { mac, vlan, port } of model.bridge.staticMacs) this.#macs.set(`${vlan} ${mac}`, `${port} for ever`);
  }

  /** What becomes of a frame that a port receives. */
  receive(name: string, bytes: Uint8Array): Verdict {
    const port = this.#model.bridge.ports.find((one) => one.name === name)!;
    const verdict: Verdict = { out: [], drops: [] };
    const reason = this.#receive(port, bytes, verdict);
    if (reason !== null) verdict.drops.push(reason);
    return verdict;
  }

  /** @returns why the frame was dropped, or null */
  #receive(port: PortModel, bytes: Uint8Array, verdict: Verdict): string | null {
    const frame = parse(bytes);
    if (frame === null) return 'malformed';
    const vlan = vlanOf(port, frame);
    if (vlan === null) return 'vlan-not-allowed';
    const inside: Frame = { ...frame, vlan };
    if (this.#denies('ingress', { kind: 'port', port: port.name }, inside)) return 'acl-in';
    if (this.#denies('ingress', { kind: 'vlan', vlan }, inside)) return 'acl-in';
    const iface = this.#model.router?.interfaces.find((one) => one.vlan === vlan);
    if (isGroup(frame.source) || frame.source === '00:00:00:00:00:00' || frame.source === iface?.mac)
      return 'bad-source';
    const key = `${vlan} ${frame.source}`;
    if (this.#macs.get(key)?.endsWith('for ever') !== true) this.#macs.set(key, port.name);
    if (iface === undefined || frame.destination !== iface.mac) return this.#forward(inside, port, verdict);
    if (frame.type !== 0x0800 && frame.type !== 0x86dd) return 'not-for-us';
    if (this.#denies('ingress', { kind: 'interface', interface: iface.name }, inside)) return 'acl-in';
    return frame.ip === null ? 'ip-header' : this.#route(inside, frame.ip, verdict);
  }

  #route(frame: Frame, ip: Packet, verdict: Verdict): string | null {
    const router = this.#model.router!;
    if (ip.family === 4 && !ip.checksumRight) return 'ip-header';
    if (ip.family === 4 && isMartian(ip)) return 'martian';
    if (ip.family === 4 ? ip.to[0] >>> 28 === 14 : ip.to[0] >>> 24 === 255) return 'multicast-route';
    if (router.interfaces.some((one) => one.addresses.some(({ address }) => equal(address.words, ip.to))))
      return 'local';
    if (isMartian(ip)) return 'martian';
    const connected = router.interfaces.flatMap((one) =>
      one.addresses.map(({ subnet }) => ({
        to: subnet,
        action: 'forward',
        hops: [{ address: null, interface: one.name }],
      })),
    );
    const routes = [...connected, ...router.routes].filter(({ to }) => contains(to, ip.family, ip.to));
    const route = routes.sort((a, b) => b.to.length - a.to.length)[0];
    if (route === undefined) return 'no-route';
    const isEdge = connected.some(
      ({ to }) => ip.family === 4 && to.family === 4 && contains(to, 4, ip.to) && isBroadcast(to, ip.to[0]),
    );
    if (route.action === 'blackhole' || isEdge) return 'blackhole';
    if (route.action === 'reject') return 'reject';
    if (ip.ttl <= 1) return 'ttl';
    const [hop] = route.hops;
    const out = router.interfaces.find((one) => one.name === hop.interface)!;
    if (ip.length > out.mtu && (ip.family === 6 || ip.dontFragment)) return 'too-big';
    if (this.#denies('egress', { kind: 'interface', interface: out.name }, frame)) return 'acl-out';
    const next = hop.address?.words ?? ip.to;
    const neighbor = router.neighbors.find(
      ({ address, interface: on }) => on === out.name && equal(address.words, next),
    );
    if (neighbor === undefined) return 'held';
    const rest = frame.rest.slice();
    rest[ip.family === 4 ? 8 : 7]--;
    if (ip.family === 4) slowIpv4Checksum(rest, 0);
    const pieces = ip.length > out.mtu ? fragments(rest, out.mtu) : [rest];
    return this.#forward(
      { ...frame, source: out.mac, destination: neighbor.mac, vlan: out.vlan, tpid: 0x8100, rest, pieces },
      null,
      verdict,
    );
  }

  /** @param from null: the router */
  #forward(frame: Frame, from: PortModel | null, verdict: Verdict): string | null {
    const carriers = this.#model.bridge.ports.filter((port) => carries(port, frame.vlan));
    const known = this.#macs.get(`${frame.vlan} ${frame.destination}`)?.split(' ')[0];
    const there = isGroup(frame.destination) ? undefined : carriers.find(({ name }) => name === known);
    if (there !== undefined && there === from) return 'same-port';
    const takers = there === undefined ? carriers.filter((port) => port !== from) : [there];
    if (takers.length === 0) return 'no-member';
    for (const port of takers) {
      const reason = this.#leave(frame, port, verdict);
      if (reason !== null) verdict.drops.push(reason);
    }
    return null;
  }

  #leave(frame: Frame, port: PortModel, verdict: Verdict): string | null {
    if (this.#denies('egress', { kind: 'vlan', vlan: frame.vlan }, frame)) return 'acl-out';
    if (this.#denies('egress', { kind: 'port', port: port.name }, frame)) return 'acl-out';
    const untagged = port.vlan.mode !== 'trunk' || (port.vlan.native === frame.vlan && !isTag(frame.type));
    const tag = untagged
      ? []
      : [frame.tpid >> 8, frame.tpid & 255, (frame.priority | frame.vlan) >> 8, frame.vlan & 255];
    for (const rest of frame.pieces ?? [frame.rest]) {
      const bytes = concat(
        macBytes(frame.destination),
        macBytes(frame.source),
        tag,
        [frame.type >> 8, frame.type & 255],
        rest,
      );
      const link = isTag(view(bytes).getUint16(12)) ? 18 : 14;
      if (bytes.length - link > port.mtu) return 'mtu';
      verdict.out.push({ port: port.name, bytes });
    }
    return null;
  }

  #denies(way: 'ingress' | 'egress', target: AclModel['ingress'][number], frame: Frame): boolean {
    const wanted = JSON.stringify(target);
    const acl = this.#model.acls.findLast((one) => one[way].some((each) => JSON.stringify(each) === wanted));
    if (acl === undefined) return false;
    if (frame.ip?.opaque === true) return true;
    const rule = acl.rules.find(({ match }) => matches(match, frame));
    if (rule !== undefined) return rule.action !== 'allow';
    return acl.fallback === 'deny' && (frame.type === 0x0800 || frame.type === 0x86dd);
  }
}

export interface Verdict {
  readonly out: { readonly port: string; readonly bytes: Uint8Array }[];
  /** Names of drop reasons; `held`: waits for a neighbour; `local`: for the router itself. */
  readonly drops: string[];
}

interface Frame {
  readonly destination: string;
  readonly source: string;
  readonly tagged: boolean;
  readonly vlan: number;
  readonly tpid: number;
  readonly priority: number;
  /** EtherType behind the tag, and what follows it. */
  readonly type: number;
  readonly rest: Uint8Array;
  readonly ip: Packet | null;
  readonly pieces?: readonly Uint8Array[];
}

interface Packet {
  readonly family: 4 | 6;
  readonly length: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly protocol: number;
  readonly ttl: number;
  /** Hides its transport header. */
  readonly opaque: boolean;
  readonly checksumRight: boolean;
  readonly dontFragment: boolean;
  /** The transport header; empty in later fragments. */
  readonly inner: Uint8Array;
}

function parse(bytes: Uint8Array): Frame | null {
  if (bytes.length < 14) return null;
  const data = view(bytes);
  const tagged = isTag(data.getUint16(12));
  if (tagged && bytes.length < 18) return null;
  const at = tagged ? 18 : 14;
  const tci = tagged ? data.getUint16(14) : 0;
  const type = data.getUint16(at - 2);
  const rest = bytes.slice(at);
  return {
    destination: macText(bytes, 0),
    source: macText(bytes, 6),
    tagged,
    vlan: tci & 0xfff,
    tpid: tagged ? data.getUint16(12) : 0x8100,
    priority: tci & 0xf000,
    type,
    rest,
    ip: type === 0x0800 ? parse4(rest) : type === 0x86dd ? parse6(rest) : null,
  };
}

function parse4(rest: Uint8Array): Packet | null {
  const header = (rest[0] & 15) * 4;
  if (rest.length < 20 || rest[0] >> 4 !== 4 || header < 20 || header > rest.length) return null;
  const data = view(rest);
  const length = data.getUint16(2);
  if (length < header || length > rest.length) return null;
  const again = rest.slice();
  slowIpv4Checksum(again, 0);
  const later = (data.getUint16(6) & 0x1fff) !== 0;
  return {
    family: 4,
    length,
    from: [data.getUint32(12)],
    to: [data.getUint32(16)],
    protocol: rest[9],
    ttl: rest[8],
    checksumRight: again[10] === rest[10] && again[11] === rest[11],
    dontFragment: (rest[6] & 0x40) !== 0,
    inner: later ? new Uint8Array(0) : rest.subarray(header, length),
    opaque: !later && isCutShort(rest[9], length - header),
  };
}

/** Without extension headers: the tests send none. */
function parse6(rest: Uint8Array): Packet | null {
  const data = view(rest);
  if (rest.length < 40 || rest[0] >> 4 !== 6 || 40 + data.getUint16(4) > rest.length) return null;
  const words = (at: number) => [0, 4, 8, 12].map((k) => data.getUint32(at + k));
  const length = 40 + data.getUint16(4);
  const [from, to] = [words(8), words(24)];
  return {
    family: 6,
    length,
    from,
    to,
    protocol: rest[6],
    ttl: rest[7],
    checksumRight: true,
    dontFragment: true,
    inner: rest.subarray(40, length),
    opaque: isCutShort(rest[6], length - 40),
  };
}

/** Whether there is less than a list needs to see of the transport header. */
function isCutShort(protocol: number, length: number): boolean {
  const needs: Record<number, number> = { 1: 4, 6: 20, 17: 8, 58: 4, 132: 8 };
  return length < (needs[protocol] ?? 0);
}

/** VLAN of a frame that the port receives, or null: refused. */
function vlanOf({ vlan }: PortModel, frame: Frame): number | null {
  if (vlan.mode === 'tunnel') throw new Error('the twin has no tunnels');
  // A priority tag behind another tag.
  if (frame.tagged && isTag(frame.type) && (frame.rest.length < 2 || ((frame.rest[0] & 15) | frame.rest[1]) === 0))
    return null;
  if (vlan.mode === 'access') return frame.vlan === 0 ? vlan.vlan : null;
  const vid = frame.vlan === 0 ? vlan.native : frame.vlan;
  return vid !== null && vlan.allowed.includes(vid) ? vid : null;
}

function carries({ vlan }: PortModel, vid: number): boolean {
  return vlan.mode === 'trunk' ? vlan.allowed.includes(vid) : vlan.vlan === vid;
}

function matches(match: AclMatch, frame: Frame): boolean {
  const { ip } = frame;
  const isPort = ip !== null && [6, 17, 132].includes(ip.protocol) && ip.inner.length >= 8;
  const isIcmp = ip !== null && ip.protocol === (ip.family === 4 ? 1 : 58) && ip.inner.length >= 4;
  const port = (at: number) => (isPort ? view(ip.inner).getUint16(at) : -1);
  const within = (ranges: AclMatch['sourcePorts'], value: number) =>
    ranges.length === 0 || ranges.some(({ low, high }) => value >= low && value <= high);
  const among = (prefixes: readonly Prefix[], words: readonly number[] | undefined) =>
    prefixes.length === 0 || (ip !== null && prefixes.some((prefix) => contains(prefix, ip.family, words!)));
  const mac = (wanted: AclMatch['sourceMac'], text: string) =>
    wanted === null ||
    macBytes(text).every((byte, i) => (byte & macBytes(wanted.mask)[i]) === macBytes(wanted.value)[i]);
  const flags = ip?.protocol === 6 && ip.inner.length >= 14 ? ip.inner[13] : -1;
  return (
    mac(match.sourceMac, frame.source) &&
    mac(match.destinationMac, frame.destination) &&
    (match.ethertype === null || match.ethertype === frame.type) &&
    (match.vlan === null || match.vlan === frame.vlan) &&
    (match.family === null || match.family === ip?.family) &&
    among(match.from, ip?.from) &&
    among(match.to, ip?.to) &&
    (match.proto === null || match.proto === ip?.protocol) &&
    within(match.sourcePorts, port(0)) &&
    within(match.destinationPorts, port(2)) &&
    (match.flags === null || (flags >= 0 && (flags & match.flags.mask) === match.flags.value)) &&
    (match.icmpType === null || (isIcmp && ip.inner[0] === match.icmpType)) &&
    (match.icmpCode === null || (isIcmp && ip.inner[1] === match.icmpCode))
  );
}

/** Fragments of an IPv4 packet without options, headers and all. */
function fragments(packet: Uint8Array, mtu: number): Uint8Array[] {
  const field = view(packet).getUint16(6);
  const data = packet.subarray(20, view(packet).getUint16(2));
  const room = (mtu - 20) & ~7;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += room) {
    const piece = concat(packet.subarray(0, 20), data.subarray(at, at + room));
    const last = at + room >= data.length;
    view(piece).setUint16(2, piece.length);
    view(piece).setUint16(6, (last ? field : field | 0x2000) + at / 8);
    slowIpv4Checksum(piece, 0);
    pieces.push(piece);
  }
  return pieces;
}

function isMartian({ family, from, to }: Packet): boolean {
  if (family === 4) {
    const [a, b] = [from[0] >>> 24, to[0] >>> 24];
    return a === 0 || a === 127 || a >= 224 || b === 0 || b === 127 || b >= 240;
  }
  const local = (words: readonly number[]) =>
    words[0] >>> 22 === 0x3fa || (words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] <= 1);
  return local(from) || from[0] >>> 24 === 255 || local(to);
}

function isBroadcast(subnet: Prefix, address: number): boolean {
  const host = 2 ** (32 - subnet.length) - 1;
  return subnet.length < 31 && ((address & host) >>> 0 === 0 || (address & host) >>> 0 === host);
}

function contains(prefix: Prefix, family: 4 | 6, words: readonly number[]): boolean {
  const bits = (list: readonly number[]) => list.map((word) => (word >>> 0).toString(2).padStart(32, '0')).join('');
  return prefix.family === family && bits(prefix.words).slice(0, prefix.length) === bits(words).slice(0, prefix.length);
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((word, i) => word >>> 0 === b[i] >>> 0);
}

const isTag = (type: number) => type === 0x8100 || type === 0x88a8;
const isGroup = (mac: string) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
const macText = (bytes: Uint8Array, at: number) =>
  [...bytes.subarray(at, at + 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
const macBytes = (mac: string) => mac.split(':').map((byte) => Number.parseInt(byte, 16));
