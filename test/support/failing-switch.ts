/** A switch in a process of its own that ends badly: `throw` (an exception that nobody catches), `reject` or `exit`. */
import { loadConfig } from '../../src/control/config/load.ts';
import { Switch } from '../../src/control/switch.ts';

const [how, file] = process.argv.slice(2);
await Switch.start(await loadConfig(file));
process.stdout.write('ready\n');
setTimeout(() => {
  if (how === 'exit') process.exit(3);
  if (how === 'reject') void Promise.reject(new Error('on purpose'));
  else throw new Error('on purpose');
}, 200);
