/**
 * Shares one worker's time between tenants by weight: deficit round robin over measured time (Shreedhar & Varghese, SIGCOMM'95,
 * with microseconds for bytes). Time that has passed is given to the tenants that were busy lately, in proportion to their
 * weights; what a tenant's batches, rule changes and system calls took is taken from it. A tenant in debt is not read
 * from: its backlog stays in its own queues. Nobody waits for nothing: alone, a tenant gets all the time there is, and debts are
 * forgiven when nobody else has anything to do.
 *
 * How long others wait is bounded apart from that: in one turn the tenants that are busy take no longer than `TURN_US` together, each its
 * share, by as many frames as fit by what its last ones took; up to four times its share while it has saved time.
 *
 * Times are whole microseconds, wrapped to 32 bits: numbers beyond that, or with a fraction, would be objects when passed.
 */
const BUSY_US = 2000;
const MOST_CREDIT_US = 2000;
const MOST_DEBT_US = 20_000;
const TURN_US = 20;
/**
 * By how many shares of a turn more it may be for who has saved the most. What came while nobody had the worker, since the machine took it away, must
 * not wait for long behind those who always have more.
 */
const CATCH_UP = 3;
/** While only one is busy: who comes then waits longer, and system calls move more frames. */
const LONE_TURN_US = 100;
/** Fewer frames a visit would cost more in visits than in frames. */
const FEWEST = 8;
const ALL = 0x7fff_ffff;
/** What a frame takes, at first, and by how much more it may be believed to take from one turn to the next: something else may have come between. */
const FIRST_COST_US = 0.5;
const STEEPEST = 2;
const CALMEST = 1 / 8;
const LEAST_COST_US = 0.01;

