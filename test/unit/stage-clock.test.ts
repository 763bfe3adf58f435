import { describe, expect, it } from 'vitest';
import { STAGES, stageOrder } from '../../src/path/order.ts';
import { StageCount } from '../../src/path/tap/stage-clock.ts';
import { frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const CONFIG = `
version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true, port_security: {macs: ['02:00:00:00:00:02']}}, b: {memory: true, vlan: 2}}}
    router:
      interfaces: {a: {vlan: 1, addresses: [10.0.1.1/24], ra: false}, b: {vlan: 2, addresses: [10.0.2.1/24], ra: false}}
    acls: {x: {rules: [{allow: any}], ingress: [a, {interface: a}], egress: [b, {interface: b}]}}
`;

describe('the clock of stages', () => {
  it('knows every stage by its name, in its order', async () => {
    const net = await TestSwitch.of(CONFIG);
    const { in: inward, out } = stageOrder(net.tenant('red').image);
    expect(['flow-cache', ...inward, ...out]).toEqual(STAGES);
  });

  it('takes each by itself, counts its frames, and goes', async () => {
    const net = await TestSwitch.of(CONFIG);
    const { index } = net.tenant('red');
    const memory = new SharedArrayBuffer(STAGES.length * StageCount.WIDTH * 8);
    // A microsecond passes whenever somebody looks.
    let reads = 0;
    const { tenants } = net.engine;
    const turn = net.nowUs;
    net.engine.tenants.time(index, memory);
    Object.defineProperty(net, 'nowUs', { get: () => turn + reads++, set: () => {} });
    const hello = frame({ ethernet: { source: '02:00:00:00:00:02', destination: 'ff:ff:ff:ff:ff:ff' } });
    for (let k = 0; k < 16; k++) net.send('red/a', hello, hello);
    const cells = new Float64Array(memory);
    const of = (stage: string) => ({
      frames: cells[STAGES.indexOf(stage) * StageCount.WIDTH],
      us: cells[STAGES.indexOf(stage) * StageCount.WIDTH + StageCount.Us],
    });
    // Two batches of sixteen were timed, of two frames each; a stage that calls no other reads the clock but twice.
    expect(of('parse')).toEqual({ frames: 4, us: 2 });
    expect(of('learn')).toEqual({ frames: 4, us: 2 });
    expect(of('rules').frames).toBe(4);
    expect(of('emit')).toEqual({ frames: 0, us: 0 });
    tenants.time(index, null);
    net.send('red/a', hello);
    expect(of('parse').frames).toBe(4);
    net.expectBooksToBalance();
  });
});
