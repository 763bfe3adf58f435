/**
 * No reordering: 10 M numbered frames in 16 flows through a real switch, super-frames mixed in, a TCP stream beside, in both ways of
 * reading TAPs. As root:
 *
 *   sh bin/node-pinned test/acceptance/reorder.ts [--frames N] [--flows N] [--pps N] [--io uring|poll|both] [--through bridge|router]
 *
 * Exit code 1 if a frame was overtaken, doubled or damaged, or not enough came. TAPYARD_SEED chooses the run's bytes.
 */
import { parseArgs } from 'node:util';
import { disorders, measureOrder } from '../../src/lab/order.ts';

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '10000000' },
    flows: { type: 'string', default: '16' },
    pps: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '1800' },
    io: { type: 'string', default: process.env['TAPYARD_IO'] ?? 'both' },
    through: { type: 'string', default: 'router' },
  },
});
const seed = Number(process.env['TAPYARD_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
const frames = Number(values.frames);
const modes =
  values.io === 'both' ? (['uring', 'poll'] as const) : ([values.io === 'poll' ? 'poll' : 'uring'] as const);
const ending = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ending.abort(new Error(name)));

console.log(`${frames} frames in ${values.flows} flows through the ${values.through}, seed ${seed}`);
for (const io of modes) {
  const result = await measureOrder({
    frames,
    flows: Number(values.flows),
    pps: Number(values.pps),
    seconds: Number(values.seconds),
    through: values.through === 'bridge' ? 'bridge' : 'router',
    io,
    seed,
    signal: ending.signal,
  });
  console.log(JSON.stringify(result));
  const wrong = [...disorders(result, frames), ...(result.io === io ? [] : [`the switch chose ${result.io}`])];
  console.log(`${wrong.length === 0 ? 'ok' : 'FAILED'} ${io}${wrong.map((text) => `, ${text}`).join('')}`);
  if (wrong.length > 0) process.exitCode = 1;
}
