/** Run by the pinned Node itself: a switch of memory ports, two workers and a router starts, is audited and stops. */
import { parseConfig } from '../../src/control/config/load.ts';
import { Switch } from '../../src/control/switch.ts';

const { model, diagnostics } = parseConfig(
  `version: 1
workers: 2
tenants:
  red:
    bridge: {ports: {a: {memory: true}, b: {memory: true}}}
    router: {interfaces: {lan: {vlan: 1, addresses: [10.0.0.1/24]}}}
`,
  'start-switch',
);
if (model === undefined) throw new Error(JSON.stringify(diagnostics));
const running = await Switch.start(model, { io: 'poll' });
process.stdout.write('started');
await Promise.all(running.workers.map((worker) => worker.send({ type: 'audit' })));
await running.stop();
process.stdout.write(', stopped\n');
