import type { Ring } from '../frame/ring.ts';
import type { NeighborTable } from '../table/neighbor-table.ts';
import type { Mac } from '../wire/ethernet.ts';
import type { SlowEvent } from './events.ts';

/**
 * A tenant with a router, as the control side describes it to the slow path. Interfaces stand in the order of the tenant's
 * image (src/path/image.ts), so that indices in records fit. Rings: one each way for every worker.
 */
export interface SlowTenant {
  readonly name: string;
  /** By number; null: the number of one that is gone. */
  readonly interfaces: readonly (SlowInterface | null)[];
  /** Written by the slow path alone from now on; entries that are in it already are adopted. */
  readonly neighbors: NeighborTable;
  /** Configured neighbours, which are never asked for, changed or evicted. */
  readonly permanent: readonly PermanentNeighbor[];
  readonly punts: readonly Ring[];
  readonly injects: readonly Ring[];
  /** Makes a worker look at its inject ring. */
  wake(worker: number): void;
  onEvent(event: SlowEvent): void;
  readonly limits?: Partial<SlowLimits>;
}

export interface SlowInterface {
  readonly name: string;
  readonly vlan: number;
  readonly mac: Mac;
  readonly mtu: number;
  readonly addresses: readonly SlowAddress[];
  /** Four words; null: made from the MAC address (RFC 4291, appendix A). */
  readonly linkLocal: readonly number[] | null;
  /** Router advertisements; null: none are sent. */
  readonly ra: Advertise | null;
}

/** `words`: one (IPv4) or four (IPv6), signed or unsigned; `prefixLength`: of 32 or 128. */
export interface SlowAddress {
  readonly family: 4 | 6;
  readonly words: readonly number[];
  readonly prefixLength: number;
}

/** RFC 4861, section 6.2.1. */
export interface Advertise {
  /** MaxRtrAdvInterval: most seconds between two unsolicited advertisements. */
  readonly intervalSeconds: number;
  /** AdvDefaultLifetime: how long hosts may use the router as their default; 0: not at all. */
  readonly lifetimeSeconds: number;
  readonly managed: boolean;
  readonly other: boolean;
}

export interface PermanentNeighbor {
  readonly interface: number;
  readonly words: readonly number[];
  readonly mac: Mac;
}

export interface SlowLimits {
  /** ICMP errors a second, and at once. Source: RFC 1812, section 4.3.2.8; RFC 4443, section 2.4 (f). */
  readonly icmpPerSecond: number;
  readonly icmpBurst: number;
  /** Events of a kind a second. */
  readonly eventsPerSecond: number;
  /** Neighbours beyond which stale ones that nobody used for a minute are forgotten. */
  readonly neighborsSoft: number;
}
