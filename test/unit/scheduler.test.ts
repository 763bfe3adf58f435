import { describe, expect, it } from 'vitest';
import { Scheduler } from '../../src/worker/scheduler.ts';
import { WorkerTime } from '../../src/worker/worker-time.ts';

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
    // Whatever they have saved, a second of calls is more.
    scheduler.refill(1000);
    scheduler.read(0, 90, true);
    scheduler.inCalls = true;
    scheduler.written(1, 1);
    scheduler.inCalls = false;
    // Written by the port itself: charged with its queue.
    scheduler.written(1, 1000);
    scheduler.chargeCalls(91_000, 1000);
    scheduler.refill(1001);
    expect([scheduler.mayRead(0), scheduler.mayRead(1)]).toEqual([false, true]);
    scheduler.forgive();
    expect(scheduler.mayRead(0)).toBe(true);
  });

  it('of handing frames to a device is charged to those whose frames they are', () => {
    const scheduler = withWeights(1, 1, 1);
    scheduler.refill(1000);
    scheduler.chargeQueue(Int32Array.of(2, 1, 1, 1, 2, 0), 5, 10_000, 1000);
    // Two fifths are as much as they have saved twice over, none is nothing.
    expect([0, 1, 2].map((tenant) => scheduler.mayRead(tenant))).toEqual([true, false, false]);
  });

  it('that others had is not paid for by whom it was meant for, and nobody gets it', () => {
    const scheduler = withWeights(1, 1);
    scheduler.refill(100_000);
    // A system call of two tenants' frames, in which the worker lost its processor for long.
    scheduler.read(0, 50, true);
    scheduler.read(1, 50, true);
    scheduler.chargeCalls(18_020, 118_020);
    expect([scheduler.mayRead(0), scheduler.mayRead(1)]).toEqual([false, false]);
    scheduler.refund(18_000);
    expect([scheduler.mayRead(0), scheduler.mayRead(1)]).toEqual([true, true]);
    // Of the time that has passed 20 microseconds are left.
    scheduler.charge(0, 2100, 118_020);
    scheduler.refill(118_020);
    expect(scheduler.mayRead(0)).toBe(false);
  });

  it('that others had before this turn puts nobody into debt', () => {
    const scheduler = withWeights(1, 1);
    scheduler.refill(1000);
    scheduler.charge(0, 50, 1050);
    scheduler.refund(10_000_000);
    scheduler.refill(1100);
    expect([scheduler.mayRead(0), scheduler.mayRead(1)]).toEqual([true, true]);
    // And who comes later is not ahead of them for it.
    scheduler.charge(1, 5000, 1100);
    scheduler.refill(20_000);
    expect(scheduler.mayRead(1)).toBe(true);
  });

  it('is none before the first turn, whatever the clock begins with', () => {
    const scheduler = withWeights(1, 1);
    scheduler.refill(-1_500_000_000);
    expect([scheduler.mayRead(0), scheduler.mayRead(1)]).toEqual([true, true]);
  });
});

