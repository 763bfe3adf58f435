import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/openflow/channel/channel.ts';
import { OpenFlowRig } from '../support/openflow-rig.ts';

/** What Open vSwitch's ovs-ofctl does with a channel, unchanged, over a unix socket and over TCP. */
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'ofctl-'));
const path = join(folder, 'red.mgmt');
const env = { ...process.env, OVS_RUNDIR: folder };
let rig: OpenFlowRig;
let channel: Channel;
let tcp = '';

/** @returns what it prints; a refusal is an error whose message has what it said */
async function ofctl(command: string, ...words: readonly string[]): Promise<string> {
  const options = command.startsWith('-') ? command.split(' ') : [command];
  const { stdout } = await run('ovs-ofctl', ['-O', 'OpenFlow13', ...options, `unix:${path}`, ...words], {
    env,
    timeout: 120_000,
  });
  return stdout;
}

function fileOf(name: string, lines: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** Runs `ovs-ofctl monitor` while something happens. @returns what it printed by the time that `until` is in it */
async function monitored(happen: () => Promise<unknown>, until: string): Promise<string> {
  // One before may not be gone yet.
  while (channel.status().rows.length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const child = spawn('ovs-ofctl', ['-O', 'OpenFlow13', 'monitor', `unix:${path}`, '65534'], { env });
  let text = '';
  const seen = new Promise<string>((resolve) => {
    const take = (chunk: Buffer) => {
      text += chunk;
      if (text.includes(until)) resolve(text);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('exit', () => resolve(text));
  });
  // It listens when it has configured how much of a frame it wants: hello, a question for the configuration, the new one.
  while (!channel.status().rows.some(({ received }) => received >= 3))
    await new Promise((resolve) => setTimeout(resolve, 10));
  await happen();
  const said = await seen;
  child.kill();
  await new Promise((resolve) =>
    child.exitCode === null && child.signalCode === null ? child.on('exit', resolve) : resolve(0),
  );
  return said;
}

beforeAll(async () => {
  rig = new OpenFlowRig();
  rig.datapath.queues.set(1, 3, 500e6);
  channel = await rig.channel({ listen: [`unix:${path}`, 'tcp:127.0.0.1:0'], software: 'Tapyard test' });
  tcp = `tcp:127.0.0.1:${channel.ports[1]}`;
});
afterAll(async () => {
  await channel.close();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  for (const command of ['del-flows', 'del-groups', 'del-meters']) await ofctl(command);
});

describe('ovs-ofctl', () => {
  test.each<[string, readonly string[], RegExp]>([
    [
      'show',
      [],
      /dpid:0000000000000001[\s\S]*n_tables:255, n_buffers:256[\s\S]*1\(p1\): addr:02:00:00:00:00:01[\s\S]*frags=normal miss_send_len=128/,
    ],
    ['dump-desc', [], /Software: Tapyard test[\s\S]*DP Description: red/],
    ['dump-tables', [], /table 0:[\s\S]*active=0, lookup=0, matched=0/],
    ['dump-table-features', [], /table 0 \("table 0"\):[\s\S]*next tables: 1-254[\s\S]*table 254/],
    ['dump-ports', [], /2 ports\n {2}port +1: rx pkts=0, bytes=0/],
    ['dump-ports', ['2'], /1 ports\n {2}port +2: rx pkts=1, bytes=100/],
    ['dump-ports-desc', [], /state: +LIVE\n {5}current: +10GB-FD COPPER/],
    ['queue-get-config', ['1'], /queue 3: max_rate:5.0%/],
    ['queue-stats', [], /1 queues\n {2}port 1 queue 3: bytes=0, pkts=0, errors=0/],
    ['meter-features', [], /max_meter:4096 max_bands:16/],
    ['dump-group-features', [], /Types: +0xf\n {4}Capabilities: +0xf/],
    ['get-frags', [], /normal/],
    ['set-frags', ['drop'], /^$/],
    ['get-frags', [], /drop/],
    ['set-frags', ['normal'], /^$/],
    ['dump-ports', ['77'], /OFPBRC_BAD_PORT/],
    ['probe', [], /^$/],
    ['ping', [], /64 bytes from/],
    ['benchmark', ['100', '50'], /Finished in/],
  ])('%s %s', async (command, words, said) => {
    expect(await ofctl(command, ...words)).toMatch(said);
  });

  test('adds, shows, changes and deletes rules', async () => {
    await ofctl(
      'add-flow',
      'table=1,cookie=0x42,priority=100,in_port=1,tcp,nw_dst=10.0.0.0/24,tp_dst=80,actions=dec_ttl,output:2',
    );
    await ofctl(
      'add-flow',
      'priority=7,idle_timeout=60,send_flow_rem,udp6,ipv6_src=2001:db8::/32,actions=write_metadata:0x12/0xff,goto_table:1',
    );
    const shown = await ofctl('dump-flows');
    expect(shown).toMatch(
      /cookie=0x42, .*table=1, n_packets=0, n_bytes=0, priority=100,tcp,in_port=.?p?1.?,nw_dst=10.0.0.0\/24,tp_dst=80 actions=dec_ttl,output:/,
    );
    expect(shown).toMatch(
      /idle_timeout=60, send_flow_rem priority=7,udp6,ipv6_src=2001:db8::\/32 actions=write_metadata:0x12\/0xff,goto_table:1/,
    );
    await ofctl('mod-flows', 'table=1,tcp,actions=drop');
    expect(await ofctl('dump-flows', 'cookie=0x42/-1')).toMatch(/tp_dst=80 actions=drop/);
    expect(await ofctl('dump-aggregate')).toMatch(/flow_count=2/);
    await ofctl('--strict del-flows', 'table=1,priority=100,in_port=1,tcp,nw_dst=10.0.0.0/24,tp_dst=80');
    expect(await ofctl('dump-aggregate')).toMatch(/flow_count=1/);
  });

  test('replaces and compares files of rules', async () => {
    const first = fileOf('first', ['priority=1,ip,actions=output:1', 'priority=2,ip,nw_src=10.0.0.1,actions=output:2']);
    const second = fileOf('second', ['priority=2,ip,nw_src=10.0.0.1,actions=drop', 'priority=3,arp,actions=NORMAL']);
    await ofctl('add-flows', first);
    expect(await ofctl('diff-flows', first)).toBe('');
    await expect(ofctl('diff-flows', second)).rejects.toMatchObject({
      code: 2,
      stdout: expect.stringContaining('+priority=3,arp'),
    });
    await ofctl('replace-flows', second);
    expect(await ofctl('diff-flows', second)).toBe('');
    await ofctl('--bundle replace-flows', first);
    expect(await ofctl('diff-flows', first)).toBe('');
  });

  test('makes groups and meters, and shows them', async () => {
    await ofctl('add-group', 'group_id=1,type=select,bucket=weight:3,output:1,bucket=weight:1,output:2');
    await ofctl('add-group', 'group_id=2,type=ff,bucket=watch_port:1,output:1,bucket=watch_group:1,group:1');
    expect(await ofctl('dump-groups')).toMatch(/group_id=2,type=ff,bucket=watch_port:.?p?1.?,/);
    expect(await ofctl('dump-group-stats')).toMatch(/group_id=1,duration=[\d.]+s,ref_count=1,packet_count=0/);
    await ofctl('add-meter', 'meter=1,kbps,burst,stats,bands=type=drop,rate=1000,burst_size=100');
    expect(await ofctl('dump-meters')).toMatch(/meter=1 kbps burst stats bands=\ntype=drop rate=1000 burst_size=100/);
    expect(await ofctl('meter-stats')).toMatch(/meter:1 flow_count:0/);
    await ofctl('mod-port', '2', 'no-receive');
    expect(await ofctl('dump-ports-desc', '2')).toMatch(/NO_RECV/);
    await ofctl('mod-port', '2', 'receive');
  });

  test.each([
    ['add-flow', 'table=254,actions=goto_table:3', /OFPBIC_BAD_TABLE_ID|goto/],
    ['add-flow', 'actions=group:77', /OFPBAC_BAD_OUT_GROUP/],
    ['add-flow', 'actions=meter:77,output:1', /OFPMMFC_UNKNOWN_METER/],
    ['mod-group', 'group_id=9,type=all,bucket=output:1', /OFPGMFC_UNKNOWN_GROUP/],
    ['mod-meter', 'meter=9,kbps,bands=type=drop,rate=1', /OFPMMFC_UNKNOWN_METER/],
  ])('is told why %s %s is refused', async (command, words, why) => {
    await expect(ofctl(command, words)).rejects.toThrow(why);
  });

  test('commits bundles, and sees nothing of one that is refused', async () => {
    const good = [
      'flow add priority=21,in_port=1,actions=output:2',
      'group add group_id=9,type=indirect,bucket=output:2',
    ];
    await ofctl('bundle', fileOf('good', good));
    expect(await ofctl('dump-flows')).toMatch(/priority=21/);
    const bad = [
      'flow add priority=22,actions=drop',
      'group delete group_id=9',
      'flow add priority=23,actions=group:9',
    ];
    await expect(ofctl('bundle', fileOf('bad', bad))).rejects.toThrow(
      /Error OFPBAC_BAD_OUT_GROUP for: OFPT_FLOW_MOD.*priority=23[\s\S]*OFPBFC_MSG_FAILED/,
    );
    expect(await ofctl('dump-flows')).not.toMatch(/priority=22/);
    expect(await ofctl('dump-groups')).toMatch(/group_id=9/);
    await ofctl(
      '--bundle add-flows',
      fileOf(
        'many',
        Array.from({ length: 3000 }, (_, k) => `priority=${k},tcp,actions=drop`),
      ),
    );
    expect(rig.datapath.flows.size).toBe(3001);
  });

  test('watches what happens', async () => {
    expect(
      await monitored(async () => {
        await ofctl('add-flow', 'priority=77,sctp,send_flow_rem,actions=drop');
        await ofctl('--strict del-flows', 'priority=77,sctp');
      }, 'OFPT_FLOW_REMOVED'),
    ).toMatch(/priority=77,sctp reason=delete/);
    const arp = '020000000001020000000002080600010800060400010200000000020a0000010000000000000a000002';
    const event = { reason: 1, table: 2, cookie: 5n, inPort: 1, metadata: 0n, tunnelId: 0n, maxLength: 0xffff };
    const frame = Uint8Array.from(Buffer.from(arp, 'hex'));
    const said = await monitored(async () => channel.packetIn({ ...event, frame }), 'arp_spa');
    expect(said).toMatch(
      /OFPT_PACKET_IN \(OF1.3\) \(xid=0x0\): table_id=2 cookie=0x5 total_len=42 in_port=1 \(via action\) data_len=42 \(unbuffered\)/,
    );
    expect(said).toMatch(/arp,.*arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=1/);
  });

  test('does the same over TCP', async () => {
    const { stdout } = await run('ovs-ofctl', ['-O', 'OpenFlow13', 'dump-flows', tcp], { env });
    expect(stdout).toMatch(/^OFPST_FLOW reply/);
  });

  test('that speaks OpenFlow 1.0 alone is told why it is left', async () => {
    await expect(run('ovs-ofctl', ['-O', 'OpenFlow10', 'show', tcp], { env })).rejects.toThrow(
      /version negotiation failed/,
    );
  });
});
