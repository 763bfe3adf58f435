import type { Field } from './fields.ts';

/**
 * Rules, groups and meters as the control side holds them: what the codec reads and writes, the text syntax parses and prints, and
 * the datapath checks and compiles. Numbers are as in the specification; 64-bit ones are bigint; ports, groups, tables and
 * queues are unsigned 32-bit numbers (OFPP_ANY is 0xffffffff).
 */

/** One field of a match or of set-field. Value and mask are big-endian, `field.bytes` long; without a mask all bits count. */
export interface FieldMatch {
  readonly field: Field;
  readonly value: Uint8Array;
  readonly mask: Uint8Array | null;
}

/** In the order in which they came; a field occurs once. */
export type Match = readonly FieldMatch[];

/** Reserved ports, groups and tables, unsigned. Source: 1.3.5, sections 7.2.1, 7.3.4.2, 7.3.4.1. */
export const Ports = {
  Max: 0xffffff00,
  InPort: 0xfffffff8,
  Table: 0xfffffff9,
  Normal: 0xfffffffa,
  Flood: 0xfffffffb,
  All: 0xfffffffc,
  Controller: 0xfffffffd,
  Local: 0xfffffffe,
  Any: 0xffffffff,
} as const;
export const Groups = { Max: 0xffffff00, All: 0xfffffffc, Any: 0xffffffff } as const;
export const Meters = { Max: 0xffff0000, Slowpath: 0xfffffffd, Controller: 0xfffffffe, All: 0xffffffff } as const;
export const ALL_TABLES = 0xff;
export const NO_BUFFER = 0xffffffff;

export type Action =
  | { readonly type: 'output'; readonly port: number; readonly maxLength: number }
  | { readonly type: 'set_field'; readonly field: Field; readonly value: Uint8Array }
  | { readonly type: 'push_vlan' | 'push_mpls' | 'pop_mpls' | 'push_pbb'; readonly ethertype: number }
  | { readonly type: 'pop_vlan' | 'pop_pbb' | 'dec_mpls_ttl' | 'dec_nw_ttl' | 'copy_ttl_out' | 'copy_ttl_in' }
  | { readonly type: 'set_mpls_ttl' | 'set_nw_ttl'; readonly ttl: number }
  | { readonly type: 'group'; readonly group: number }
  | { readonly type: 'set_queue'; readonly queue: number }
  | { readonly type: 'experimenter'; readonly experimenter: number; readonly data: Uint8Array };

export type Instruction =
  | { readonly type: 'goto_table'; readonly table: number }
  | { readonly type: 'write_metadata'; readonly metadata: bigint; readonly mask: bigint }
  | { readonly type: 'write_actions' | 'apply_actions'; readonly actions: readonly Action[] }
  | { readonly type: 'clear_actions' }
  | { readonly type: 'meter'; readonly meter: number }
  | { readonly type: 'experimenter'; readonly experimenter: number; readonly data: Uint8Array };

/** OFPFF_*. */
export const FlowFlag = {
  SendFlowRemoved: 1,
  CheckOverlap: 2,
  ResetCounts: 4,
  NoPacketCounts: 8,
  NoByteCounts: 16,
} as const;

export type FlowCommand = 'add' | 'modify' | 'modify_strict' | 'delete' | 'delete_strict';

export interface FlowMod {
  readonly command: FlowCommand;
  readonly table: number;
  readonly cookie: bigint;
  readonly cookieMask: bigint;
  /** Seconds; 0: never. */
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly priority: number;
  readonly buffer: number;
  /** Filters of delete. */
  readonly outPort: number;
  readonly outGroup: number;
  readonly flags: number;
  readonly match: Match;
  readonly instructions: readonly Instruction[];
}

export type GroupType = 'all' | 'select' | 'indirect' | 'ff';

export interface Bucket {
  readonly weight: number;
  readonly watchPort: number;
  readonly watchGroup: number;
  readonly actions: readonly Action[];
}

export interface GroupMod {
  readonly command: 'add' | 'modify' | 'delete';
  /** OFPGT_*: a number that is no `GroupType` stays one, so that it can be refused with the right code. */
  readonly type: GroupType | number;
  readonly group: number;
  readonly buckets: readonly Bucket[];
}

export type Band =
  | { readonly type: 'drop'; readonly rate: number; readonly burst: number }
  | { readonly type: 'dscp_remark'; readonly rate: number; readonly burst: number; readonly precedenceLevel: number }
  | { readonly type: 'experimenter'; readonly rate: number; readonly burst: number; readonly experimenter: number };

export interface MeterMod {
  readonly command: 'add' | 'modify' | 'delete';
  /** OFPMF_*. */
  readonly flags: number;
  readonly meter: number;
  readonly bands: readonly Band[];
}

export interface PortMod {
  readonly port: number;
  /** Six bytes. */
  readonly address: Uint8Array;
  /** OFPPC_*. */
  readonly config: number;
  readonly mask: number;
  readonly advertise: number;
}

export interface TableMod {
  readonly table: number;
  readonly config: number;
}

export interface PacketOut {
  readonly buffer: number;
  readonly inPort: number;
  readonly actions: readonly Action[];
  /** Empty when a buffer is named. */
  readonly frame: Uint8Array;
}

/** What a datapath refuses a message with. Source: 1.3.5, section 7.4.4; numbers as OFPET_* and OFP*C_*. */
export class OpenFlowError extends Error {
  readonly type: number;
  readonly code: number;

  constructor(type: number, code: number, message: string) {
    super(message);
    this.name = 'OpenFlowError';
    this.type = type;
    this.code = code;
  }
}
