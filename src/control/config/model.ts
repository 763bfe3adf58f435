import type { Address, Prefix } from '../../wire/address.ts';

/**
 * What a configuration file means: plain frozen objects, everything resolved and explicit, in the order of the file. `null`
 * stands for «none» or «no limit», as each field says. Nothing here knows YAML; `placeOf` (place.ts) tells from which line an
 * object came. Names are unique: tenants and uplinks in the file, ports, interfaces and ACLs in their tenant.
 */
export interface SwitchModel {
  /** The file as it was named to `loadConfig`, made absolute. */
  readonly file: string;
  readonly workers: number;
  /** Where metrics are served; null: nowhere. */
  readonly metrics: EndpointModel | null;
  readonly tenants: readonly TenantModel[];
  readonly uplinks: readonly UplinkModel[];
}

/** An address and a TCP port to listen on. */
export interface EndpointModel {
  readonly host: string;
  readonly port: number;
}

export interface TenantModel {
  readonly name: string;
  readonly bridge: BridgeModel;
  readonly router: RouterModel | null;
  readonly acls: readonly AclModel[];
  readonly openflow: OpenFlowModel;
  /** What `tapyard lab` starts; the switch itself knows nothing of them. */
  readonly servers: readonly ServerModel[];
  readonly quota: QuotaModel;
  readonly share: ShareModel;
}

export type { Address, Prefix };

/** An address with the subnet it lies in, as `10.0.10.1/24` gives both. `text` is that form. */
export interface InterfaceAddress {
  readonly address: Address;
  readonly subnet: Prefix;
  readonly text: string;
}

export interface BridgeModel {
  readonly macAgeSeconds: number;
  /** Moves of one MAC address from port to port within ten seconds; more count as flapping. */
  readonly macMoveLimit: number;
  readonly staticMacs: readonly StaticMac[];
  readonly forwardReserved: readonly ReservedProtocol[];
  /** The tenant's own ports in the order of the file, then its sub-ports of uplinks. */
  readonly ports: readonly PortModel[];
}

export interface StaticMac {
  /** Six lower-case hexadecimal bytes with colons, as all MAC addresses here. */
  readonly mac: string;
  readonly vlan: number;
  readonly port: string;
}

/** Protocols with reserved group addresses that a bridge otherwise swallows (IEEE 802.1D, table 7-10). */
export type ReservedProtocol = 'lldp' | 'lacp' | 'stp';

export type PortModel = TapPort | NetdevPort | QemuPort | CapPort | PcapPort | MemoryPort | UplinkPort;

/** What is said of every port, whatever carries it. */
export interface PortSettings {
  readonly name: string;
  /** OpenFlow port number; null: one that is free (`numberPorts`). */
  readonly ofport: number | null;
  readonly vlan: VlanSettings;
  /** Largest layer 3 packet, bytes. */
  readonly mtu: number;
  /** MAC address of the station behind the port; for a TAP that of its kernel side. null: not known (a TAP: the kernel's choice). */
  readonly mac: string | null;
  readonly security: PortSecurity | null;
  /** Policers of what the port sends: frames a second, bits a second; null: no limit. */
  readonly pps: number | null;
  readonly rate: number | null;
  /** Broadcast, multicast and unknown unicast frames that the port may send a second; null: no limit. */
  readonly storm: number | null;
}

/**
 * access: untagged and priority-tagged frames belong to `vlan`; other tags are refused. trunk: `allowed` is sorted and holds
 * `native`; untagged frames belong to `native`, null refuses them. tunnel: whatever comes, tags and all, is payload of `vlan`
 * (802.1ad customer port, dot1q-tunnel).
 */
export type VlanSettings =
  | { readonly mode: 'access'; readonly vlan: number }
  | { readonly mode: 'trunk'; readonly allowed: readonly number[]; readonly native: number | null }
  | { readonly mode: 'tunnel'; readonly vlan: number };

/** All that a port may send from. An empty list of addresses restricts MAC addresses alone. */
export interface PortSecurity {
  readonly macs: readonly string[];
  readonly addresses: readonly Prefix[];
}

/** A bad line in the direction that leaves the switch; the words of tc-netem(8). Shares are of 1. */
export interface ImpairModel {
  readonly delayUs: number;
  readonly jitterUs: number;
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  /** Bits a second; null: no limit. */
  readonly rate: number | null;
  /** Frames that may wait. */
  readonly queue: number;
  readonly seed: number;
}

/** What is said of every device. */
export interface AnyDevice {
  /** null: the line is good. */
  readonly impair: ImpairModel | null;
}

