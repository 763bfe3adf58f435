import type { AclTables } from '../table/classifier.ts';
import type { Lpm4 } from '../table/lpm4.ts';
import type { Lpm6 } from '../table/lpm6.ts';
import type { MacTable } from '../table/mac-table.ts';
import type { NeighborTable } from '../table/neighbor-table.ts';
import type { RulesImage } from './rules/log.ts';

/**
 * A tenant as workers see it: plain arrays and handles of shared tables, compiled by the control side from the tenant's objects
 * (src/tenant) and sent to every worker. Arrays are over shared memory, so that sending copies nothing. A changed
 * configuration makes a new image; tables that live on (MACs, neighbours, routes, counters) are the same memory in both.
 */
export interface TenantImage {
  readonly index: number;
  readonly name: string;
  /** Share of worker time, 1..100. */
  readonly weight: number;
  /** Most frames in flight. */
  readonly frames: number;
  /** Tenant's policers in the worker's shared buckets, -1 for none. */
  readonly policer: { readonly packets: number; readonly bits: number };
  readonly bridge: BridgeImage;
  readonly router: RouterImage | null;
  readonly acls: readonly AclImage[];
  /** Rule tables of the tenant's OpenFlow datapath; null: every frame is handled as by the action `NORMAL`. */
  readonly rules: RulesImage | null;
  /** Ledger of each worker, Float64 cells over shared memory, and its punt and inject rings. */
  readonly workers: readonly WorkerImage[];
}

export interface WorkerImage {
  readonly ledger: SharedArrayBuffer;
  readonly punt: SharedArrayBuffer;
  readonly inject: SharedArrayBuffer;
  /** Float64 cells, `WorkCount`. */
  readonly work: SharedArrayBuffer;
}

/** What a worker counts of its work for a tenant: frames that the flow cache carried out, decided anew among them, and left to the stages; time, microseconds; which shape its cache has. */
export const WorkCount = { Carried: 0, Decided: 1, Passed: 2, BusyUs: 3, Shape: 4, WIDTH: 5 } as const;

export const PortMode = {
  /** Untagged, or priority-tagged, frames of one VLAN. */
  Access: 0,
  /** Tagged frames of the allowed VLANs; untagged ones belong to the native VLAN, if there is one. */
  Trunk: 1,
  /** 802.1ad customer port: whatever comes, tagged or not, is payload of one service VLAN. */
  Tunnel: 2,
} as const;
export type PortMode = (typeof PortMode)[keyof typeof PortMode];

/** Ports that a tenant may have at a time, and have had; the row of its router in the books is behind them all. */
export const MOST_PORTS = 1024;
export const ROUTER_ROW = MOST_PORTS;

/**
 * Columns have one entry a port of the tenant. A port keeps its number, which is also its row in the books, while it lives; what is
 * at the number of a port that is gone belongs to no VLAN, and no frame goes there.
 */
export interface BridgeImage {
  /** Numbers in use lie below. */
  readonly ports: number;
  readonly names: readonly string[];
  /** Index of the worker's device that carries the port. */
  readonly device: Int32Array;
  /** VID of the outer tag on a shared uplink, 0 on a port of the tenant's own. */
  readonly outerVlan: Int32Array;
  readonly outerTpid: Int32Array;
  readonly mode: Uint8Array;
  /** VLAN of access and tunnel ports, native VLAN of trunks; 0: none. */
  readonly pvid: Int32Array;
  /** 128 words a port, a bit a VLAN: VLANs carried (access: its own). */
  readonly allowed: Uint32Array;
  /** Most bytes behind the Ethernet header and one VLAN tag. */
  readonly mtu: Int32Array;
  /** Port security: index into `security`, -1 for none. */
  readonly security: Int32Array;
  readonly securities: readonly SecurityImage[];
  /** Buckets in the worker's shared buckets, -1 for none: policer in packets and bits, storm control. */
  readonly packetPolicer: Int32Array;
  readonly bitPolicer: Int32Array;
  readonly storm: Int32Array;
  /** Per port: index into `acls`, -1 for none. */
  readonly aclIn: Int32Array;
  readonly aclOut: Int32Array;
  /** 4,096 entries, a VLAN each: index into `acls`, -1 for none. */
  readonly vlanAclIn: Int32Array;
  readonly vlanAclOut: Int32Array;
  /** 4,096 entries: where in `members` the list of ports that carry the VLAN begins (first its length), -1 for none. */
  readonly vlans: Int32Array;
  readonly members: Int32Array;
  readonly macs: ReturnType<MacTable['handles']>;
  /** Bits: forward LLDP, LACP, STP instead of dropping. */
  readonly forwardReserved: number;
}

