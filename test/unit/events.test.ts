import { describe, expect, it } from 'vitest';
import type { QuotaEvent } from '../../src/control/events.ts';
import { QuotaWatch } from '../../src/control/quota-watch.ts';
import { frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const CONFIG = `
version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true}, b: {memory: true}}}
    quota: {macs: 8}
`;
const hello = (host: number) =>
  frame({
    ethernet: { source: `02:00:00:00:01:${host.toString(16).padStart(2, '0')}`, destination: 'ff:ff:ff:ff:ff:ff' },
  });

describe('events', () => {
  it('tell of each MAC that moves, and when it moves too often', async () => {
    const net = await TestSwitch.of(CONFIG);
    net.send('red/a', hello(1));
    expect(net.events).toEqual([]);
    const row = net.tenant('red').ports.of('b');
    net.send('red/b', hello(1));
    expect(net.events).toEqual([
      { tenant: 'red', suppressed: 0, kind: 'mac-move', vlan: 1, mac: '02:00:00:00:01:01', port: row },
    ]);
    for (let k = 0; k < 6; k++) net.send(`red/${k % 2 === 0 ? 'a' : 'b'}`, hello(1));
    expect(net.events.map(({ kind }) => kind)).toContain('mac-flap');
    // Many that move are told of ten times a second.
    net.events.length = 0;
    net.nowUs += 20_000_000;
    for (let k = 0; k < 40; k++) net.send(`red/${k % 4 === 0 ? 'a' : 'b'}`, hello(1 + (k >> 2)));
    expect(net.events.length).toBeLessThanOrEqual(10);
    net.expectBooksToBalance();
  });

  it('tell of quotas that a tenant meets, at once and then every ten seconds', async () => {
    const net = await TestSwitch.of(CONFIG);
    const told: QuotaEvent[] = [];
    const watch = new QuotaWatch((event) => told.push(event));
    watch.look(net.tenants, 0);
    for (let host = 1; host <= 12; host++) net.send('red/a', hello(host));
    watch.look(net.tenants, 1000);
    const first = { type: 'quota', tenant: 'red', quota: 'macs', frames: 4 };
    expect(told).toEqual([first]);
    net.send('red/a', hello(40));
    for (const ms of [2000, 10_000, 10_999]) watch.look(net.tenants, ms);
    expect(told).toEqual([first]);
    watch.look(net.tenants, 11_000);
    watch.look(net.tenants, 30_000);
    expect(told).toEqual([first, { ...first, frames: 1 }]);
  });
});
