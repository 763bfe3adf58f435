import { beforeAll, describe, expect, it } from 'vitest';
import { faultsOf, measureRestarts } from '../support/restarts.ts';
import { sweep } from '../support/switch-process.ts';

beforeAll(sweep);

/** The short form of test/acceptance/controllers.ts. */
describe('a controller that is killed and started again under a stream of datagrams', () => {
  it.each([
    ['ovs', 'standalone', 3],
    ['ovs', 'secure', 2],
    ['learning', 'secure', 1],
  ] as const)(
    '%s, %s: the flow that is known loses nothing meanwhile',
    { timeout: 300_000 },
    async (app, failMode, rounds) => {
      const result = await measureRestarts({ controller: app, failMode, rounds, hosts: 4, pps: 500 });
      expect(faultsOf(result, failMode)).toEqual([]);
      expect(result.rounds).toHaveLength(rounds);
      expect(result.sent).toBeGreaterThan(100);
    },
  );
});
