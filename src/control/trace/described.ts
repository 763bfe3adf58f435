import { UserError } from '../../errors.ts';
import { Pool } from '../../frame/pool.ts';
import { FrameFilter } from '../../path/tap/frame-filter.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import { formatAddress } from '../../wire/address.ts';
import * as arp from '../../wire/arp.ts';
import { type Frame, frame, neighborAdvertisement, neighborSolicitation, type Tag, toMac } from '../../wire/build.ts';
import { EtherType, type Mac } from '../../wire/ethernet.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import { Protocol } from '../../wire/ipv4.ts';
import { Flag } from '../../wire/tcp.ts';
import { filterWords, readMatch, rowOf } from '../capture/filter.ts';
import type { PortModel } from '../config/model.ts';
import { Said } from './said.ts';
import { type Guess, Station } from './station.ts';

/** A frame made from what was said of it. */
export interface Described {
  readonly port: string;
  readonly frame: Uint8Array<ArrayBuffer>;
  /** What was not said, and is therefore a guess: `nw_src=10.0.10.2 (the station behind web1)`. */
  readonly assumed: readonly string[];
}

const SOURCE_PORT = 49152;
const DESTINATION_PORT = 9;
const ECHO = 8;
const PRESENT = 0x1000;
const PAYLOAD = 32;

/**
 * The frame that a text in ovs-ofctl's syntax describes, `in_port=web1,tcp,nw_dst=10.0.20.5,tp_dst=22`. What it leaves open is
 * what the station behind the port would write.
 * @param text whose `in_port` may be missing if `port` is given @param nowMs wrapped to 32 bits
 * @throws UserError where it describes no frame that can be made
 */
export function describedFrame(tenant: Tenant, text: string, port: string | undefined, nowMs: number): Described {
  const match = readMatch(text, tenant.datapath);
  const said = new Said(match);
  const model = portOf(tenant, said, port);
  const guesses: string[] = [];
  const made = new Composer(tenant, model, said, nowMs, guesses).frame();
  if (!matches(tenant, filterWords(match, tenant.datapath), tenant.ports.of(model.name), made))
    throw new UserError(
      'usage',
      'No frame can be made of this description',
      'leave out MPLS, PBB, extension headers and what contradicts the rest, or give the bytes with --frame',
    );
  return { port: model.name, frame: made, assumed: guesses };
}

function portOf(tenant: Tenant, said: Said, name: string | undefined): PortModel {
  const number = said.number('in_port');
  if (number !== undefined) rowOf(number, tenant.datapath);
  const named = number === undefined ? name : tenant.datapath.ports.get(number)?.name;
  const { ports } = tenant.model.bridge;
  const found = ports.find((one) => one.name === named);
  if (found !== undefined) return found;
  const names = ports.map((one) => one.name).join(', ');
  if (named === undefined) throw new UserError('usage', 'The port is not said', `add in_port, one of ${names}`);
  throw new UserError('usage', `${tenant.model.name} has no port ${named}`, `it is one of ${names}`);
}

/** Whether the frame is what was said: not every field can be put into one. */
function matches(tenant: Tenant, wanted: Int32Array, row: number, bytes: Uint8Array): boolean {
  const pool = new Pool(1, 0, tenant.index + 1);
  const start = pool.frameStart(pool.takeHead(tenant.index));
  pool.octets.set(bytes, start);
  return new FrameFilter(pool, wanted).matches(row, start, bytes.length, 0, 0);
}

class Composer {
  readonly #said: Said;
  readonly #station: Station;
  readonly #guesses: string[];
  readonly #tag: readonly Tag[];

