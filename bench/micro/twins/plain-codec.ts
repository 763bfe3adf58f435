import { FIELDS } from '../../../src/openflow/fields.ts';
import type { Action, FieldMatch, FlowMod, Instruction } from '../../../src/openflow/model.ts';

/**
 * Flow-mods as OpenFlow 1.3.5 draws them, each structure a `Buffer` of its own: sections 7.3.4.1 (`ofp_flow_mod`), 7.2.3 (matches), 7.2.4
 * (instructions) and 7.2.5 (actions), of which it knows output alone. The slow twin of src/openflow/codec.
 */

const COMMANDS = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const;
const [HEADER, FIXED, APPLY, GOTO] = [8, 48, 4, 1];

export function decodePlain(message: Buffer): FlowMod {
  const length = message.readUInt16BE(FIXED + 2);
  return {
    command: COMMANDS[message.readUInt8(25)],
    table: message.readUInt8(24),
    cookie: message.readBigUInt64BE(HEADER),
    cookieMask: message.readBigUInt64BE(16),
    idleTimeout: message.readUInt16BE(26),
    hardTimeout: message.readUInt16BE(28),
    priority: message.readUInt16BE(30),
    buffer: message.readUInt32BE(32),
    outPort: message.readUInt32BE(36),
    outGroup: message.readUInt32BE(40),
    flags: message.readUInt16BE(44),
    match: fields(message.subarray(FIXED + 4, FIXED + length)),
    instructions: instructions(message.subarray(FIXED + padded(length))),
  };
}

function fields(bytes: Buffer): FieldMatch[] {
  if (bytes.length === 0) return [];
  const head = bytes.readUInt8(2);
  const size = bytes.readUInt8(3);
  const field = FIELDS.find(({ number }) => number === head >> 1);
  if (field === undefined) throw new Error(`there is no field ${head >> 1}`);
  const value = Uint8Array.from(bytes.subarray(4, 4 + field.bytes));
  const mask = (head & 1) === 0 ? null : Uint8Array.from(bytes.subarray(4 + field.bytes, 4 + size));
  return [{ field, value, mask }, ...fields(bytes.subarray(4 + size))];
}

function instructions(bytes: Buffer): Instruction[] {
  if (bytes.length === 0) return [];
  const size = bytes.readUInt16BE(2);
  const one: Instruction =
    bytes.readUInt16BE(0) === GOTO
      ? { type: 'goto_table', table: bytes.readUInt8(4) }
      : { type: 'apply_actions', actions: outputs(bytes.subarray(8, size)) };
  return [one, ...instructions(bytes.subarray(size))];
}

function outputs(bytes: Buffer): Action[] {
  if (bytes.length === 0) return [];
  const one = { type: 'output', port: bytes.readUInt32BE(4), maxLength: bytes.readUInt16BE(8) } as const;
  return [one, ...outputs(bytes.subarray(16))];
}

export function encodePlain(mod: FlowMod, xid: number): Buffer {
  const fixed = Buffer.alloc(FIXED - HEADER);
  fixed.writeBigUInt64BE(mod.cookie, 0);
  fixed.writeBigUInt64BE(mod.cookieMask, 8);
  fixed.writeUInt8(mod.table, 16);
  fixed.writeUInt8(COMMANDS.indexOf(mod.command), 17);
  fixed.writeUInt16BE(mod.idleTimeout, 18);
  fixed.writeUInt16BE(mod.hardTimeout, 20);
  fixed.writeUInt16BE(mod.priority, 22);
  fixed.writeUInt32BE(mod.buffer, 24);
  fixed.writeUInt32BE(mod.outPort, 28);
  fixed.writeUInt32BE(mod.outGroup, 32);
  fixed.writeUInt16BE(mod.flags, 36);
  const list = mod.match.map(({ field, value, mask }) => {
    const head = Buffer.from([0x80, 0, (field.number << 1) | (mask === null ? 0 : 1), 0]);
    head.writeUInt8(field.bytes * (mask === null ? 1 : 2), 3);
    return Buffer.concat([head, value, mask ?? Buffer.alloc(0)]);
  });
  const oxm = Buffer.concat(list);
  const length = 4 + oxm.length;
  const match = Buffer.concat([words16(1, length), oxm, Buffer.alloc(padded(length) - length)]);
  const body = Buffer.concat([fixed, match, ...mod.instructions.map(instructionBytes)]);
  const header = Buffer.from([4, 14, 0, 0, 0, 0, 0, 0]);
  header.writeUInt16BE(HEADER + body.length, 2);
  header.writeUInt32BE(xid, 4);
  return Buffer.concat([header, body]);
}

function instructionBytes(one: Instruction): Buffer {
  if (one.type === 'goto_table') return Buffer.concat([words16(GOTO, 8), Buffer.from([one.table, 0, 0, 0])]);
  if (one.type !== 'apply_actions') throw new Error(`no ${one.type} here`);
  const actions = one.actions.map((action) => {
    if (action.type !== 'output') throw new Error(`no ${action.type} here`);
    const port = Buffer.alloc(4);
    port.writeUInt32BE(action.port);
    return Buffer.concat([words16(0, 16), port, words16(action.maxLength, 0), Buffer.alloc(4)]);
  });
  return Buffer.concat([words16(APPLY, 8 + actions.length * 16), Buffer.alloc(4), ...actions]);
}

function words16(first: number, second: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(first, 0);
  bytes.writeUInt16BE(second, 2);
  return bytes;
}

/** To eight bytes. */
function padded(length: number): number {
  return (length + 7) & ~7;
}
