/**
 * Every reason for which a frame can be dropped, with the sentence that explains it to a user. Metrics, trace, `tapyard show
 * drops` and the documents read this list; nothing is dropped for a reason that is not here.
 */
const REASONS = [
  // ingress
  ['malformed', 'The Ethernet, VLAN or IP header is cut short or contradicts itself.'],
  ['truncated', 'The frame was longer than the buffers it was read into.'],
  ['bad-offload', 'The virtio-net header does not fit the frame that follows it.'],
  ['link-down', 'The port that the frame came from or was to leave by is down.'],
  ['uplink-vlan', 'The frame came from an uplink without an outer VLAN tag that belongs to a tenant.'],
  ['port-security', 'The source MAC or address does not belong to the port.'],
  ['port-rate', 'The port is over its own packets or bits a second.'],
  ['tenant-rate', 'The tenant is over its quota of packets or bits a second.'],
  ['tenant-frames', 'The tenant is over its quota of frames in flight.'],
  ['storm', 'The port is over its limit of broadcast, multicast and unknown unicast frames a second.'],
  // bridge
  ['vlan-not-allowed', 'The port does not carry the VLAN of the frame.'],
  [
    'reserved',
    'The destination is a reserved bridge address (IEEE 802.1D, table 7-10), which a bridge does not forward.',
  ],
  ['bad-source', 'The source MAC is a group address, zero, or the router’s own.'],
  ['same-port', 'The destination is behind the port that the frame came from.'],
  ['no-member', 'No other port of the VLAN can take the frame.'],
  ['acl-in', 'An ingress ACL denies the frame.'],
  ['acl-out', 'An egress ACL denies the frame.'],
  // router
  ['ip-header', 'The IP header has a wrong version, length or checksum.'],
  [
    'martian',
    'The source or destination address must not be routed (loopback, unspecified, link-local, multicast source), or a source is not of the tenant that shares it.',
  ],
  ['ttl', 'The TTL or hop limit ran out.'],
  ['no-route', 'No route leads to the destination.'],
  ['blackhole', 'A blackhole route matches the destination.'],
  ['reject', 'A reject route matches the destination.'],
  ['too-big', 'The packet is longer than the MTU of its way out and must not be fragmented.'],
  ['neighbor-failed', 'The next hop does not answer ARP or neighbour solicitations.'],
  ['neighbor-queue', 'Too many frames wait for the next hop to answer ARP or neighbour solicitations.'],
  ['multicast-route', 'Multicast is not routed.'],
  ['not-for-us', 'The packet is addressed to the router, which offers no such service.'],
  // to the slow path
  ['punt-rate', 'The tenant is over its rate of frames for the slow path.'],
  ['punt-full', 'The ring to the slow path is full.'],
  // egress
  ['mtu', 'The frame is longer than the MTU of the port it was to leave by.'],
  ['no-slot', 'The pool has no free slot for a copy.'],
  ['tx-full', 'The port that the frame was to leave by takes no more frames.'],
  ['tx-error', 'The kernel refused the frame on the port that it was to leave by.'],
  ['port-closed', 'The port that the frame came from or was to leave by is being removed.'],
  // OpenFlow
  ['table-miss', 'No rule of the table matches the frame.'],
  ['rule-drop', 'The rules that match the frame send it nowhere.'],
  ['meter', 'A meter is over its rate.'],
  ['queue-rate', 'The queue of the port is over its rate.'],
  ['rule-ttl', 'An action would have taken down a TTL that had run out.'],
  ['rule-port', 'The configuration of the OpenFlow port lets no such frame through.'],
  ['rule-fragment', 'The datapath was told to drop fragments.'],
  ['rule-work', 'Groups within groups asked for more copies of one frame than are made.'],
  // impairments
  ['impaired', 'The port is impaired (impair: loss), and the dice took the frame.'],
  // crashes
  ['worker-died', 'The worker that had the frame has died, and was started again.'],
] as const;

export type DropName = (typeof REASONS)[number][0];

/** All reasons in the order of their numbers. */
export const DROP_REASONS: readonly { readonly name: DropName; readonly text: string }[] = REASONS.map(
  ([name, text]) => ({
    name,
    text,
  }),
);

export const DROP_COUNT = DROP_REASONS.length;

/** Number of each reason, by name in camel case: constants, since the path compares and counts with them. */
export const Drop = {
  Malformed: 0,
  Truncated: 1,
  BadOffload: 2,
  LinkDown: 3,
  UplinkVlan: 4,
  PortSecurity: 5,
  PortRate: 6,
  TenantRate: 7,
  TenantFrames: 8,
  Storm: 9,
  VlanNotAllowed: 10,
  Reserved: 11,
  BadSource: 12,
  SamePort: 13,
  NoMember: 14,
  AclIn: 15,
  AclOut: 16,
  IpHeader: 17,
  Martian: 18,
  Ttl: 19,
  NoRoute: 20,
  Blackhole: 21,
  Reject: 22,
  TooBig: 23,
  NeighborFailed: 24,
  NeighborQueue: 25,
  MulticastRoute: 26,
  NotForUs: 27,
  PuntRate: 28,
  PuntFull: 29,
  Mtu: 30,
  NoSlot: 31,
  TxFull: 32,
  TxError: 33,
  PortClosed: 34,
  TableMiss: 35,
  RuleDrop: 36,
  Meter: 37,
  QueueRate: 38,
  RuleTtl: 39,
  RulePort: 40,
  RuleFragment: 41,
  RuleWork: 42,
  Impaired: 43,
  WorkerDied: 44,
} as const;
export type Drop = (typeof Drop)[keyof typeof Drop];