  constructor(tenant: Tenant, port: PortModel, said: Said, nowMs: number, guesses: string[]) {
    this.#said = said;
    this.#guesses = guesses;
    const { vlan } = port;
    const vid = this.#vid(vlan);
    const pcp = said.number('vlan_pcp') ?? 0;
    this.#tag = vid === null ? [] : [{ vid, pcp }];
    const native = vlan.mode === 'trunk' ? (vlan.native ?? 0) : vlan.vlan;
    this.#station = new Station(
      tenant,
      port,
      vid === null || vid === 0 || vlan.mode === 'tunnel' ? native : vid,
      nowMs,
    );
  }

  frame(): Uint8Array<ArrayBuffer> {
    const type = this.#said.number('eth_type');
    if (type === EtherType.Arp) return this.#arp();
    if (type === EtherType.Ipv4 || type === EtherType.Ipv6) return this.#packet(type === EtherType.Ipv4 ? 4 : 6);
    const source = this.#source();
    const destination =
      this.#said.mac('eth_dst') ?? toMac(this.#guess('dl_dst', { value: 'ff:ff:ff:ff:ff:ff', why: 'a broadcast' }));
    const ethernet = { source, destination, ...(type === undefined ? {} : { type }) };
    return frame({ ethernet, vlan: this.#tag, payload: PAYLOAD });
  }

  /** VLAN id of the tag; null: none. */
  #vid(vlan: PortModel['vlan']): number | null {
    const value = this.#said.number('vlan_vid');
    if (value !== undefined && value !== PRESENT) return (value & PRESENT) === 0 ? null : value & 0xfff;
    if (vlan.mode !== 'trunk') return value === undefined ? null : 0;
    if (value === undefined && vlan.native !== null) return null;
    const vid = vlan.allowed[0] ?? 0;
    this.#guesses.push(`dl_vlan=${vid} (the port is a trunk)`);
    return vid;
  }

  #guess<Value>(key: string, { value, why }: Guess<Value>, text = String(value)): Value {
    this.#guesses.push(`${key}=${text} (${why})`);
    return value;
  }

  #number(name: Parameters<Said['number']>[0], key: string, value: number): number {
    return this.#said.number(name) ?? this.#guess(key, { value, why: 'an example' });
  }

  #source(): Mac {
    return this.#said.mac('eth_src') ?? toMac(this.#guess('dl_src', this.#station.mac));
  }

  #arp(): Uint8Array<ArrayBuffer> {
    const said = this.#said;
    const operation = this.#number('arp_op', 'arp_op', arp.Operation.Request);
    const source = this.#source();
    const address = (guess: Guess<readonly number[]>, key: string) =>
      this.#guess(key, guess, formatAddress(guess.value));
    const senderAddress = said.address('arp_spa') ?? address(this.#station.address(4), 'arp_spa');
    const targetAddress = said.address('arp_tpa') ?? address(this.#station.target(4), 'arp_tpa');
    const everybody = operation === arp.Operation.Request;
    const destination = said.mac('eth_dst') ?? (everybody ? { high: 0xffff, low: -1 } : this.#hop(targetAddress));
    const senderMac = said.mac('arp_sha') ?? source;
    const targetMac = said.mac('arp_tha') ?? (everybody ? { high: 0, low: 0 } : destination);
    const request = { operation, senderMac, senderAddress, targetMac, targetAddress };
    return frame({ ethernet: { source, destination }, vlan: this.#tag, arp: request });
  }

  #hop(words: readonly number[]): Mac {
    return this.#said.mac('eth_dst') ?? toMac(this.#guess('dl_dst', this.#station.nextHop(words)));
  }

  #packet(family: 4 | 6): Uint8Array<ArrayBuffer> {
    const said = this.#said;
    const source = this.#source();
    const own = this.#station.address(family);
    const from =
      said.address(family === 4 ? 'ipv4_src' : 'ipv6_src') ?? this.#guess('nw_src', own, formatAddress(own.value));
    const target = this.#station.target(family);
    const to =
      said.address(family === 4 ? 'ipv4_dst' : 'ipv6_dst') ??
      this.#guess('nw_dst', target, formatAddress(target.value));
    const proto = said.number('ip_proto');
    const type = said.number('icmpv6_type');
    const ethernet = { source, destination: this.#hop(to) };
    if (family === 6 && (type === icmpv6.Type.NeighborSolicitation || type === icmpv6.Type.NeighborAdvertisement))
      return this.#discovery(type, ethernet, from, to);
    const service = ((said.number('ip_dscp') ?? 0) << 2) | (said.number('ip_ecn') ?? 0);
    const packet =
      family === 4
        ? {
            ipv4: {
              source: from,
              destination: to,
              typeOfService: service,
              ...(proto === undefined ? {} : { protocol: proto }),
            },
          }
        : {
            ipv6: {
              ...{ source: from, destination: to, trafficClass: service },
              ...(proto === undefined ? {} : { nextHeader: proto }),
              flowLabel: said.number('ipv6_flabel') ?? 0,
            },
          };
    return frame({ ethernet, vlan: this.#tag, ...packet, ...this.#transport(family, proto), payload: PAYLOAD });
  }

  #transport(family: 4 | 6, proto: number | undefined): Partial<Frame> {
    const ports = (name: 'tcp' | 'udp' | 'sctp') => ({
      source: this.#number(`${name}_src`, 'tp_src', SOURCE_PORT),
      destination: this.#number(`${name}_dst`, 'tp_dst', DESTINATION_PORT),
    });
    switch (proto) {
      case Protocol.Tcp:
        return { tcp: { ...ports('tcp'), flags: Flag.Syn } };
      case Protocol.Udp:
        return { udp: ports('udp') };
      case Protocol.Sctp:
        return { sctp: ports('sctp') };
      case family === 4 ? Protocol.Icmp : Protocol.Icmpv6: {
        const [type, code] =
          family === 4 ? (['icmpv4_type', 'icmpv4_code'] as const) : (['icmpv6_type', 'icmpv6_code'] as const);
        const echo = family === 4 ? ECHO : icmpv6.Type.EchoRequest;
        return { icmp: { type: this.#number(type, 'icmp_type', echo), code: this.#said.number(code) ?? 0 } };
      }
      default:
        return {};
    }
  }

  #discovery(
    type: number,
    ethernet: { readonly source: Mac; readonly destination: Mac },
    source: readonly number[],
    to: readonly number[],
  ): Uint8Array<ArrayBuffer> {
    const said = this.#said;
    const target = said.address('ipv6_nd_target') ?? to;
    const destination = { mac: ethernet.destination, address: to };
    if (type === icmpv6.Type.NeighborSolicitation) {
      const sourceMac = said.mac('ipv6_nd_sll') ?? ethernet.source;
      return neighborSolicitation({ sourceMac, source, target, destination });
    }
    const sourceMac = said.mac('ipv6_nd_tll') ?? ethernet.source;
    return neighborAdvertisement({
      sourceMac,
      source,
      target,
      destination,
      router: false,
      solicited: true,
      override: true,
    });
  }
}
