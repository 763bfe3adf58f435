import { describe, expect, it } from 'vitest';
import { Told } from '../../src/control/told.ts';
import type { ToWorker } from '../../src/worker/messages.ts';

/** Only what is looked at here of the messages; the rest is passed on as it is. */
const message = (words: Record<string, unknown>) => words as unknown as ToWorker;
const tenant = (index: number) => message({ type: 'set-tenant', image: { index } });
const capture = (of: number, id: number) => message({ type: 'capture', tenant: of, order: { id } });
const live = (of: number, id: number) => message({ type: 'trace', tenant: of, order: { id } });
const time = (of: number, memory: SharedArrayBuffer | null) => message({ type: 'time', tenant: of, memory });
const device = (index: number, spec: object) => message({ type: 'add-device', index, spec });
const assign = (index: number, vid: number, to: number) => message({ type: 'assign', index, vid, tenant: to });

const worldOf = (...messages: readonly ToWorker[]) => {
  const told = new Told();
  for (const one of messages) told.note(one);
  return told;
};

describe('what a worker that is started again is told', () => {
  it('is each tenant as it was last, before devices, and whose they are apart from it', () => {
    const told = worldOf(
      device(1, { kind: 'tap' }),
      tenant(1),
      assign(1, 0, 1),
      tenant(1),
      message({ type: 'cache', on: false }),
    );
    expect(told.world).toEqual([message({ type: 'cache', on: false }), tenant(1), device(1, { kind: 'tap' })]);
    expect(told.assignments).toEqual([assign(1, 0, 1)]);
  });

  it('is what still looks on: captures, live traces and times of stages', () => {
    const memory = new SharedArrayBuffer(8);
    const told = worldOf(tenant(1), capture(1, 7), live(1, 8), time(1, memory));
    expect(told.world).toEqual([tenant(1), capture(1, 7), live(1, 8), time(1, memory)]);
    told.note(message({ type: 'release', tenant: 1, id: 7 }));
    told.note(time(1, null));
    expect(told.world).toEqual([tenant(1), live(1, 8)]);
  });

  it('is nothing of a tenant or of a device that has gone', () => {
    const told = worldOf(
      tenant(1),
      tenant(2),
      capture(1, 7),
      time(1, new SharedArrayBuffer(8)),
      device(1, { kind: 'tap' }),
      assign(1, 0, 2),
    );
    told.note(message({ type: 'remove-tenant', index: 1 }));
    told.note(message({ type: 'remove-device', index: 1 }));
    expect([told.world, told.assignments, told.tenants]).toEqual([[tenant(2)], [], [2]]);
  });

  it('is to go on with a capture file, and to read one again only where it would have gone on for ever', () => {
    const spec = { kind: 'pcap', read: 'in.pcap', write: 'out.pcap', append: false };
    const told = worldOf(device(1, { ...spec, loops: 3 }), device(2, { ...spec, loops: null }));
    expect(told.world).toEqual([
      device(1, { ...spec, loops: 3, append: true, read: null }),
      device(2, { ...spec, loops: null, append: true }),
    ]);
  });
});
