/**
 * Shares one worker's time between tenants by weight: deficit round robin over measured time (Shreedhar & Varghese, SIGCOMM'95,
 * with microseconds for bytes). Time that has passed is given to the tenants that were busy lately, in proportion to their
 * weights; what a tenant's batches took, on the path and in system calls, is taken from it. A tenant in debt is not read
 * from: its backlog stays in its own queues. Nobody waits for nothing: alone, a tenant gets all the time there is, and debts are
 * forgiven when nobody else has anything to do.
 *
 * Times are whole microseconds, wrapped to 32 bits: numbers beyond that, or with a fraction, would be objects when passed.
 */
const BUSY_US = 2000;
const MOST_CREDIT_US = 2000;
const MOST_DEBT_US = 20_000;

export class Scheduler {
  readonly #weight: Float64Array;
  readonly #credit: Float64Array;
  readonly #lastBusy: Int32Array;
  /** Frames of each tenant read or written since system calls were charged last. */
  readonly #moved: Float64Array;
  /** Those that have a weight. */
  readonly #tenants: Int32Array;
  #count = 0;
  /** Time of the last `refill`. */
  #before = 0;

  constructor(tenants: number) {
    this.#tenants = new Int32Array(tenants);
    this.#weight = new Float64Array(tenants);
    this.#credit = new Float64Array(tenants);
    this.#lastBusy = new Int32Array(tenants).fill(-BUSY_US);
    this.#moved = new Float64Array(tenants);
  }

  /** @param weight share of the time, 0: the tenant is gone */
  setWeight(tenant: number, weight: number): void {
    this.#weight[tenant] = weight;
    this.#credit[tenant] = 0;
    this.#moved[tenant] = 0;
    this.#count = 0;
    for (let t = 0; t < this.#tenants.length; t++) if (this.#weight[t] > 0) this.#tenants[this.#count++] = t;
  }

  /** Gives out the time since the last call. */
  refill(nowUs: number): void {
    const elapsed = (nowUs - this.#before) | 0;
    this.#before = nowUs;
    const weight = this.#weight;
    const credit = this.#credit;
    const lastBusy = this.#lastBusy;
    const tenants = this.#tenants;
    const count = this.#count;
    let busy = 0;
    // Who is in debt has been kept from being busy.
    for (let k = 0; k < count; k++) {
      const t = tenants[k];
      if (credit[t] < 0 || (nowUs - lastBusy[t]) >>> 0 < BUSY_US) busy += weight[t];
    }
    for (let k = 0; k < count; k++) {
      const t = tenants[k];
      if (credit[t] >= 0 && (nowUs - lastBusy[t]) >>> 0 >= BUSY_US) credit[t] = 1;
      else {
        const more = credit[t] + (elapsed * weight[t]) / busy;
        credit[t] = more < MOST_CREDIT_US ? more : MOST_CREDIT_US;
      }
    }
  }

  /** Whether frames of the tenant may be read now. */
  mayRead(tenant: number): boolean {
    return this.#credit[tenant] >= 0;
  }

  /** Charges time that the tenant's frames took. */
  charge(tenant: number, tookUs: number, nowUs: number): void {
    const left = this.#credit[tenant] - tookUs;
    this.#credit[tenant] = left > -MOST_DEBT_US ? left : -MOST_DEBT_US;
    this.#lastBusy[tenant] = nowUs;
  }

  /** Counts frames of the tenant that system calls have moved. */
  moved(tenant: number, frames: number): void {
    this.#moved[tenant] += frames;
  }

  /** Charges time of system calls to the tenants whose frames they moved, in proportion. */
  chargeCalls(tookUs: number, nowUs: number): void {
    const moved = this.#moved;
    const credit = this.#credit;
    const tenants = this.#tenants;
    const count = this.#count;
    let all = 0;
    for (let k = 0; k < count; k++) all += moved[tenants[k]];
    if (all === 0) return;
    for (let k = 0; k < count; k++) {
      const t = tenants[k];
      if (moved[t] === 0) continue;
      const left = credit[t] - (tookUs * moved[t]) / all;
      credit[t] = left > -MOST_DEBT_US ? left : -MOST_DEBT_US;
      this.#lastBusy[t] = nowUs;
      moved[t] = 0;
    }
  }

  /** Nobody but tenants in debt has anything to do: they may. */
  forgive(): void {
    const credit = this.#credit;
    for (let k = 0; k < this.#count; k++) if (credit[this.#tenants[k]] < 0) credit[this.#tenants[k]] = 0;
  }
}
