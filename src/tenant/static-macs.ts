import type { StaticMac } from '../control/config/model.ts';
import type { MacTable } from '../table/mac-table.ts';
import { parseMac } from '../wire/ethernet.ts';
import type { Numbers } from './numbers.ts';

/** The static entries of a tenant's MAC table. */
export class StaticMacs {
  readonly #ports: Numbers;
  #table: MacTable | undefined;
  #set = new Map<string, StaticMac & { readonly number: number }>();

  constructor(ports: Numbers) {
    this.#ports = ports;
  }

  /** Makes these the static entries of the table, and touches those that are the same in no way. */
  set(wanted: readonly StaticMac[], table: MacTable): void {
    const before = this.#set;
    const isSame = this.#table === table;
    const now = new Map(
      wanted.map((entry) => [`${entry.mac} ${entry.vlan}`, { ...entry, number: this.#ports.of(entry.port) }]),
    );
    for (const [key, { mac, vlan }] of before) {
      if (now.has(key)) continue;
      const { high, low } = parseMac(mac);
      table.removeStatic(high, low, vlan);
    }
    for (const [key, { mac, vlan, number }] of now) {
      if (isSame && before.get(key)?.number === number) continue;
      const { high, low } = parseMac(mac);
      // What is learned gives way.
      if (!table.addStatic(high, low, vlan, number) && table.evict()) table.addStatic(high, low, vlan, number);
    }
    this.#table = table;
    this.#set = now;
  }
}
