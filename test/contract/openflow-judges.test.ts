import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { everyMessage } from '../support/openflow-messages.ts';

/** What others make of the bytes that we write: os-ken's parser and writer, and ovs-ofctl. */
const JUDGE = fileURLToPath(new URL('../support/os-ken-judge.py', import.meta.url));
const messages = everyMessage();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const folder = mkdtempSync(join(tmpdir(), 'judges-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The switch's side of it, which os-ken does not read: ovs-ofctl alone judges that. */
const UNREAD = /request|_mod|packet_out|set_config|set_async/;
/** What os-ken reads, and writes without a body, or in another way. */
const UNWRITTEN = /hello|experimenter|reply|packet_in|flow_removed|port_status/;

interface Verdict {
  readonly parsed: Readonly<Record<string, unknown>> | null;
  readonly again: string | null;
}

describe('os-ken', () => {
  // Debian's packages are seen by Debian's Python alone.
  const { stdout, stderr } = spawnSync('/usr/bin/python3', [JUDGE], {
    input: messages.map(({ bytes }) => `${hex(bytes)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const verdicts = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line || '{}') as Verdict);
  const verdictOf = (name: string): Verdict => {
    const at = messages.findIndex((one) => one.name.endsWith(` ${name}`));
    expect(at, name).toBeGreaterThanOrEqual(0);
    return verdicts[at];
  };

  test('reads every message that a switch sends, and every flow-mod', () => {
    expect(stderr).toBe('');
    expect(verdicts).toHaveLength(messages.length);
    const unread = messages.filter((_, k) => verdicts[k].parsed === null).map(({ name }) => name);
    expect(unread.filter((name) => !UNREAD.test(name) || / flow_mod/.test(name))).toEqual([]);
  });

  test('writes what it has read as we did, byte for byte', () => {
    let same = 0;
    for (const [k, { name, bytes }] of messages.entries()) {
      const { again } = verdicts[k];
      if (again === hex(bytes)) same++;
      else if (again !== null) expect(name).toMatch(UNWRITTEN);
    }
    expect(same).toBeGreaterThan(100);
  });

  test('finds in them what we have put there', () => {
    expect(verdictOf('features_reply').parsed).toEqual({
      OFPSwitchFeatures: { auxiliary_id: 0, capabilities: 0x4f, datapath_id: 5, n_buffers: 256, n_tables: 255 },
    });
    expect(verdictOf('get_config_reply').parsed).toEqual({ OFPGetConfigReply: { flags: 1, miss_send_len: 128 } });
    expect(verdictOf('role_reply').parsed).toEqual({ OFPRoleReply: { generation_id: 9, role: 2 } });
    expect(verdictOf('error').parsed).toMatchObject({ OFPErrorMsg: { type: 4, code: 9 } });
    expect(verdictOf('packet_in').parsed).toMatchObject({
      OFPPacketIn: { buffer_id: 0xffffffff, cookie: 7, reason: 1, table_id: 3, total_len: 60 },
    });
    expect(verdictOf('flow_removed').parsed).toMatchObject({
      OFPFlowRemoved: {
        ...{ priority: 65535, reason: 2, table_id: 254, packet_count: 3, byte_count: 180, duration_sec: 9 },
        ...{ idle_timeout: 1, hard_timeout: 2 },
      },
    });
    expect(verdictOf('port_status').parsed).toMatchObject({
      OFPPortStatus: { desc: { OFPPort: { port_no: 1, hw_addr: '02:00:00:00:00:01', name: 'p1', state: 4 } } },
    });
    expect(verdictOf('multipart_reply aggregate').parsed).toMatchObject({
      OFPAggregateStatsReply: { body: { OFPAggregateStats: { flow_count: 5 } } },
    });
    expect(verdictOf('multipart_reply queue').parsed).toMatchObject({
      OFPQueueStatsReply: { body: [{ OFPQueueStats: { port_no: 1, queue_id: 3 } }] },
    });
    expect(verdictOf('multipart_reply meter_config').parsed).toMatchObject({
      OFPMeterConfigStatsReply: {
        body: [{ OFPMeterConfigStats: { meter_id: 1, flags: 13 } }, { OFPMeterConfigStats: { meter_id: 2, flags: 2 } }],
      },
    });
  });
});

test('ovs-ofctl reads every message', () => {
  const file = join(folder, 'messages');
  const failed: string[] = [];
  for (const { name, bytes } of messages) {
    // It looks for what a field needs, and does not know all of them.
    if (name.endsWith('of a field') || name.endsWith(' experimenter')) continue;
    writeFileSync(file, bytes);
    const { stdout, stderr } = spawnSync('ovs-ofctl', ['-O', 'OpenFlow13', 'ofp-parse', file], { encoding: 'utf8' });
    const text = stdout + stderr;
    if (!/^(OFPT|OFPST|ONFT|NXT)_?/.test(stdout) || /\*\*\*|decode error|bad length/.test(text))
      failed.push(`${name}: ${text.slice(0, 200)}`);
  }
  expect(failed).toEqual([]);
});
