import { expect, it } from 'vitest';
import { Pool } from '../../src/frame/pool.ts';

it('slots under a read that waits count as free, and are a tenant’s from the end of the read on', () => {
  const pool = new Pool(4, 2, 3);
  const head = pool.takeHead(1);
  const body = pool.takeBody();
  pool.lend(head);
  expect(pool.audit()).toMatchObject({ usedHeads: 0, usedBodies: 0, freeHeads: 4, freeBodies: 2 });
  expect([...pool.held]).toEqual([0, 0, 0]);
  // Nobody else is given them meanwhile.
  expect(pool.freeHeads).toBe(3);
  expect([pool.takeHead(1), pool.takeHead(1), pool.takeHead(1)]).not.toContain(head);
  expect(pool.takeHead(1)).toBe(-1);
  pool.recall(head, 2);
  expect([...pool.held]).toEqual([0, 3, 1]);
  expect(pool.audit()).toMatchObject({ usedHeads: 4, usedBodies: 1, freeHeads: 0, freeBodies: 1 });
  pool.release(head);
  pool.release(body);
  expect([...pool.held]).toEqual([0, 3, 0]);
  expect(pool.audit()).toMatchObject({ usedHeads: 3, usedBodies: 0 });
});
