import { Op, opCode, opLength, ReservedPort, SetField } from './program.ts';

/** 1 when one of the ops, also those to be written, may want super-frames cut first. */
export function wantsSingle(words: Int32Array, at: number, length: number): number {
  for (let k = at; k < at + length; k += step(words[k])) {
    const code = opCode(words[k]);
    if (code === Op.PushMpls || code === Op.PushPbb || code === Op.PopMpls || code === Op.PopPbb) return 1;
    if (code === Op.PushVlan) return 1;
    if (code === Op.SetField && (words[k + 1] === SetField.EthType || words[k + 1] === SetField.IpProto)) return 1;
  }
  return 0;
}

/** 1 when one of the ops, also those to be written, takes the TTL of an IP packet down. */
export function takesTtl(words: Int32Array, at: number, length: number): number {
  for (let k = at; k < at + length; k += step(words[k])) if (opCode(words[k]) === Op.DecNwTtl) return 1;
  return 0;
}

/** 1 when one of the ops, also those to be written, hands the frame to the built-in stages. */
export function goesNormal(words: Int32Array, at: number, length: number): number {
  for (let k = at; k < at + length; k += step(words[k]))
    if (opCode(words[k]) === Op.Output && words[k + 1] === ReservedPort.Normal) return 1;
  return 0;
}

/** Words to the next op, those to be written counted one by one. */
const step = (word: number): number => (opCode(word) === Op.WriteActions ? 1 : opLength(word));
