/** Whole frames for the control side and for tests: any layers, ARP and neighbour discovery, ICMP answers. */
export * from './build-frame.ts';
export * from './build-icmp.ts';
export * from './build-neighbor.ts';
