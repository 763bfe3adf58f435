import type { Tenant } from '../../tenant/tenant.ts';
import * as address from '../../wire/address.ts';
import { formatMac } from '../../wire/ethernet.ts';
import type { InterfaceModel, PortModel } from '../config/model.ts';

type Words = readonly number[];

const NOBODY = '02:00:00:00:00:02';
const SOMEBODY = '02:00:00:00:00:01';
/** Addresses for documentation (RFC 5737, RFC 3849). */
const EXAMPLES: Readonly<Record<address.Family, readonly [own: string, other: string]>> = {
  4: ['192.0.2.2', '192.0.2.1'],
  6: ['2001:db8::2', '2001:db8::1'],
};

/** What is not said of a frame, and why it is what it is. */
export interface Guess<Value> {
  readonly value: Value;
  readonly why: string;
}

/**
 * The station behind a port, as far as the configuration and the tables tell: what it would write into a frame that it sends, where
 * nobody says otherwise.
 */
export class Station {
  readonly #tenant: Tenant;
  readonly #port: PortModel;
  readonly #vlan: number;
  readonly #nowMs: number;
  readonly #interface: InterfaceModel | undefined;

  /** @param vlan that its frame belongs to @param nowMs wrapped to 32 bits */
  constructor(tenant: Tenant, port: PortModel, vlan: number, nowMs: number) {
    this.#tenant = tenant;
    this.#port = port;
    this.#vlan = vlan;
    this.#nowMs = nowMs;
    this.#interface = tenant.model.router?.interfaces.find((one) => one.vlan === vlan);
  }

  get mac(): Guess<string> {
    const { name, mac } = this.#port;
    if (mac !== null) return { value: mac, why: `the station behind ${name}` };
    const row = this.#tenant.ports.of(name);
    for (const entry of this.#tenant.macs.entries(this.#nowMs))
      if (entry.port === row && entry.vlan === this.#vlan) return { value: entry.mac, why: `learned behind ${name}` };
    return { value: NOBODY, why: `nobody is known behind ${name}` };
  }

  address(family: address.Family): Guess<Words> {
    const own = addressesOf(this.#port).find((words) => words.length === lengthOf(family));
    if (own !== undefined) return { value: own, why: `the station behind ${this.#port.name}` };
    const known = this.#neighbors().find(
      ({ mac, words }) => mac === this.mac.value && words.length === lengthOf(family) && !address.isLinkLocal(words),
    );
    if (known !== undefined) return { value: known.words, why: 'a neighbour of the router' };
    const gateway = this.#gateway(family);
    if (gateway === undefined) return { value: address.parseAddress(EXAMPLES[family][0]).words, why: 'an example' };
    // The last bit but one differs, or the router's address may be all ones or zeros there: it is only an example.
    const value = [...gateway.words.slice(0, -1), (gateway.words[gateway.words.length - 1] ^ 2) >>> 0];
    return { value, why: `an address beside ${address.formatAddress(gateway.words)}` };
  }

  /** Where it would send something if nobody says where to. */
  target(family: address.Family): Guess<Words> {
    const gateway = this.#gateway(family);
    if (gateway !== undefined) return { value: gateway.words, why: 'the router' };
    return { value: address.parseAddress(EXAMPLES[family][1]).words, why: 'an example' };
  }

  /** The MAC that it would send a packet to: the group's, the neighbour's or the router's. */
  nextHop(words: Words): Guess<string> {
    if (words.length === 1 && words[0] >>> 0 === 0xffffffff) return { value: 'ff:ff:ff:ff:ff:ff', why: 'a broadcast' };
    if (address.isMulticast(words)) {
      const { high, low } = address.multicastMacOf(words);
      return { value: formatMac(high, low), why: 'a group' };
    }
    const router = this.#interface;
    const isNear =
      router === undefined ||
      address.isLinkLocal(words) ||
      router.addresses.some(({ subnet }) => sameFamily(subnet.words, words) && address.contains(subnet, words));
    const isRouter = router?.addresses.some((one) => equal(one.address.words, words)) ?? false;
    if (router !== undefined && (isRouter || !isNear)) return { value: router.mac, why: 'the router' };
    const text = address.formatAddress(words);
    const neighbor = this.#neighbors().find((one) => equal(one.words, words));
    if (neighbor !== undefined) return { value: neighbor.mac, why: `the neighbour ${text}` };
    const port = this.#tenant.model.bridge.ports.find((one) => addressesOf(one).some((own) => equal(own, words)));
    const row = port === undefined ? -1 : this.#tenant.ports.of(port.name);
    if (port?.mac != null) return { value: port.mac, why: `the station behind ${port.name}` };
    for (const entry of this.#tenant.macs.entries(this.#nowMs))
      if (entry.port === row && entry.vlan === this.#vlan)
        return { value: entry.mac, why: `learned behind ${port?.name}` };
    return { value: SOMEBODY, why: `nobody knows the MAC of ${text}` };
  }

  #gateway(family: address.Family): address.Address | undefined {
    return this.#interface?.addresses.find((one) => one.address.family === family)?.address;
  }

  /** Neighbours of the router on this VLAN that have been heard of. */
  #neighbors(): { readonly mac: string; readonly words: Words }[] {
    return this.#tenant
      .neighborRows()
      .flatMap((row) =>
        row['interface'] === this.#interface?.name && typeof row['mac'] === 'string'
          ? [{ mac: row['mac'], words: address.parseAddress(String(row['address'])).words }]
          : [],
      );
  }
}

function addressesOf(port: PortModel): Words[] {
  return port.kind === 'tap' ? port.addresses.map((one) => one.address.words) : [];
}

function lengthOf(family: address.Family): number {
  return family === 4 ? 1 : 4;
}

function sameFamily(a: Words, b: Words): boolean {
  return a.length === b.length;
}

function equal(a: Words, b: Words): boolean {
  return sameFamily(a, b) && a.every((word, i) => word >>> 0 === b[i] >>> 0);
}
