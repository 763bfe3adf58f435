import { STAGES } from '../path/order.ts';
import { StageCount } from '../path/tap/stage-clock.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { LookParts } from './looks.ts';

/** So long after somebody has asked last, workers measure no more. */
const QUIET_MS = 10_000;

export interface StageTime {
  readonly tenant: string;
  readonly stage: string;
  /** Since it is measured: frames that the stage was given, and its own microseconds for them. */
  readonly frames: number;
  readonly us: number;
}

/** What the stages of each tenant's path take. Workers measure while somebody asks again and again, and then no more. */
export class StageTimes {
  readonly #workers: LookParts['workers'];
  readonly #memory = new Map<Tenant, SharedArrayBuffer[]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(workers: LookParts['workers']) {
    this.#workers = workers;
  }

  /** What has been measured so far of some tenants: nothing, when nobody had asked. @param all tenants that there are */
  async read(tenants: readonly Tenant[], all: readonly Tenant[]): Promise<StageTime[]> {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#end(), QUIET_MS).unref();
    for (const tenant of this.#memory.keys()) if (!all.includes(tenant)) this.#memory.delete(tenant);
    for (const tenant of tenants) if (!this.#memory.has(tenant)) await this.#begin(tenant);
    return tenants.flatMap((tenant) => {
      const cells = (this.#memory.get(tenant) ?? []).map((memory) => new Float64Array(memory));
      const sum = (at: number) => cells.reduce((all, one) => all + one[at], 0);
      return STAGES.map((stage, k) => ({
        ...{ tenant: tenant.model.name, stage },
        frames: sum(k * StageCount.WIDTH + StageCount.Frames),
        us: sum(k * StageCount.WIDTH + StageCount.Us),
      })).filter(({ frames }) => frames > 0);
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#memory.clear();
  }

  async #begin(tenant: Tenant): Promise<void> {
    const bytes = STAGES.length * StageCount.WIDTH * 8;
    const memory = Array.from({ length: this.#workers.count }, () => new SharedArrayBuffer(bytes));
    this.#memory.set(tenant, memory);
    await this.#workers.tellEach((worker) => ({ type: 'time', tenant: tenant.index, memory: memory[worker] }));
  }

  async #end(): Promise<void> {
    const tenants = [...this.#memory.keys()];
    this.#memory.clear();
    for (const { index } of tenants) await this.#workers.tell({ type: 'time', tenant: index, memory: null });
  }
}
