import type { Band, Bucket, FlowMod, GroupMod, MeterMod, PacketOut, PortMod, TableMod } from '../model.ts';
import { action, actions } from './action.ts';
import { type Codec, list, pad, raw, rest, sized, struct, u8, u16, u32, word } from './bytes.ts';
import { refuse } from './errors.ts';
import { instructions } from './instruction.ts';
import { match } from './match.ts';

/** What changes a datapath. Source: 1.3.5, sections 7.3.4 and 7.3.7. */

const COMMANDS = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const;

/** Written out, not described: it comes a hundred thousand times where the others come once. */
export const flowMod: Codec<FlowMod> = {
  read: (from) => {
    const cookie = from.u64();
    const cookieMask = from.u64();
    const table = from.u8();
    const number = from.u8();
    const idleTimeout = from.u16();
    const hardTimeout = from.u16();
    const priority = from.u16();
    const buffer = from.u32();
    const outPort = from.u32();
    const outGroup = from.u32();
    const flags = from.u16();
    from.skip(2);
    const fields = match.read(from);
    const command = COMMANDS[number];
    if (command === undefined) throw refuse('FLOW_MOD_FAILED', 'BAD_COMMAND', `there is no command ${number}`);
    const todo = instructions.read(from);
    return {
      ...{ command, table, cookie, cookieMask, idleTimeout, hardTimeout, priority, buffer, outPort, outGroup, flags },
      match: fields,
      instructions: todo,
    };
  },
  write: (into, mod) => {
    into.u64(mod.cookie);
    into.u64(mod.cookieMask);
    into.u8(mod.table);
    into.u8(COMMANDS.indexOf(mod.command));
    into.u16(mod.idleTimeout);
    into.u16(mod.hardTimeout);
    into.u16(mod.priority);
    into.u32(mod.buffer);
    into.u32(mod.outPort);
    into.u32(mod.outGroup);
    into.u16(mod.flags);
    into.zeros(2);
    match.write(into, mod.match);
    instructions.write(into, mod.instructions);
  },
};

const bucketBody = struct({ weight: u16, watchPort: u32, watchGroup: u32, _pad: pad(4), actions });

export const bucket: Codec<Bucket> = {
  read: (from) => {
    const length = from.u16();
    if (length < 16 || length - 2 > from.left)
      throw refuse('GROUP_MOD_FAILED', 'BAD_BUCKET', `a bucket has ${length} bytes`);
    return bucketBody.read(from.part(length - 2));
  },
  write: sized(bucketBody).write,
};

export const groupType = word(u8, { all: 0, select: 1, indirect: 2, ff: 3 });

const groupHead = struct({ command: u16, type: groupType, _pad: pad(1), group: u32, buckets: list(bucket) });
const THREE = ['add', 'modify', 'delete'] as const;

export const groupMod: Codec<GroupMod> = {
  read: (from) => {
    const { command: number, ...body } = groupHead.read(from);
    const command = THREE[number];
    if (command === undefined) throw refuse('GROUP_MOD_FAILED', 'BAD_COMMAND', `there is no command ${number}`);
    return { ...body, command };
  },
  write: (into, { command, ...body }) => groupHead.write(into, { ...body, command: THREE.indexOf(command) }),
};

const BAND = { drop: 1, dscp_remark: 2, experimenter: 0xffff } as const;

export const band: Codec<Band> = {
  read: (from) => {
    const number = from.u16();
    const length = from.u16();
    if (length !== 16 || from.left < 12) throw refuse('METER_MOD_FAILED', 'BAD_BAND', `a band has ${length} bytes`);
    const rate = from.u32();
    const burst = from.u32();
    if (number === BAND.drop) {
      from.skip(4);
      return { type: 'drop', rate, burst };
    }
    if (number === BAND.dscp_remark) {
      const precedenceLevel = from.u8();
      from.skip(3);
      return { type: 'dscp_remark', rate, burst, precedenceLevel };
    }
    if (number === BAND.experimenter) return { type: 'experimenter', rate, burst, experimenter: from.u32() };
    throw refuse('METER_MOD_FAILED', 'BAD_BAND', `there is no band of type ${number}`);
  },
  write: (into, value) => {
    into.u16(BAND[value.type]);
    into.u16(16);
    into.u32(value.rate);
    into.u32(value.burst);
    if (value.type === 'dscp_remark') {
      into.u8(value.precedenceLevel);
      into.zeros(3);
    } else into.u32(value.type === 'experimenter' ? value.experimenter : 0);
  },
};

const meterHead = struct({ command: u16, flags: u16, meter: u32, bands: list(band) });

export const meterMod: Codec<MeterMod> = {
  read: (from) => {
    const { command: number, ...body } = meterHead.read(from);
    const command = THREE[number];
    if (command === undefined) throw refuse('METER_MOD_FAILED', 'BAD_COMMAND', `there is no command ${number}`);
    return { ...body, command };
  },
  write: (into, { command, ...body }) => meterHead.write(into, { ...body, command: THREE.indexOf(command) }),
};

export const portMod: Codec<PortMod> = struct({
  port: u32,
  _1: pad(4),
  address: raw(6),
  _2: pad(2),
  config: u32,
  mask: u32,
  advertise: u32,
  _3: pad(4),
});

export const tableMod: Codec<TableMod> = struct({ table: u8, _pad: pad(3), config: u32 });

export const packetOut: Codec<PacketOut> = {
  read: (from) => {
    const buffer = from.u32();
    const inPort = from.u32();
    const length = from.u16();
    from.skip(6);
    if (length > from.left) throw refuse('BAD_ACTION', 'BAD_LEN', `actions of ${length} bytes`);
    return { buffer, inPort, actions: actions.read(from.part(length)), frame: rest.read(from) };
  },
  write: (into, { buffer, inPort, actions: todo, frame }) => {
    into.u32(buffer);
    into.u32(inPort);
    const at = into.at;
    into.u16(0);
    into.zeros(6);
    const start = into.at;
    for (const one of todo) action.write(into, one);
    into.patch(at, into.at - start);
    into.raw(frame);
  },
};
