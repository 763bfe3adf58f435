import type { Mac } from '../wire/ethernet.ts';
import type { SlowCounters } from './counters.ts';
import { TenantRouter } from './router.ts';
import type { SlowTenant } from './tenant.ts';

/** Records that one turn takes from one tenant: a flood in one of them delays the others by no more than that. */
export const RECORDS_PER_TURN = 64;

/**
 * What workers cannot decide on the spot, for all tenants that have a router: neighbours, ICMP, router advertisements, log
 * entries. Runs on the main thread whenever a worker rings or a timer is due; each turn does bounded work. Reads no clock.
 */
export class SlowPath {
  readonly #random: () => number;
  readonly #routers = new Map<string, TenantRouter>();
  #turns = 0;

  /** @param random uniform in [0, 1), for delays that must not come in step */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /**
   * @param nowMs monotonic milliseconds, here and below
   * @throws Error when the tenant is there already
   */
  addTenant(tenant: SlowTenant, nowMs: number): void {
    if (this.#routers.has(tenant.name)) throw new Error(`the slow path has a tenant '${tenant.name}' already`);
    this.#routers.set(tenant.name, new TenantRouter(tenant, this.#random, nowMs));
  }

  /** Makes a tenant another: interfaces, neighbours and limits that stay as they are go on. */
  changeTenant(tenant: SlowTenant, nowMs: number): void {
    this.#routers.get(tenant.name)?.change(tenant, nowMs);
  }

  /** A station of a tenant is no longer where it was. */
  forgetStation(name: string, vlan: number, mac: Mac): void {
    this.#routers.get(name)?.forgetStation(vlan, mac);
  }

  /** Ends a tenant; its links hear that the router is no longer there, if the workers still run. */
  removeTenant(name: string): void {
    this.#routers.get(name)?.close();
    this.#routers.delete(name);
  }

  /** Tells the links of a tenant about the router's addresses again, when a port has come up. */
  announce(name: string, nowMs: number): void {
    this.#routers.get(name)?.announce(nowMs);
  }

  /** Ends all tenants. */
  close(): void {
    for (const name of [...this.#routers.keys()]) this.removeTenant(name);
  }

  /**
   * Takes what the workers have punted, a bounded number of records from each tenant, and runs the timers that are due.
   * @returns milliseconds after which the next turn is due: 0 when more is waiting already, Infinity when nothing is
   */
  turn(nowMs: number): number {
    const routers = [...this.#routers.values()];
    // Each turn begins with another tenant, so that none is always the last.
    const first = this.#turns++ % Math.max(1, routers.length);
    let next = Number.POSITIVE_INFINITY;
    for (let i = 0; i < routers.length; i++) {
      const router = routers[(first + i) % routers.length];
      next = Math.min(next, router.turn(nowMs, RECORDS_PER_TURN));
    }
    return Math.max(0, next - nowMs);
  }

  /** What was done for each tenant since it was added. */
  counters(): ReadonlyMap<string, Readonly<SlowCounters>> {
    return new Map([...this.#routers].map(([name, router]) => [name, router.counters]));
  }
}
