import type { FieldName } from '../../openflow/fields.ts';
import type { Match } from '../../openflow/model.ts';
import type { Mac } from '../../wire/ethernet.ts';

/** What a match says of a frame, field by field; of a masked field the bits that count. */
export class Said {
  readonly #values: ReadonlyMap<FieldName, Uint8Array>;

  constructor(match: Match) {
    this.#values = new Map(match.map(({ field, value }) => [field.name, value]));
  }

  number(name: FieldName): number | undefined {
    return this.#values.get(name)?.reduce((sum, byte) => sum * 256 + byte, 0);
  }

  mac(name: FieldName): Mac | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    const bytes = new DataView(value.buffer, value.byteOffset, value.byteLength);
    return { high: bytes.getUint16(0), low: bytes.getInt32(2) };
  }

  /** Words of an address. */
  address(name: FieldName): readonly number[] | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    const bytes = new DataView(value.buffer, value.byteOffset, value.byteLength);
    return Array.from({ length: value.length / 4 }, (_, k) => bytes.getUint32(k * 4));
  }
}
