import type { Server } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ping, tryTcp } from '../../src/lab/reach.ts';
import { Controller, freePort } from '../support/controller.ts';
import { allowEcho, greet } from '../support/hosts.ts';
import { eventually, own, SwitchProcess, sweep } from '../support/switch-process.ts';

const never = new AbortController().signal;
const hosts = Array.from({ length: 8 }, (_, i) => own(`h${i + 1}`));
const address = (host: number) => `10.0.0.${host + 1}`;

const yaml = (count: number, port: number) => `version: 1
tenants:
  red:
    bridge:
      ports:
${hosts
  .slice(0, count)
  .map(
    (name, i) =>
      `        h${i + 1}: {tap: ${name}, netns: ${name}, mac: '02:00:00:00:00:0${i + 1}', address: ${address(i)}/24}`,
  )
  .join('\n')}
    openflow: {dpid: 1, controllers: ['tcp:127.0.0.1:${port}'], fail_mode: secure}
`;

let running: SwitchProcess;
let controller: Controller;
let server: Server | undefined;

async function start(count: number, make: (port: number) => Controller): Promise<void> {
  const port = await freePort();
  controller = make(port);
  running = await SwitchProcess.started(yaml(count, port));
  for (const name of hosts.slice(0, count)) allowEcho(name);
  await connected();
}

const connected = () =>
  eventually(`a controller; ${controller.output}`, async () =>
    (await running.show('openflow')).some(({ kind, state }) => kind === 'controller' && state === 'connected'),
  );
const rules = async () =>
  (await running.call('flows', { tenant: 'red' })) as unknown as { text: string; owner: string }[];

/** Pings of all pairs: how many of how many came back. */
async function allPairs(count: number): Promise<{ sent: number; received: number }> {
  const sum = { sent: 0, received: 0 };
  for (let from = 0; from < count; from++)
    for (let to = 0; to < count; to++) {
      if (from === to) continue;
      const { sent, received } = await ping(hosts[from]!, address(to), {
        ...{ echo: true, count: 2, timeoutMs: 5000, signal: never },
      });
      sum.sent += sent;
      sum.received += received;
    }
  return sum;
}

beforeAll(sweep);
afterEach(async () => {
  server?.close();
  await controller.kill();
  await running.stop();
});

describe('os-ken', () => {
  it('learning: every host reaches every other, by rules of the controller', async () => {
    await start(3, (port) => Controller.osken('learning', port));
    expect(await allPairs(3)).toEqual({ sent: 12, received: 12 });
    expect((await rules()).filter(({ owner }) => owner === 'controller').length).toBeGreaterThan(6);
  });

  it('firewall: ping and port 80 pass, port 22 does not', async () => {
    await start(2, (port) => Controller.osken('firewall', port));
    await eventually('its rules', async () => (await rules()).length === 5);
    expect(await allPairs(2)).toEqual({ sent: 4, received: 4 });
    server = greet(hosts[1]!, 80, 'hello');
    expect(await tryTcp(hosts[0]!, address(1), 80, 5000, never)).toMatchObject({ outcome: 'open', said: 'hello' });
    const other = greet(hosts[1]!, 22, 'hello');
    expect(await tryTcp(hosts[0]!, address(1), 22, 300, never)).toMatchObject({ outcome: 'silent' });
    other.close();
  });

  it('balancer: one address stands for two servers, and flows are spread over both', async () => {
    await start(3, (port) => Controller.osken('balancer', port));
    await eventually('its rules', async () => (await rules()).length === 5);
    const vip = '10.0.0.100';
    expect(await ping(hosts[0]!, vip, { echo: true, count: 3, timeoutMs: 5000, signal: never })).toMatchObject({
      received: 3,
    });
    for (let flow = 0; flow < 32; flow++)
      await ping(hosts[0]!, vip, { echo: false, count: 1, timeoutMs: 20, signal: never });
    const [group] = (await running.call('groups', { tenant: 'red' })) as unknown as { stats: string }[];
    const counts = [...group!.stats.matchAll(/bucket\d:packet_count=(\d+)/g)].map(([, count]) => Number(count));
    expect(counts).toHaveLength(2);
    expect(Math.min(...counts)).toBeGreaterThan(3);
  });
});

describe('ovs-testcontroller', () => {
  it('eight hosts reach each other, and no ping is lost', async () => {
    await start(8, Controller.ovs);
    expect(await allPairs(8)).toEqual({ sent: 112, received: 112 });
  });
});
