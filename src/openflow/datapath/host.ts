/** Frames and bytes of a port, from the tenant's books. */
export interface PortCounts {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly rxDropped: number;
}

export interface DatapathHost {
  /** Milliseconds of the workers' clock. */
  readonly nowMs: () => number;
  readonly wake: (worker: number) => void;
  readonly portCounts: (row: number) => PortCounts;
}
