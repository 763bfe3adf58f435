import type { Batch } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Op, SetField } from './program.ts';

/** What has become of an edit. In all but the first case the frame is as it was. */
export const Edit = {
  Done: 0,
  /** The frame does not have the header or field: nothing happens, as in Open vSwitch. */
  Absent: 1,
  /** The head has no room for what is pushed. */
  NoRoom: 2,
  /** A TTL of 1 or 0 cannot be taken down: the caller gives the frame to the controller (OFPR_INVALID_TTL). */
  TtlExpired: 3,
} as const;
export type Edit = (typeof Edit)[keyof typeof Edit];

/**
 * The actions that edit a frame, one method each. They work in place on the head slot, which nobody shares, and leave lengths,
 * checksums and the batch's columns (as `Parse` would set them) right. Super-frames for which `needsSingle` says so were segmented before.
 */
export class FrameEditor {
  constructor(_pool: Pool) {}

  /** Whether frame i is a super-frame which must be cut into packets before the action. @param field code of `SetField` for that op */
  needsSingle(batch: Batch, i: number, op: Op, field: number): boolean {
    if (batch.gsoType[i] === 0) return false;
    if (op === Op.SetField) return field === SetField.EthType || field === SetField.IpProto;
    return op === Op.PushMpls || op === Op.PushPbb || (op === Op.PushVlan && batch.tagged[i] === 1);
  }

  /**
   * Writes a field of the frame. Metadata and tunnel id are none: the caller writes the key.
   * @param code which one @param words the value, right-aligned, from `words[at]` on
   */
  setField(_batch: Batch, _i: number, _code: SetField, _words: Int32Array, _at: number): Edit {
    return Edit.Absent;
  }

  /** @param tpid 0x8100 or 0x88a8 */
  pushVlan(_batch: Batch, _i: number, _tpid: number): Edit {
    return Edit.Absent;
  }

  popVlan(_batch: Batch, _i: number): Edit {
    return Edit.Absent;
  }

  /** @param type 0x8847 or 0x8848 */
  pushMpls(_batch: Batch, _i: number, _type: number): Edit {
    return Edit.Absent;
  }

  /** @param type EtherType of what lies behind the label */
  popMpls(_batch: Batch, _i: number, _type: number): Edit {
    return Edit.Absent;
  }

  /** @param type 0x88e7 */
  pushPbb(_batch: Batch, _i: number, _type: number): Edit {
    return Edit.Absent;
  }

  popPbb(_batch: Batch, _i: number): Edit {
    return Edit.Absent;
  }

  setMplsTtl(_batch: Batch, _i: number, _ttl: number): Edit {
    return Edit.Absent;
  }

  decMplsTtl(_batch: Batch, _i: number): Edit {
    return Edit.Absent;
  }

  setNwTtl(_batch: Batch, _i: number, _ttl: number): Edit {
    return Edit.Absent;
  }

  decNwTtl(_batch: Batch, _i: number): Edit {
    return Edit.Absent;
  }

  /** From the second outermost header that has a TTL to the outermost. */
  copyTtlOut(_batch: Batch, _i: number): Edit {
    return Edit.Absent;
  }

  copyTtlIn(_batch: Batch, _i: number): Edit {
    return Edit.Absent;
  }
}