export interface TapDevice extends AnyDevice {
  readonly kind: 'tap';
  /** The kernel's name, at most 15 bytes. */
  readonly device: string;
  /** Namespace that the kernel side is moved to, created when absent; null: stays where Tapyard runs. */
  readonly netns: string | null;
  /** Set on the kernel side. */
  readonly addresses: readonly InterfaceAddress[];
  /** Default routes of the kernel side, at most one a family. */
  readonly gateways: readonly Address[];
  readonly offloads: boolean;
  /** The device stays when Tapyard ends. */
  readonly persistent: boolean;
}

export interface NetdevDevice extends AnyDevice {
  readonly kind: 'netdev';
  readonly device: string;
  /** Join it although it carries addresses or a default route. */
  readonly force: boolean;
}

/** A device through libpcap: a copy of what it receives. */
export interface CapDevice extends AnyDevice {
  readonly kind: 'cap';
  readonly device: string;
}

export interface PcapDevice extends AnyDevice {
  readonly kind: 'pcap';
  /** Absolute paths; at least one is not null. */
  readonly read: string | null;
  readonly write: string | null;
  /** recorded: by the time stamps of the file; speed: as fast as the port is read. */
  readonly pace: 'recorded' | 'speed';
  /** How often the file is read; null: for ever. */
  readonly loops: number | null;
}

export interface MemoryDevice extends AnyDevice {
  readonly kind: 'memory';
}

/** A virtual machine behind a unix stream socket, as QEMU speaks it. */
export interface QemuDevice extends AnyDevice {
  readonly kind: 'qemu';
  /** Whether Tapyard listens at the path, or connects to it. */
  readonly listen: boolean;
  /** Absolute. */
  readonly path: string;
}

export type Device = TapDevice | NetdevDevice | QemuDevice | CapDevice | PcapDevice | MemoryDevice;

export type TapPort = PortSettings & TapDevice;
export type NetdevPort = PortSettings & NetdevDevice;
export type QemuPort = PortSettings & QemuDevice;
export type CapPort = PortSettings & CapDevice;
export type PcapPort = PortSettings & PcapDevice;
export type MemoryPort = PortSettings & MemoryDevice;
/** The tenant's share of an uplink: what carries `outerVlan` there. */
export type UplinkPort = PortSettings & {
  readonly kind: 'uplink';
  readonly uplink: string;
  readonly outerVlan: number;
};

/** A device that several tenants share, each by its own outer VLAN. */
export interface UplinkModel {
  readonly name: string;
  readonly device: Device;
  readonly mtu: number;
  /** EtherType of the outer tag. */
  readonly ethertype: 0x8100 | 0x88a8;
  readonly tenants: readonly UplinkTenant[];
}

export interface UplinkTenant {
  readonly tenant: string;
  readonly vlan: number;
  /** Name of the tenant's sub-port. */
  readonly port: string;
}

export interface RouterModel {
  readonly hostname: string;
  /** ICMP errors that the router sends a second. */
  readonly icmpRate: number;
  readonly interfaces: readonly InterfaceModel[];
  readonly routes: readonly RouteModel[];
  /** Absolute path of a file for `readRoutesFile`, or null. */
  readonly routesFile: string | null;
  readonly neighbors: readonly NeighborModel[];
}

export interface InterfaceModel {
  readonly name: string;
  readonly vlan: number;
  readonly mac: string;
  readonly addresses: readonly InterfaceAddress[];
  readonly mtu: number;
  /** Router advertisements (RFC 4861, section 6.2); null: none are sent. */
  readonly advertise: AdvertiseModel | null;
}

export interface AdvertiseModel {
  /** Most seconds between two unsolicited advertisements. */
  readonly intervalSeconds: number;
  /** How long hosts may use the router as their default; 0: not at all. */
  readonly lifetimeSeconds: number;
  readonly managed: boolean;
  readonly other: boolean;
}

export interface RouteModel {
  readonly to: Prefix;
  readonly action: 'forward' | 'blackhole' | 'reject';
  /** Empty unless `action` is forward; several share the traffic by weight (ECMP). */
  readonly hops: readonly HopModel[];
}

export interface HopModel {
  /** null: the destination itself is on the link of `interface`. */
  readonly address: Address | null;
  readonly interface: string;
  /** 1..255. */
  readonly weight: number;
}

export interface NeighborModel {
  readonly address: Address;
  readonly mac: string;
  readonly interface: string;
}

