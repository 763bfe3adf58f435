import { BATCH_SIZE } from './layout.ts';

/** What has become of a frame so far. */
export const Fate = {
  /** Goes on to the next stage. */
  Live: 0,
  /** Dropped for `reason`; its references are given back at the end of the batch. */
  Dropped: 1,
  /** Copied to the slow path; its references are given back at the end of the batch. */
  Punted: 2,
  /** Its references went over to the outputs made of it. */
  Sent: 3,
  /** Its references went over to the queue that waits for a neighbour. */
  Held: 4,
  /** Its references went over to another tenant's router. */
  Leaked: 5,
} as const;
export type Fate = (typeof Fate)[keyof typeof Fate];

/** What lies behind the Ethernet header and the first VLAN tag. */
export const Kind = { Other: 0, Ipv4: 1, Ipv6: 2, Arp: 3 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** Bits of `traits`. */
export const Trait = {
  /** Made by the router itself: its TTL stays, and ACLs of router interfaces do not see it. */
  Generated: 1,
  /** Came from another tenant's router, which has taken the TTL down already. */
  Leaked: 2,
  /** A fragment that is not the first: `proto` is known, ports are not. */
  LaterFragment: 4,
  /** Any fragment. */
  Fragment: 8,
  /** An IP packet whose transport header cannot be seen although it should be here: nobody can say what it carries. */
  Opaque: 16,
  /** Was routed: left by the router, so ACLs of the egress interface apply, and MACs were rewritten. */
  Routed: 32,
  /** Destination MAC is a group address. */
  Group: 64,
  /** Came from a tunnel port: what is behind the Ethernet header is payload, tags and all. */
  Tunnelled: 128,
  /** A list has rejected it, and the slow path has heard of it: once, however many ways out it has. */
  Rejected: 256,
} as const;

/**
 * Up to 256 frames as parallel arrays: the one thing that ports fill and stages work on. All positions are absolute in the
 * pool's bytes; lengths are bytes. A frame is `head` (from `start`, `headLength` bytes) and, if `body` is not -1, `bodyLength`
 * bytes more at `bodyStart`. The batch owns one reference to each slot until the frame's fate says otherwise.
 */
export class Batch {
  readonly capacity: number;
  count = 0;
  /** Index of the tenant that all frames of the batch belong to. */
  tenant = 0;
  /** Monotonic time at which the batch was received: microseconds (double), and milliseconds wrapped to 32 bits. */
  nowUs = 0;
  nowMs = 0;
  /**
   * Whether all frames are live and lie in their heads alone, without work left over by offloads but what `summed` says, and `bytes` is what
   * they have together.
   * Ports keep it for a batch that whoever reads them has set it for; false everywhere else.
   */
  plain = false;
  bytes = 0;
  /** Row that all frames of a plain batch came by; the column `port` says the same. */
  row = 0;
  /** Whether columns that are the same for all frames of this plain batch are still to be written: `spread` does, for whoever reads them. */
  bare = false;
  /** Whether frames of this plain batch may have a checksum to complete; `csumStart` and `csumOffset` then hold what there is, if it is bare too. */
  summed = false;

  readonly head: Int32Array;
  readonly start: Int32Array;
  readonly headLength: Int32Array;
  readonly body: Int32Array;
  readonly bodyStart: Int32Array;
  readonly bodyLength: Int32Array;

  /** Virtio-net header: gso type without ECN bit, gso size; checksum to complete from `csumStart` (absolute, -1: none) at + `csumOffset`. */
  readonly gsoType: Uint8Array;
  /** 0x80 where the super-frame's segments carry ECN (VIRTIO_NET_HDR_GSO_ECN), else 0. */
  readonly gsoEcn: Uint8Array;
  readonly gsoSize: Int32Array;
  readonly csumStart: Int32Array;
  readonly csumOffset: Int32Array;
  /** Packets that a super-frame stands for, 1 otherwise; set by the offload check. */
  readonly segments: Int32Array;

  readonly fate: Uint8Array;
  readonly reason: Uint8Array;
  readonly traits: Int32Array;

  /** Row in the ledger and index in the tenant's ports of where the frame came from; the number of ports is the router. */
  readonly port: Int32Array;
  /** VLAN that the frame belongs to, and whether a tag of it lies in the frame (`tagged`), its TPID and PCP/DEI bits (TCI & 0xf000). */
  readonly vlan: Int32Array;
  readonly tagged: Uint8Array;
  readonly tpid: Int32Array;
  readonly priority: Int32Array;

  readonly kind: Uint8Array;
  /** EtherType behind the VLAN tag. */
  readonly etherType: Int32Array;
  /** Absolute position of the network header; of the transport header, or -1 where it is not there (later fragments, cut short). */
  readonly l3: Int32Array;
  readonly l4: Int32Array;
  /** IP protocol of the transport header, -1 if not IP. */
  readonly proto: Int32Array;
  /** Source and destination port or, for ICMP, type and code; -1 where there is none. */
  readonly sport: Int32Array;
  readonly dport: Int32Array;
  /** Length of the IP packet in bytes as its header says; 0 if not IP. */
  readonly ipLength: Int32Array;

  /** Router interface that the frame came in by, and goes out by; -1: not routed. */
  readonly inInterface: Int32Array;
  readonly outInterface: Int32Array;
  /** Next hop: index in the tenant's next hops. */
  readonly nextHop: Int32Array;
  /** Tenant that a leaked frame goes to, and that it came from. */
  readonly leakTo: Int32Array;
  readonly leakedFrom: Int32Array;
  /** Longest IP packet that may leave: longer IPv4 packets are fragmented to it; 0: no limit but the port's. */
  readonly limit: Int32Array;

  /** A copy of the head in the other form (tagged instead of untagged, or the reverse), shared by further outputs; -1: none. */
  readonly twin: Int32Array;
  readonly twinStart: Int32Array;

  readonly #columns: Int32Array[] = [];
  readonly #octets: Uint8Array[] = [];

  constructor(capacity: number = BATCH_SIZE) {
    this.capacity = capacity;
    const words = () => {
      const column = new Int32Array(capacity);
      this.#columns.push(column);
      return column;
    };
    const octets = () => {
      const column = new Uint8Array(capacity);
      this.#octets.push(column);
      return column;
    };
    this.head = words();
    this.start = words();
    this.headLength = words();
    this.body = words();
    this.bodyStart = words();
    this.bodyLength = words();
    this.gsoType = octets();
    this.gsoEcn = octets();
    this.gsoSize = words();
    this.csumStart = words();
    this.csumOffset = words();
    this.segments = words();
    this.fate = octets();
    this.reason = octets();
    this.traits = words();
    this.port = words();
    this.vlan = words();
    this.tagged = octets();
    this.tpid = words();
    this.priority = words();
    this.kind = octets();
    this.etherType = words();
    this.l3 = words();
    this.l4 = words();
    this.proto = words();
    this.sport = words();
    this.dport = words();
    this.ipLength = words();
    this.inInterface = words();
    this.outInterface = words();
    this.nextHop = words();
    this.leakTo = words();
    this.leakedFrom = words();
    this.limit = words();
    this.twin = words();
    this.twinStart = words();
  }

  /**
   * Appends a frame that was just read; the batch takes over the references. The caller sees to it that there is room.
   * Virtio-net columns say «nothing to do»; those of what is in the frame are set by `reset`, and by the stage `parse`.
   */
  push(head: number, start: number, headLength: number, body: number, bodyStart: number, bodyLength: number): number {
    const i = this.count++;
    if (body >= 0) this.plain = false;
    this.bytes += headLength;
    this.head[i] = head;
    this.start[i] = start;
    this.headLength[i] = headLength;
    this.body[i] = body;
    this.bodyStart[i] = bodyStart;
    this.bodyLength[i] = bodyLength;
    this.gsoType[i] = 0;
    this.csumStart[i] = -1;
    this.fate[i] = Fate.Live;
    this.twin[i] = -1;
    return i;
  }

  /** Writes the columns of a bare batch. */
  spread(): void {
    if (!this.bare) return;
    this.bare = false;
    this.clean(0);
    this.port.fill(this.row, 0, this.count);
  }

  /** Writes into the columns of frames from `first` on that they are live and lie in their heads alone, without work left over by offloads that is not written already. */
  clean(first: number): void {
    const { count } = this;
    this.body.fill(-1, first, count);
    this.bodyLength.fill(0, first, count);
    this.gsoType.fill(0, first, count);
    if (!this.summed) this.csumStart.fill(-1, first, count);
    this.fate.fill(Fate.Live, first, count);
    this.twin.fill(-1, first, count);
  }

  /** Sets the columns of frame i that stages fill in to «nothing known». */
  reset(i: number): void {
    this.segments[i] = 1;
    this.traits[i] = 0;
    this.outInterface[i] = -1;
    this.inInterface[i] = -1;
    this.limit[i] = 0;
  }

  /**
   * Appends frame i of another batch with all that is known of it; the references go over. The other batch must then give the
   * frame a fate that says so.
   */
  take(from: Batch, i: number): number {
    const to = this.count++;
    const target = this.#columns;
    const source = from.#columns;
    for (let c = 0; c < target.length; c++) target[c][to] = source[c][i];
    const targetOctets = this.#octets;
    const sourceOctets = from.#octets;
    for (let c = 0; c < targetOctets.length; c++) targetOctets[c][to] = sourceOctets[c][i];
    return to;
  }

  /** Moves frame `from` of this batch to the earlier place `to`, to close gaps. */
  move(from: number, to: number): void {
    for (const column of this.#columns) column[to] = column[from];
    for (const column of this.#octets) column[to] = column[from];
  }

  drop(i: number, reason: number): void {
    this.fate[i] = Fate.Dropped;
    this.reason[i] = reason;
  }

  /** Bytes of frame i on the wire, as it lies in the slots now. */
  length(i: number): number {
    return this.headLength[i] + this.bodyLength[i];
  }
}