export class Scheduler {
  /** Whether what is reported as written now was written by the system calls that all tenants share. */
  inCalls = false;
  readonly #weight: Float64Array;
  readonly #credit: Float64Array;
  readonly #lastBusy: Int32Array;
  /** Frames of each tenant read or written by system calls since those were charged last. */
  readonly #moved: Float64Array;
  /** What each was charged since the last `refill`, for how many frames that it read, by how many devices. */
  readonly #took: Float64Array;
  readonly #frames: Float64Array;
  readonly #devices: Int32Array;
  /** Microseconds a frame, by the last turns; most frames of a device in this turn. */
  readonly #cost: Float64Array;
  readonly #visit: Int32Array;
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
    this.#took = new Float64Array(tenants);
    this.#frames = new Float64Array(tenants);
    this.#devices = new Int32Array(tenants);
    this.#cost = new Float64Array(tenants);
    this.#visit = new Int32Array(tenants);
  }

  /** @param weight share of the time, 0: the tenant is gone */
  setWeight(tenant: number, weight: number): void {
    this.#weight[tenant] = weight;
    this.#credit[tenant] = 0;
    this.#moved[tenant] = 0;
    this.#took[tenant] = 0;
    this.#frames[tenant] = 0;
    this.#devices[tenant] = 0;
    this.#cost[tenant] = FIRST_COST_US;
    this.#visit[tenant] = FEWEST;
    this.#count = 0;
    for (let t = 0; t < this.#tenants.length; t++) if (this.#weight[t] > 0) this.#tenants[this.#count++] = t;
  }

  /** Whether there is more than one tenant: nobody waits for one that is alone. Index 0 is nobody. */
  get shared(): boolean {
    return this.#count > 2 || (this.#count === 2 && this.#tenants[0] > 0);
  }

  /** A turn begins: gives out the time since the last one, and says how much each may do in this one. */
  refill(nowUs: number): void {
    const passed = (nowUs - this.#before) | 0;
    // Below 0 before the first turn, and where what was refunded had passed before this one: nothing to give out.
    const elapsed = passed > 0 ? passed : 0;
    this.#before = nowUs;
    const weight = this.#weight;
    const credit = this.#credit;
    const lastBusy = this.#lastBusy;
    const tenants = this.#tenants;
    const count = this.#count;
    const { shared } = this;
    let busy = 0;
    let some = 0;
    // Who is in debt has been kept from being busy.
    for (let k = 0; k < count; k++) {
      const t = tenants[k];
      if (credit[t] >= 0 && (nowUs - lastBusy[t]) >>> 0 >= BUSY_US) continue;
      busy += weight[t];
      some++;
    }
    const turn = some > 1 ? TURN_US : LONE_TURN_US;
    for (let k = 0; k < count; k++) {
      const t = tenants[k];
      const isBusy = credit[t] < 0 || (nowUs - lastBusy[t]) >>> 0 < BUSY_US;
      // Who has nothing to do saves what it would have got: its next burst need not wait because it is one.
      const among = isBusy ? busy : busy + weight[t];
      const more = credit[t] + (elapsed * weight[t]) / among;
      credit[t] = more < MOST_CREDIT_US ? more : MOST_CREDIT_US;
      this.#learn(t);
      // Who has saved may catch up with what came in while others had the worker.
      const us = ((turn * weight[t]) / among) * (credit[t] > 0 ? 1 + (CATCH_UP * credit[t]) / MOST_CREDIT_US : 1);
      const frames = us / (this.#cost[t] * (this.#devices[t] > 1 ? this.#devices[t] : 1));
      this.#visit[t] = !shared ? ALL : frames > FEWEST ? frames : FEWEST;
      this.#devices[t] = 0;
    }
  }

  /** What a frame of the tenant takes, by the turn that has ended. */
  #learn(t: number): void {
    const frames = this.#frames[t];
    if (frames > 0) {
      const cost = this.#cost[t];
      const last = this.#took[t] / frames;
      // Up at once, since others wait for it; down slowly.
      const next = last > cost ? (last < cost * STEEPEST ? last : cost * STEEPEST) : cost + (last - cost) * CALMEST;
      this.#cost[t] = next > LEAST_COST_US ? next : LEAST_COST_US;
    }
    this.#took[t] = 0;
    this.#frames[t] = 0;
  }

  /** Whether frames of the tenant may be read now. */
  mayRead(tenant: number): boolean {
    return this.#credit[tenant] >= 0;
  }

  /** Most frames to be read from one device of the tenant in this turn. */
  visit(tenant: number): number {
    return this.#visit[tenant];
  }

  /** Charges time that the tenant's frames, or what else was done for it, took. */
  charge(tenant: number, tookUs: number, nowUs: number): void {
    this.#take(tenant, tookUs);
    this.#lastBusy[tenant] = nowUs;
  }

  #take(t: number, us: number): void {
    const left = this.#credit[t] - us;
    this.#credit[t] = left > -MOST_DEBT_US ? left : -MOST_DEBT_US;
    this.#took[t] += us;
  }

  /** Gives back time in which the worker had no processor, as far as it was charged in this turn, to those who were, in proportion. */
  refund(us: number): void {
    const took = this.#took;
    const credit = this.#credit;
    const tenants = this.#tenants;
    const count = this.#count;
    // Nobody gets it either.
    this.#before = (this.#before + us) | 0;
    let all = 0;
    for (let k = 0; k < count; k++) all += took[tenants[k]];
    if (all === 0) return;
    const share = us < all ? us / all : 1;
    for (let k = 0; k < count; k++) {
      const t = tenants[k];
      const back = took[t] * share;
      took[t] -= back;
      const more = credit[t] + back;
      credit[t] = more < MOST_CREDIT_US ? more : MOST_CREDIT_US;
    }
  }

  /** Counts frames that a device has received for the tenant. @param byCall whether by the system calls that all share */
  read(tenant: number, frames: number, byCall: boolean): void {
    this.#frames[tenant] += frames;
    if (byCall) this.#moved[tenant] += frames;
  }

  /** A device of the tenant had frames in this turn. */
  visited(tenant: number): void {
    this.#devices[tenant]++;
  }

  /** Counts frames of the tenant that were written: if by the system calls that all share, they are paid for with those. */
  written(tenant: number, frames: number): void {
    if (this.inCalls) this.#moved[tenant] += frames;
  }

  /** Charges what it took to hand frames to a device. @param tenants whose each of them is */
  chargeQueue(tenants: Int32Array, count: number, tookUs: number, nowUs: number): void {
    let first = 0;
    for (let i = 1; i <= count; i++) {
      if (i < count && tenants[i] === tenants[first]) continue;
      this.#take(tenants[first], (tookUs * (i - first)) / count);
      this.#lastBusy[tenants[first]] = nowUs;
      first = i;
    }
  }

  /** Charges time of system calls to the tenants whose frames they moved, in proportion. */
  chargeCalls(tookUs: number, nowUs: number): void {
    const moved = this.#moved;
    const tenants = this.#tenants;
    const count = this.#count;
    let all = 0;
    for (let k = 0; k < count; k++) all += moved[tenants[k]];
    if (all === 0) return;
    for (let k = 0; k < count; k++) {
      const t = tenants[k];
      if (moved[t] === 0) continue;
      this.#take(t, (tookUs * moved[t]) / all);
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
