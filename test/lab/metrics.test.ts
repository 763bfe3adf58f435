import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame } from '../../src/wire/build.ts';
import { eventually, SwitchProcess } from '../support/switch-process.ts';
import { pcap } from '../support/tshark.ts';

/** A port that nobody listens on, as far as one can know. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

const udp = (destination: number) =>
  frame({ ipv4: { source: '10.0.0.2', destination: '10.0.0.3' }, udp: { source: 5, destination } });
let running: SwitchProcess;
let address = '';
const text = async (accept: string): Promise<string> => {
  const answer = await fetch(`http://${address}/metrics`, { headers: { accept } });
  expect(answer.status).toBe(200);
  return await answer.text();
};

beforeAll(async () => {
  address = `127.0.0.1:${await freePort()}`;
  const yaml = `version: 1
metrics: ${address}
tenants:
  red:
    bridge: {ports: {a: {pcap: {read: in.pcap}}, b: {memory: true}}}
    router: {interfaces: {lan: {vlan: 1, addresses: [10.0.0.1/24]}}}
    acls: {x: {rules: [{deny: {proto: udp, dport: 7}}, {allow: any}], ingress: [a]}}
    openflow: {flows: ['priority=5,udp,tp_dst=9,actions=drop', 'priority=0,actions=NORMAL']}
`;
  running = await SwitchProcess.started(yaml, {}, { 'in.pcap': pcap([udp(7), udp(8), udp(9), udp(9)]) });
});
afterAll(() => running?.stop());

describe('/metrics', () => {
  it('has what Prometheus is told to ask for, by the names that it is told', async () => {
    const all = await eventually('the frames', async () => {
      const found = await text('text/plain');
      return found.includes('tapyard_port_receive_packets_total{tenant="red",port="a"} 4\n') ? found : null;
    });
    for (const line of [
      'tapyard_port_drop_total{tenant="red",port="a",reason="acl-in"} 1',
      'tapyard_port_drop_total{tenant="red",port="a",reason="rule-drop"} 2',
      'tapyard_rules{tenant="red",table="0"} 2',
      'tapyard_table_lookups_total{tenant="red",table="0"} 4',
      'tapyard_acl_hits_total{tenant="red",acl="x",rule="1"} 1',
      'tapyard_port_up{tenant="red",port="b"} 1',
    ])
      expect(all).toContain(`${line}\n`);
    expect(all).toMatch(/^tapyard_port_transmit_packets_total\{tenant="red",port="b"\} [1-9]/m);
    expect(all).toMatch(/^tapyard_build_info\{version="[^"]+",node="v26[^"]*"\} 1$/m);
    expect(all).toMatch(/^tapyard_flow_cache_(?:frames|misses|passed)_total\{tenant="red",worker="0"\} \d+$/m);
    expect(all).toMatch(/^tapyard_tenant_busy_seconds_total\{tenant="red",worker="0"\} [\d.e-]+$/m);
  });

  it('pleases promtool, and is OpenMetrics when that is asked for', async () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await text('text/plain'),
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    const open = await text('application/openmetrics-text; version=1.0.0');
    expect(open).toContain('# TYPE tapyard_port_receive_packets counter\ntapyard_port_receive_packets_total{');
    expect(open.endsWith('\n# EOF\n')).toBe(true);
  });
});
