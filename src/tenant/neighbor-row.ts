import type { Json } from '../json.ts';
import { type NeighborRow, NeighborState } from '../table/neighbor-table.ts';
import { formatAddress } from '../wire/address.ts';
import { formatMac } from '../wire/ethernet.ts';
import type { Numbers } from './numbers.ts';

const NAMES: readonly string[] = Object.entries(NeighborState)
  .sort(([, a], [, b]) => a - b)
  .map(([name]) => name.toLowerCase());

/** A neighbour as `show neighbors` prints it, in the words of ip-neighbour(8). */
export function neighborRow(entry: NeighborRow, interfaces: Numbers): Record<string, Json> {
  const { words, state } = entry;
  const isIpv4 = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return {
    interface: interfaces.at(entry.iface) ?? '?',
    address: formatAddress(isIpv4 ? [words[3]] : words),
    mac:
      state === NeighborState.Incomplete || state === NeighborState.Failed ? null : formatMac(entry.macHi, entry.macLo),
    state: NAMES[state],
  };
}
