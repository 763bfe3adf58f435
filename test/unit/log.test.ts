import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Log } from '../../src/cli/log.ts';
import { eventually } from '../support/switch-process.ts';

let folder = '';
let pipe = '';
let reader = -1;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
  pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
});
afterEach(() => {
  closeSync(reader);
  rmSync(folder, { recursive: true });
});

/** All that can be read now. */
function read(): string {
  const bytes = Buffer.alloc(1 << 20);
  let length = 0;
  try {
    for (let got = -1; got !== 0; length += got) got = readSync(reader, bytes, length, 65_536, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return bytes.toString('utf8', 0, length);
}
const trouble = (message: string) => ({ at: 0, event: { type: 'trouble' as const, message } });

describe('the log', () => {
  it('has lines for people, or of JSON with the fields of pino', async () => {
    const plain = new Log(false, pipe);
    plain.event(trouble('something'));
    await plain.close();
    expect(read()).toBe('1970-01-01T00:00:00.000Z something\n');
    const json = new Log(true, pipe);
    json.event({ at: 7, event: { type: 'quota', tenant: 'red', quota: 'macs', frames: 3 } });
    await json.close();
    expect(JSON.parse(read())).toEqual({
      ...{ level: 40, time: 7, at: 7, pid: process.pid, type: 'quota', tenant: 'red', quota: 'macs', frames: 3 },
      msg: 'quota tenant=red quota=macs: 3 source MACs were not learned',
    });
  });

  it('never waits for who reads it, keeps so much, and tells what was lost', async () => {
    const log = new Log(false, pipe, 10_000);
    const text = 'ä'.repeat(500);
    for (let k = 0; k < 1000; k++) log.event(trouble(text));
    let all = '';
    // What was kept comes, then how much was not; a reader that comes late is waited for.
    const tells = /(\d+) lines of the log were lost/;
    await eventually('the number of lost lines', () => {
      all += read();
      return tells.test(all);
    });
    const ending = log.close();
    await ending;
    all += read();
    const lines = all.trimEnd().split('\n');
    const lost = Number(tells.exec(all)?.[1]);
    expect(lines.filter((line) => line === `1970-01-01T00:00:00.000Z ${text}`).length).toBe(1000 - lost);
    expect(lines.length).toBe(1001 - lost);
    expect(lost).toBeGreaterThan(900);
  });

  it('ends although nobody reads it', async () => {
    const log = new Log(false, pipe, 1 << 18);
    for (let k = 0; k < 1000; k++) log.event(trouble('x'.repeat(200)));
    await log.close();
  });

  it('goes on when the reader has gone', async () => {
    const log = new Log(false, pipe);
    closeSync(reader);
    log.event(trouble('nobody hears it'));
    reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    log.event(trouble('somebody does'));
    let all = '';
    await eventually('a line', () => (all += read()).includes('somebody does'));
    await log.close();
  });
});
