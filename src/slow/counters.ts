/** What the slow path did for a tenant since the tenant was added: `tapyard show` prints it as it is. */
export interface SlowCounters {
  /** Records taken from the workers, and those that made no sense. */
  punts: number;
  malformed: number;
  /** Well-formed packets that the router had no business with: other stations' ARP, advertisements of other routers. */
  ignored: number;
  arpReplies: number;
  arpRequests: number;
  arpAnnouncements: number;
  neighborAdvertisements: number;
  neighborSolicitations: number;
  routerAdvertisements: number;
  neighborsResolved: number;
  neighborsFailed: number;
  neighborsEvicted: number;
  /** Neighbours for which the table had no room, or too many others were being resolved. */
  neighborsRefused: number;
  addressConflicts: number;
  echoReplies: number;
  reassembled: number;
  reassemblyTimeouts: number;
  icmpErrors: number;
  icmpRateLimited: number;
  /** Packets after which no ICMP error may be sent (RFC 1122, section 3.2.2; RFC 4443, section 2.4). */
  icmpForbidden: number;
  macFlaps: number;
  aclLogs: number;
  injected: number;
  /** Frames that were lost since the worker's ring was full, or they were longer than half of it. */
  injectFull: number;
}

export function newCounters(): SlowCounters {
  return {
    punts: 0,
    malformed: 0,
    ignored: 0,
    arpReplies: 0,
    arpRequests: 0,
    arpAnnouncements: 0,
    neighborAdvertisements: 0,
    neighborSolicitations: 0,
    routerAdvertisements: 0,
    neighborsResolved: 0,
    neighborsFailed: 0,
    neighborsEvicted: 0,
    neighborsRefused: 0,
    addressConflicts: 0,
    echoReplies: 0,
    reassembled: 0,
    reassemblyTimeouts: 0,
    icmpErrors: 0,
    icmpRateLimited: 0,
    icmpForbidden: 0,
    macFlaps: 0,
    aclLogs: 0,
    injected: 0,
    injectFull: 0,
  };
}
