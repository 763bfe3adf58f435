import { OpenFlowError } from '../model.ts';

/** Error types and their codes, in the order of their numbers. Source: 1.3.5, section 7.4.4; bundles: ONF extension 230. */
const TYPES = {
  HELLO_FAILED: { type: 0, prefix: 'OFPHFC', codes: ['INCOMPATIBLE', 'EPERM'] },
  BAD_REQUEST: {
    type: 1,
    prefix: 'OFPBRC',
    codes: [
      ...['BAD_VERSION', 'BAD_TYPE', 'BAD_MULTIPART', 'BAD_EXPERIMENTER', 'BAD_EXP_TYPE', 'EPERM', 'BAD_LEN'],
      ...['BUFFER_EMPTY', 'BUFFER_UNKNOWN', 'BAD_TABLE_ID', 'IS_SLAVE', 'BAD_PORT', 'BAD_PACKET'],
      'MULTIPART_BUFFER_OVERFLOW',
    ],
  },
  BAD_ACTION: {
    type: 2,
    prefix: 'OFPBAC',
    codes: [
      ...[
        'BAD_TYPE',
        'BAD_LEN',
        'BAD_EXPERIMENTER',
        'BAD_EXP_TYPE',
        'BAD_OUT_PORT',
        'BAD_ARGUMENT',
        'EPERM',
        'TOO_MANY',
      ],
      ...['BAD_QUEUE', 'BAD_OUT_GROUP', 'MATCH_INCONSISTENT', 'UNSUPPORTED_ORDER', 'BAD_TAG', 'BAD_SET_TYPE'],
      ...['BAD_SET_LEN', 'BAD_SET_ARGUMENT'],
    ],
  },
  BAD_INSTRUCTION: {
    type: 3,
    prefix: 'OFPBIC',
    codes: [
      ...['UNKNOWN_INST', 'UNSUP_INST', 'BAD_TABLE_ID', 'UNSUP_METADATA', 'UNSUP_METADATA_MASK', 'BAD_EXPERIMENTER'],
      ...['BAD_EXP_TYPE', 'BAD_LEN', 'EPERM'],
    ],
  },
  BAD_MATCH: {
    type: 4,
    prefix: 'OFPBMC',
    codes: [
      ...['BAD_TYPE', 'BAD_LEN', 'BAD_TAG', 'BAD_DL_ADDR_MASK', 'BAD_NW_ADDR_MASK', 'BAD_WILDCARDS', 'BAD_FIELD'],
      ...['BAD_VALUE', 'BAD_MASK', 'BAD_PREREQ', 'DUP_FIELD', 'EPERM'],
    ],
  },
  FLOW_MOD_FAILED: {
    type: 5,
    prefix: 'OFPFMFC',
    codes: ['UNKNOWN', 'TABLE_FULL', 'BAD_TABLE_ID', 'OVERLAP', 'EPERM', 'BAD_TIMEOUT', 'BAD_COMMAND', 'BAD_FLAGS'],
  },
  GROUP_MOD_FAILED: {
    type: 6,
    prefix: 'OFPGMFC',
    codes: [
      ...['GROUP_EXISTS', 'INVALID_GROUP', 'WEIGHT_UNSUPPORTED', 'OUT_OF_GROUPS', 'OUT_OF_BUCKETS'],
      ...['CHAINING_UNSUPPORTED', 'WATCH_UNSUPPORTED', 'LOOP', 'UNKNOWN_GROUP', 'CHAINED_GROUP', 'BAD_TYPE'],
      ...['BAD_COMMAND', 'BAD_BUCKET', 'BAD_WATCH', 'EPERM'],
    ],
  },
  PORT_MOD_FAILED: {
    type: 7,
    prefix: 'OFPPMFC',
    codes: ['BAD_PORT', 'BAD_HW_ADDR', 'BAD_CONFIG', 'BAD_ADVERTISE', 'EPERM'],
  },
  TABLE_MOD_FAILED: { type: 8, prefix: 'OFPTMFC', codes: ['BAD_TABLE', 'BAD_CONFIG', 'EPERM'] },
  QUEUE_OP_FAILED: { type: 9, prefix: 'OFPQOFC', codes: ['BAD_PORT', 'BAD_QUEUE', 'EPERM'] },
  SWITCH_CONFIG_FAILED: { type: 10, prefix: 'OFPSCFC', codes: ['BAD_FLAGS', 'BAD_LEN', 'EPERM'] },
  ROLE_REQUEST_FAILED: { type: 11, prefix: 'OFPRRFC', codes: ['STALE', 'UNSUP', 'BAD_ROLE'] },
  METER_MOD_FAILED: {
    type: 12,
    prefix: 'OFPMMFC',
    codes: [
      ...['UNKNOWN', 'METER_EXISTS', 'INVALID_METER', 'UNKNOWN_METER', 'BAD_COMMAND', 'BAD_FLAGS', 'BAD_RATE'],
      ...['BAD_BURST', 'BAD_BAND', 'BAD_BAND_VALUE', 'OUT_OF_METERS', 'OUT_OF_BANDS'],
    ],
  },
  TABLE_FEATURES_FAILED: {
    type: 13,
    prefix: 'OFPTFFC',
    codes: ['BAD_TABLE', 'BAD_METADATA', 'BAD_TYPE', 'BAD_LEN', 'BAD_ARGUMENT', 'EPERM'],
  },
} as const;

export type ErrorType = keyof typeof TYPES;
export type ErrorCode<Type extends ErrorType> = (typeof TYPES)[Type]['codes'][number];

/** A refusal by the names of the specification: `refuse('BAD_MATCH', 'BAD_PREREQ', '…')`. */
export function refuse<Type extends ErrorType>(type: Type, code: ErrorCode<Type>, message: string): OpenFlowError {
  const { type: number, codes, prefix } = TYPES[type];
  return new OpenFlowError(number, (codes as readonly string[]).indexOf(code), `${prefix}_${code}: ${message}`);
}

/** `OFPBMC_BAD_PREREQ` for type 4, code 9; numbers where there is no name. */
export function errorName(type: number, code: number): string {
  for (const { type: number, codes, prefix } of Object.values(TYPES))
    if (number === type) return `${prefix}_${codes[code] ?? code}`;
  return `${type}/${code}`;
}

/** Errors of bundles: experimenter type, with codes of their own. */
export const BundleError = {
  Unknown: 2300,
  Eperm: 2301,
  BadId: 2302,
  BundleExists: 2303,
  BundleClosed: 2304,
  OutOfBundles: 2305,
  BadType: 2306,
  BadFlags: 2307,
  MsgBadLen: 2308,
  MsgBadXid: 2309,
  MsgUnsup: 2310,
  MsgConflict: 2311,
  MsgTooMany: 2312,
  MsgFailed: 2313,
  Timeout: 2314,
  BundleInProgress: 2315,
} as const;
export type BundleError = (typeof BundleError)[keyof typeof BundleError];

export const EXPERIMENTER_ERROR = 0xffff;

export function refuseBundle(code: BundleError, message: string): OpenFlowError {
  return new OpenFlowError(EXPERIMENTER_ERROR, code, message);
}
