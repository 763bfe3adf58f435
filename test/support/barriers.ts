import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parseConfig } from '../../src/control/config/load.ts';
import { Switch } from '../../src/control/switch.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import type { MemoryEnd } from '../../src/port/memory-port.ts';
import { frame } from '../../src/wire/build.ts';
import { OpenFlowPeer } from './openflow-peer.ts';

const BURST = 8;
const PATIENCE = 200_000;
const FRAME = frame({ ipv4: { source: '10.0.0.1', destination: '10.0.0.2' }, udp: { source: 1, destination: 2 } });

/**
 * Changes a rule over a connection as a controller does, waits for the barrier's answer and sends frames, so many times: none of them may
 * leave as the rule said before. The switch has two workers, and the frames' port belongs to one of them.
 * @returns how often it was done
 * @throws Error at the first frame that saw the old rule, or was lost
 */
export async function changeRules(times: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tapyard-barrier-'));
  const socket = join(folder, 'red.mgmt');
  const { model, diagnostics } = parseConfig(
    `version: 1
workers: 2
tenants:
  red:
    bridge: {ports: {a: {memory: true}, b: {memory: true}, c: {memory: true}}}
    openflow: {listen: ['unix:${socket}'], flows: ['in_port=1,actions=output:2']}
`,
    'barriers',
  );
  if (model === undefined) throw new Error(JSON.stringify(diagnostics));
  const running = await Switch.start(model);
  try {
    const ends = running.devices.all.map(({ open }) => open.memory as MemoryEnd);
    const peer = await OpenFlowPeer.connect(socket);
    peer.greet();
    for (let n = 0; n < times; n++) {
      const to = 2 + (n & 1);
      // Every third change takes the rule away and makes another one.
      if (n % 3 === 0) peer.send({ type: 'flow_mod', mod: parseFlow('in_port=1', 'delete') });
      const mod = parseFlow(`in_port=1,actions=output:${to}`, n % 3 === 0 ? 'add' : 'modify');
      peer.send({ type: 'flow_mod', mod });
      await peer.settle();
      for (let k = 0; k < BURST; k++) if (!ends[0].send(FRAME)) throw new Error('the port takes no frame');
      await arrive(ends, to - 1, n);
    }
    peer.stream.destroy();
    return times;
  } finally {
    await running.stop();
    rmSync(folder, { recursive: true });
  }
}

async function arrive(ends: readonly MemoryEnd[], to: number, n: number): Promise<void> {
  const other = to === 1 ? 2 : 1;
  for (let left = BURST, tries = 0; left > 0; tries++) {
    if (tries > PATIENCE) throw new Error(`change ${n}: ${left} frames were lost`);
    if (ends[to].receive() !== null) left--;
    else await turn();
    if (ends[other].receive() !== null) throw new Error(`change ${n}: a frame left by the port of the old rule`);
  }
}
