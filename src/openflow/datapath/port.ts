/** A port as the tenant's bridge has it. */
export interface DatapathPort {
  readonly number: number;
  readonly name: string;
  /** Six bytes. */
  address: Uint8Array;
  /** Row in the tenant's books, and index among its ports. */
  readonly row: number;
  up: boolean;
  /** OFPPC_*. */
  config: number;
  readonly createdMs: number;
}