export interface AclModel {
  readonly name: string;
  readonly rules: readonly AclRule[];
  /** For what no rule matches. ARP and neighbour discovery pass then, whatever it says. */
  readonly fallback: 'allow' | 'deny';
  readonly ingress: readonly AclTarget[];
  readonly egress: readonly AclTarget[];
}

export type AclTarget =
  | { readonly kind: 'port'; readonly port: string }
  | { readonly kind: 'vlan'; readonly vlan: number }
  | { readonly kind: 'interface'; readonly interface: string };

export interface AclRule {
  readonly action: 'allow' | 'deny' | 'reject';
  readonly log: boolean;
  readonly match: AclMatch;
  /** The rule in one line, for `show` and logs: `deny tcp to 10.0.20.0/24 dport 22`. */
  readonly text: string;
}

/** null, or an empty list, matches anything. Several entries of a list: any of them. */
export interface AclMatch {
  readonly sourceMac: MacMatch | null;
  readonly destinationMac: MacMatch | null;
  readonly ethertype: number | null;
  readonly vlan: number | null;
  /** The IP version that the rest of the rule implies; null when it implies none. */
  readonly family: 4 | 6 | null;
  readonly from: readonly Prefix[];
  readonly to: readonly Prefix[];
  readonly proto: number | null;
  readonly sourcePorts: readonly PortRange[];
  readonly destinationPorts: readonly PortRange[];
  /** TCP: (flags & mask) === value. */
  readonly flags: { readonly mask: number; readonly value: number } | null;
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
}

export interface MacMatch {
  readonly value: string;
  readonly mask: string;
}

/** Both ends included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** A tenant's OpenFlow datapath. */
export interface OpenFlowModel {
  /** Sixteen hexadecimal digits. */
  readonly dpid: string;
  /** `tcp:HOST:PORT`, `ssl:HOST:PORT`, `unix:PATH` with an absolute path; of `listen` also Open vSwitch's `ptcp:` and the like. */
  readonly listen: readonly string[];
  readonly controllers: readonly string[];
  readonly failMode: 'standalone' | 'secure';
  /** Seconds without a message until a connection is probed, and until it is given up after that. */
  readonly probeSeconds: number;
  readonly tls: TlsModel | null;
  /** Texts as ovs-ofctl writes them; they may name ports, so that they are read once ports have their numbers. */
  readonly meters: readonly string[];
  readonly groups: readonly string[];
  readonly flows: readonly string[];
  readonly queues: readonly QueueModel[];
}

/** Absolute paths of PEM files. */
export interface TlsModel {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** A queue of a port: a policer of what the action set_queue puts under it. */
export interface QueueModel {
  readonly port: string;
  readonly id: number;
  /** Bits a second. */
  readonly rate: number;
}

/** A virtual machine or a namespace that the lab starts and plugs into a port of the tenant. */
export type ServerModel = NamespaceServer | QemuServer;

export interface ServerSettings {
  readonly name: string;
  readonly port: string;
  readonly restart: 'never' | 'on-failure' | 'always';
  /** 1..10000, where 100 is what everything else has; null: that. */
  readonly cpuShare: number | null;
}

export interface NamespaceServer extends ServerSettings {
  readonly kind: 'namespace';
  readonly netns: string;
  /** Program and arguments; empty: nothing runs. */
  readonly run: readonly string[];
}

export type QemuServer = ServerSettings & { readonly kind: 'qemu' } & QemuMachine;

export interface QemuMachine {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** Absolute paths. */
  readonly disk: string | null;
  readonly kernel: string | null;
  readonly initrd: string | null;
  readonly append: string | null;
  readonly accel: 'auto' | 'kvm' | 'tcg';
  /** Absolute path of a file for what the serial console says; null: nowhere. */
  readonly console: string | null;
  readonly mac: string;
  readonly nic:
    | { readonly kind: 'tap'; readonly device: string; readonly mtu: number }
    | { readonly kind: 'socket'; readonly path: string };
}

export interface QuotaModel {
  /** Frames in flight. */
  readonly frames: number;
  readonly macs: number;
  readonly neighbors: number;
  readonly routes: number;
  readonly aclRules: number;
  /** OpenFlow rules. */
  readonly rules: number;
  /** Frames and bits a second of all ports together; null: no limit. */
  readonly pps: number | null;
  readonly rate: number | null;
  /** Share of the workers' time, 1..100. */
  readonly weight: number;
}

export interface ShareModel {
  readonly exports: readonly SharedPrefixes[];
  readonly imports: readonly SharedPrefixes[];
}

export interface SharedPrefixes {
  /** The tenant on the other side. */
  readonly tenant: string;
  readonly prefixes: readonly Prefix[];
}
