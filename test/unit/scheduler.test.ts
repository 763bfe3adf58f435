import { describe, expect, it } from 'vitest';
import { Scheduler } from '../../src/worker/scheduler.ts';

/** Turns in which every tenant that may read costs `cost` microseconds; returns how often each was served. */
function serve(scheduler: Scheduler, costs: readonly number[], turns: number): number[] {
  const served = costs.map(() => 0);
  let now = 1e6;
  for (let turn = 0; turn < turns; turn++) {
    scheduler.refill(now);
    let any = false;
    costs.forEach((cost, tenant) => {
      if (cost === 0 || !scheduler.mayRead(tenant)) return;
      any = true;
      now += cost;
      scheduler.charge(tenant, cost, now);
      served[tenant] += cost;
    });
    if (!any) scheduler.forgive();
  }
  return served;
}

const withWeights = (...weights: number[]) => {
  const scheduler = new Scheduler(weights.length);
  for (const [tenant, weight] of weights.entries()) scheduler.setWeight(tenant, weight);
  return scheduler;
};

describe('worker time', () => {
  it('is shared equally by tenants whose frames cost differently', () => {
    const [a, b] = serve(withWeights(1, 1), [10, 90], 20_000);
    expect(a / b).toBeGreaterThan(0.8);
    expect(a / b).toBeLessThan(1.25);
  });

  it('is shared by weight', () => {
    const [a, b] = serve(withWeights(1, 3), [40, 40], 20_000);
    expect(b / a).toBeGreaterThan(2.5);
    expect(b / a).toBeLessThan(3.5);
  });

  it('is shared by weights that are far apart', () => {
    const [a, b] = serve(withWeights(1, 40), [100, 100], 50_000);
    expect(b / a).toBeGreaterThan(30);
    expect(b / a).toBeLessThan(50);
  });

  it('is all for a tenant that is alone', () => {
    const scheduler = withWeights(1, 100);
    const [a] = serve(scheduler, [50, 0], 1000);
    expect(a).toBe(50_000);
  });

  it('of system calls is charged by the frames that they moved', () => {
    const scheduler = withWeights(1, 1);
    scheduler.refill(1000);
    scheduler.moved(0, 90);
    scheduler.moved(1, 10);
    scheduler.chargeCalls(1000, 1000);
    scheduler.refill(1001);
    expect(scheduler.mayRead(0)).toBe(false);
    scheduler.forgive();
    expect(scheduler.mayRead(0)).toBe(true);
  });
});