export const Reserved = { Lldp: 1, Lacp: 2, Stp: 4 } as const;

/** What a port with port security may send from. */
export interface SecurityImage {
  /** Pairs of words: MAC high 16 bits, low 32 bits. */
  readonly macs: Int32Array;
  /** Groups of five words: address as four words (IPv4: 0, 0, 0xffff, address) and prefix length of 128. */
  readonly prefixes: Int32Array;
}

export const HopKind = {
  /** The destination itself is a neighbour on `interface`. */
  Connected: 0,
  /** The neighbour `address` on `interface`. */
  Via: 1,
  /** One of the router's own addresses. */
  Local: 2,
  Blackhole: 3,
  Reject: 4,
  /** The router of tenant `tenant`, which shares the prefix. */
  Leak: 5,
} as const;
export type HopKind = (typeof HopKind)[keyof typeof HopKind];

export interface RouterImage {
  /** 4,096 entries: interface on the VLAN, -1 for none. */
  readonly vlanInterface: Int32Array;
  /** Columns with one entry an interface, which keeps its number while it lives; the name of one that is gone is empty. */
  readonly interfaces: number;
  readonly names: readonly string[];
  readonly vlan: Int32Array;
  readonly mtu: Int32Array;
  readonly macHigh: Int32Array;
  readonly macLow: Int32Array;
  readonly aclIn: Int32Array;
  readonly aclOut: Int32Array;
  /** The value that a prefix has in the tables is a set of next hops: `setCount[v]` entries of `setMembers` from `setStart[v]`. */
  readonly routes4: ReturnType<Lpm4['handles']>;
  readonly routes6: ReturnType<Lpm6['handles']>;
  /** Whether a set may have several members, so that flows are told apart by more than their destinations. */
  readonly multipath: boolean;
  readonly setStart: Int32Array;
  readonly setCount: Int32Array;
  readonly setMembers: Int32Array;
  /** Columns with one entry a next hop. */
  readonly hopKind: Uint8Array;
  readonly hopInterface: Int32Array;
  /** Four words a next hop. */
  readonly hopAddress: Int32Array;
  readonly hopTenant: Int32Array;
  /** Keys of the hash by which a flow chooses among the members of a set. */
  readonly hashKeys: Int32Array;
  readonly neighbors: ReturnType<NeighborTable['handles']>;
  /** Punts to the slow path a second: ARP, ND and resolution; packets to the router; ICMP errors. */
  readonly puntRates: readonly [control: number, local: number, errors: number];
}

export const AclAction = { Allow: 0, Deny: 1, Reject: 2 } as const;
export type AclAction = (typeof AclAction)[keyof typeof AclAction];

export interface AclImage {
  readonly name: string;
  readonly tables: AclTables;
  /** Per rule. */
  readonly action: Uint8Array;
  readonly log: Uint8Array;
  /** What befalls IP packets (other than neighbour discovery) that no rule matches: Allow or Deny. ARP, ND and other frames pass. */
  readonly fallback: AclAction;
  /** Hits of each rule and, last, of the fallback: one array a worker, over shared memory. */
  readonly hits: readonly Float64Array[];
  /** What a worker that had the list before adds to its hits when it takes the list over; null: nothing, or the arrays are the same. */
  readonly before: AclBefore | null;
}

/** Hits of a list that another has taken the place of, and for each of the new one's places the old one's, -1: none. */
export interface AclBefore {
  readonly hits: readonly Float64Array[];
  readonly places: Int32Array;
}
