/**
 * Every error that the control side shows to its user: one code each, stable, so that scripts and documents may name it. The
 * sentence says what the code stands for; `kind` decides the exit code (src/cli/exit.ts). Errors of the kernel's calls have
 * their codes in native-free; drops of frames have reasons (src/observe/drop.ts) and are no errors.
 */
export const errorCodes = {
  'config-unreadable': { kind: 'input', sentence: 'The configuration file cannot be read.' },
  'config-invalid': { kind: 'config', sentence: 'The configuration file has errors; each is listed.' },
  'config-syntax': { kind: 'config', sentence: 'The file is not YAML.' },
  'config-duplicate-key': { kind: 'config', sentence: 'A key is written twice in one map.' },
  'config-unknown-key': { kind: 'config', sentence: 'The schema has no such key here.' },
  'config-missing-key': { kind: 'config', sentence: 'A key that is needed is missing.' },
  'config-type': { kind: 'config', sentence: 'The value has the wrong shape: text for a map, say.' },
  'config-value': { kind: 'config', sentence: 'The value cannot be read as what the key stands for.' },
  'config-range': { kind: 'config', sentence: 'The value lies outside the range of the key.' },
  'config-conflict': { kind: 'config', sentence: 'Two keys exclude each other, or one needs another.' },
  'config-taken': { kind: 'config', sentence: 'A name, address or device is used twice where it must be unique.' },
  'config-reference': { kind: 'config', sentence: 'Something is named that is not defined.' },
  'config-unreachable': { kind: 'config', sentence: 'A next hop or gateway is on no subnet that is connected.' },
  'config-share': { kind: 'config', sentence: 'What one tenant imports does not agree with what the other exports.' },
  'config-quota': { kind: 'config', sentence: 'The configuration itself exceeds a quota of its tenant.' },
  'config-flow': { kind: 'config', sentence: 'A flow, group or meter is not as ovs-ofctl writes it, or cannot be.' },
  'config-file': { kind: 'config', sentence: 'A file that the configuration names cannot be used.' },
  'change-on-trial': { kind: 'unavailable', sentence: 'Another change waits to be confirmed or taken back.' },
  'device-unusable': { kind: 'unavailable', sentence: 'A device cannot be opened or changed.' },
  'needs-restart': { kind: 'config', sentence: 'The change cannot be made while the switch runs.' },
  'routes-unreadable': { kind: 'input', sentence: 'The file of routes cannot be read.' },
  'routes-invalid': { kind: 'data', sentence: 'The file of routes has lines that are not "prefix next-hop".' },
  'rules-unreadable': { kind: 'input', sentence: 'The file of rules cannot be read.' },
  'rules-invalid': {
    kind: 'data',
    sentence: 'Flows, groups or meters are not as ovs-ofctl writes them. Nothing was changed.',
  },
  'rules-refused': {
    kind: 'data',
    sentence: 'The datapath refuses a flow, group or meter, by the name that OpenFlow has for it. Nothing was changed.',
  },
  'wrong-node': { kind: 'config', sentence: 'The library runs under a Node that cannot reach Linux.' },
  'port-unusable': {
    kind: 'unavailable',
    sentence: 'A program cannot send or receive at a port: it is not there, or no memory port.',
  },
  usage: { kind: 'usage', sentence: 'The command line is wrong.' },
  'pcap-unreadable': {
    kind: 'input',
    sentence: 'The capture file cannot be read, or holds no frames that can be used.',
  },
  'data-unreadable': { kind: 'input', sentence: 'A file that a benchmark works on cannot be read.' },
  'data-invalid': { kind: 'data', sentence: 'A file that a benchmark works on has lines that it cannot use.' },
  'peer-failed': { kind: 'check', sentence: 'A program that a benchmark compares with did not build or did not run.' },
  'package-missing': {
    kind: 'config',
    sentence: 'An optional package that a port needs is missing, or cannot be used.',
  },
  'capture-failed': { kind: 'unavailable', sentence: 'libpcap cannot open a device.' },
  'check-failed': { kind: 'check', sentence: 'What was to be checked does not hold.' },
  'openflow-listen': { kind: 'unavailable', sentence: 'An address of an OpenFlow channel cannot be listened at.' },
  'not-running': { kind: 'unavailable', sentence: 'No switch answers on the control socket.' },
  'already-running': { kind: 'unavailable', sentence: 'Another switch holds the control socket or the devices.' },
  'not-permitted': { kind: 'permission', sentence: 'A privilege is missing.' },
} as const;

export type ErrorCode = keyof typeof errorCodes;
export type ErrorKind = (typeof errorCodes)[ErrorCode]['kind'];

/** Where something stands in a file. Line and column count from 1, in UTF-16 units as editors do; `width` is what to underline. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly width: number;
}

/** One thing that is wrong in a file. `source` is the line at `place`. */
export interface Diagnostic {
  readonly code: ErrorCode;
  readonly message: string;
  readonly cure: string;
  readonly place: Place;
  readonly source: string;
  /** The other place that takes part: where a name was first given, say. */
  readonly related?: { readonly message: string; readonly place: Place };
}

/** A failure that the user can mend. `message` says what is wrong, `cure` what to do; neither ends in a full stop. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly code: ErrorCode;
  readonly cure: string;
  readonly diagnostics: readonly Diagnostic[];

  constructor(
    code: ErrorCode,
    message: string,
    cure: string,
    more: { readonly diagnostics?: readonly Diagnostic[]; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.cure = cure;
    this.diagnostics = more.diagnostics ?? [];
  }

  get kind(): ErrorKind {
    return errorCodes[this.code].kind;
  }
}
