/** Helper threads by the number of processors, which `bin/node-pinned` knows. */
const inherited = process.execArgv.filter((word) => word.startsWith('--v8-pool-size='));

/** Flags for a program of ours that is started by `process.execPath`, past `bin/node-pinned`: those that it would have given. */
export const NODE_FLAGS: readonly string[] = [
  ...inherited,
  '--no-lazy-feedback-allocation',
  '--disable-warning=ExperimentalWarning',
];