describe('a turn', () => {
  const TURNS = 200;
  /** Frames of each tenant a turn, when each takes so many microseconds, after a while. */
  const settled = (costs: readonly number[], devices = 1): { frames: number[]; us: number[] } => {
    const scheduler = withWeights(1, ...costs.map(() => 1));
    let now = 1e6;
    let frames: number[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      scheduler.refill(now);
      frames = costs.map((cost, k) => {
        const tenant = k + 1;
        if (!scheduler.mayRead(tenant)) return 0;
        const visit = scheduler.visit(tenant) * devices;
        for (let d = 0; d < devices; d++) scheduler.visited(tenant);
        scheduler.read(tenant, visit, false);
        now += Math.round(visit * cost);
        scheduler.charge(tenant, Math.round(visit * cost), now);
        return visit;
      });
      if (frames.every((count) => count === 0)) scheduler.forgive();
    }
    return { frames, us: frames.map((count, k) => count * costs[k]) };
  };

  it('takes no longer than it may, whatever a frame of an attacker costs', () => {
    for (const cost of [0.1, 1, 5]) {
      const { us } = settled([cost, cost]);
      expect(us[0] + us[1]).toBeLessThanOrEqual(220);
      expect(us[0] + us[1]).toBeGreaterThan(20);
    }
  });

  it('reads many frames that seem to cost nothing', () => {
    expect(settled([0, 0]).frames[0]).toBeGreaterThan(1000);
  });

  it('reads a few frames all the same, where each takes very long', () => {
    expect(settled([1000, 0.1]).frames[0]).toBeLessThanOrEqual(8);
  });

  it('shares the time of a tenant among its devices', () => {
    const one = settled([0.5, 0.5]);
    const many = settled([0.5, 0.5], 8);
    expect(many.us[0]).toBeLessThanOrEqual(one.us[0] * 2 + 8 * 0.5);
  });

  it('is not bounded for a tenant that is alone', () => {
    const scheduler = withWeights(1, 1);
    scheduler.refill(1000);
    expect(scheduler.shared).toBe(false);
    expect(scheduler.visit(1)).toBeGreaterThan(10_000);
  });

  it('is longer for who has saved, so that a backlog of others’ making goes', () => {
    const scheduler = withWeights(1, 1, 1);
    scheduler.refill(1e6);
    const saved = scheduler.visit(1);
    scheduler.charge(1, 2000, 1e6);
    scheduler.charge(2, 2000, 1e6);
    scheduler.refill(1e6 + 1);
    expect(scheduler.visit(1)).toBeLessThan(saved);
  });

  it('lets who has saved catch up within few turns with what came while nobody had the worker', () => {
    const [COST, PER_US, STALL] = [0.05, 5, 1000];
    const scheduler = withWeights(1, 1, 1);
    let now = 1e6;
    let waiting = PER_US * STALL;
    let turns = 0;
    const serve = (tenant: number, most: number) => {
      const frames = Math.min(most, scheduler.visit(tenant));
      const us = Math.round(frames * COST);
      now += us;
      scheduler.read(tenant, frames, false);
      scheduler.visited(tenant);
      scheduler.charge(tenant, us, now);
      return frames;
    };
    // Both have been busy for long; one takes a quarter of the time, the other all that it gets.
    for (let k = 0; k < 1000; k++) {
      scheduler.refill(now);
      serve(1, 50);
      if (scheduler.mayRead(2)) serve(2, 1e6);
    }
    // Until no more waits than what comes in a turn.
    for (const before = now; waiting > PER_US * 30 && now - before < 10_000; turns++) {
      const began = now;
      scheduler.refill(now);
      if (scheduler.mayRead(1)) waiting -= serve(1, waiting);
      if (scheduler.mayRead(2)) serve(2, 1e6);
      waiting += (now - began) * PER_US;
    }
    expect(turns).toBeLessThan(20);
  });
});

describe('whether the worker had a processor', () => {
  const turns = () => {
    let [wall, used] = [0, 0];
    const time = new WorkerTime(
      (into) => into.fill(wall),
      (into) => into.fill(used),
    );
    return (passed: number, had: number) => {
      const began = wall;
      wall += passed;
      used += had;
      return time.stolen(began, wall);
    };
  };

  it('is told of the time since it was looked last, when a turn was long', () => {
    const turn = turns();
    expect(turn(100, 100)).toBe(0);
    expect(turn(100, 100)).toBe(0);
    expect(turn(5000, 900)).toBe(4100);
    expect(turn(5000, 5000)).toBe(0);
  });

  it('is looked at now and then, and small differences are none', () => {
    const turn = turns();
    for (let k = 0; k < 50; k++) expect(turn(100, 99)).toBe(0);
  });

  it('is not asked of a time in which it may have slept', () => {
    let [wall, used] = [0, 0];
    const time = new WorkerTime(
      (into) => into.fill(wall),
      (into) => into.fill(used),
    );
    time.stolen(0, 0);
    wall = 50_000;
    used = 10;
    time.tick();
    time.slept();
    wall += 1000;
    used += 500;
    expect(time.stolen(wall - 1000, wall)).toBe(500);
  });

  it('is not asked of a time in which nobody looked', () => {
    let [wall, used] = [0, 0];
    const time = new WorkerTime(
      (into) => into.fill(wall),
      (into) => into.fill(used),
    );
    time.stolen(0, 0);
    time.forget();
    wall = 10_000_000;
    used = 2000;
    expect(time.stolen(wall - 1000, wall)).toBe(0);
    wall += 1000;
    used += 500;
    expect(time.stolen(wall - 1000, wall)).toBe(500);
  });

  it('is taken for granted where nothing tells', () => {
    const time = new WorkerTime((into) => into.fill(0), null);
    expect(time.stolen(0, 1e6)).toBe(0);
  });
});
