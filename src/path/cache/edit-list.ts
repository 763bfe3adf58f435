import { type Batch, Kind } from '../../frame/batch.ts';
import { Op, opCode, opLength, SetField } from '../rules/program.ts';
import { swap16, swap32 } from './bytes.ts';
import { Decision as D, type Decisions, Does } from './decision.ts';

const MOST_WORDS = 64;

/** What rules do to a frame before it leaves: edits one after the other, as ops, and how a decision says them. */
export class EditList {
  readonly #words = new Int32Array(MOST_WORDS);
  #length = 0;
  readonly #decisions: Decisions;

  constructor(decisions: Decisions) {
    this.#decisions = decisions;
  }

  /** In words. */
  get length(): number {
    return this.#length;
  }

  /** Keeps the op at `ops[at]`. @returns false: there is no room */
  keep(ops: Int32Array, at: number): boolean {
    const length = opLength(ops[at]);
    if (this.#length + length > MOST_WORDS) return false;
    for (let w = 0; w < length; w++) this.#words[this.#length + w] = ops[at + w];
    this.#length += length;
    return true;
  }

  /** Forgets all but the first `length` words. */
  cutTo(length: number): void {
    this.#length = length;
  }

  /** Whether an edit from `at` on takes a TTL down. */
  takesTtl(at: number): boolean {
    for (let k = at; k < this.#length; k += opLength(this.#words[k]))
      if (opCode(this.#words[k]) === Op.DecNwTtl) return true;
    return false;
  }

  /** Puts all of it into the draft of a frame that leaves by one port. @returns false: not for the cache */
  draft(batch: Batch, i: number): boolean {
    return this.#length === 0 || this.#plain(batch, i) || this.#program(batch, i);
  }

  /** Puts MACs, one TTL and one tag into the draft, as the loop knows them. @returns false when there is more; the draft is then as before */
  #plain(batch: Batch, i: number): boolean {
    const edits = this.#words;
    const { words, draft } = this.#decisions;
    const tagged = batch.tagged[i] === 1;
    let toHigh = 0;
    let toLow = 0;
    let fromHigh = 0;
    let fromLow = 0;
    let tpid = batch.tpid[i];
    let tci = tagged ? batch.vlan[i] | batch.priority[i] : 0;
    let is = tagged;
    let does = 0;
    for (let k = 0; k < this.#length; k += opLength(edits[k])) {
      switch (opCode(edits[k])) {
        case Op.DecNwTtl:
          if ((does & Does.Ttl) !== 0 || batch.ipLength[i] === 0) return false;
          does |= Does.Ttl | (batch.kind[i] === Kind.Ipv6 ? Does.Ipv6 : 0);
          break;
        case Op.PushVlan:
          if (is || tagged) return false;
          is = true;
          tpid = edits[k + 1];
          tci = 0;
          break;
        case Op.PopVlan:
          if (!is || !tagged) return false;
          is = false;
          break;
        case Op.SetField:
          if (edits[k + 1] === SetField.EthDst) {
            toHigh = edits[k + 2];
            toLow = edits[k + 3];
            does |= Does.To;
          } else if (edits[k + 1] === SetField.EthSrc) {
            fromHigh = edits[k + 2];
            fromLow = edits[k + 3];
            does |= Does.From;
          } else if (edits[k + 1] === SetField.VlanVid && is) tci = (tci & 0xf000) | (edits[k + 2] & 0xfff);
          else if (edits[k + 1] === SetField.VlanPcp && is) tci = (tci & 0x1fff) | (edits[k + 2] << 13);
          else return false;
          break;
        default:
          return false;
      }
    }
    if (is && !tagged) does |= Does.Push;
    else if (tagged && !is) does |= Does.Pop;
    else if (is && tci !== (batch.vlan[i] | batch.priority[i])) does |= Does.Retag;
    if ((does & (Does.Push | Does.Retag)) !== 0) {
      words[draft + D.Tag] = (swap16(tpid) << 16) | swap16(tci);
    }
    if ((does & Does.To) !== 0) {
      words[draft + D.Mac0] = swap16(toHigh) << 16;
      words[draft + D.Mac1] = swap32(toLow);
    }
    if ((does & Does.From) !== 0) {
      words[draft + D.Mac2] = swap16(fromHigh) | (swap16(fromLow >>> 16) << 16);
      words[draft + D.Mac3] = swap16(fromLow & 0xffff);
    }
    words[draft + D.Flags] |= does;
    return true;
  }

  /** Leaves edits that keep the frame's length to the rules' editor; a TTL is taken down by the loop. @returns false: not for the cache */
  #program(batch: Batch, i: number): boolean {
    const edits = this.#words;
    const { words, draft } = this.#decisions;
    let does: number = Does.Program;
    let kept = 0;
    for (let k = 0, length = 0; k < this.#length; k += length) {
      const code = opCode(edits[k]);
      length = opLength(edits[k]);
      if (code === Op.DecNwTtl && (does & Does.Ttl) === 0 && batch.ipLength[i] > 0) {
        does |= Does.Ttl | (batch.kind[i] === Kind.Ipv6 ? Does.Ipv6 : 0);
        continue;
      }
      // What a frame is called decides how it is read.
      const renamed = edits[k + 1] === SetField.EthType || edits[k + 1] === SetField.IpProto;
      if (code !== Op.SetField || renamed) return false;
      for (let w = 0; w < length; w++) edits[kept + w] = edits[k + w];
      kept += length;
    }
    const at = this.#decisions.programs.intern(edits, kept);
    if (at < 0) return false;
    words[draft + D.Flags] |= does;
    words[draft + D.Program] = at;
    words[draft + D.ProgramLength] = kept;
    return true;
  }
}
