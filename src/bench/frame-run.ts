/**
 * Program: the frames of an attack, as fast as the kernel takes them, into a device of the namespace that it runs in: written to a TAP, as a
 * virtual machine would do it, whose frames the kernel redirects to the device. A JSON line at the end.
 */
import * as ffi from '../../native-free/ffi.ts';
import { openTap } from '../../native-free/tap.ts';
import { runTool } from '../../native-free/tool.ts';
import { breathe, end, listenForStop, readArguments, say, stop } from '../lab/traffic/arguments.ts';
import { type AttackName, planOf } from './attacks.ts';
import { packFrames } from './frames.ts';

const options = readArguments({ device: '', attack: 'flood', seconds: 5 });
const RUN = 512;
const BREATH = 8;

listenForStop();
const name = `${options.device.slice(0, 12)}in`;
const tap = openTap({ name, vnetHeader: false });
const match = ['protocol', 'all', 'u32', 'match', 'u32', '0', '0'];
runTool('ip', ['link', 'set', 'dev', name, 'up']);
runTool('tc', ['qdisc', 'add', 'dev', name, 'clsact']);
runTool('tc', [
  'filter',
  'add',
  'dev',
  name,
  'ingress',
  ...match,
  'action',
  'mirred',
  'egress',
  'redirect',
  'dev',
  options.device,
]);
const packed = packFrames(planOf(options.attack as AttackName).frames());
const index = new Int32Array(packed.index);
const base = ffi.pin(new Uint8Array(packed.frames));
const at = Array.from({ length: packed.count }, (_, i) => BigInt(base) + BigInt(index[i * 2] * 8 + 2));
const length = BigInt(index[1]);
const [fd] = tap.fds;
let [sent, refused, next] = [0, 0, 0];
say({ ready: true });
const began = performance.now();
for (let turn = 1; !stop.asked && performance.now() - began < options.seconds * 1000; turn++) {
  if (turn % BREATH === 0) await breathe();
  for (let k = 0; k < RUN; k++) {
    if (ffi.write(fd, at[next], length) > 0) sent++;
    else refused++;
    if (++next === at.length) next = 0;
  }
}
const seconds = (performance.now() - began) / 1000;
tap.close();
say({ sent, refused, seconds });
end(0);
