import { isDeepStrictEqual } from 'node:util';
import { random } from '../../../src/bench/statistics.ts';
import { decode, encode } from '../../../src/openflow/codec/codec.ts';
import type { FlowMod } from '../../../src/openflow/model.ts';
import { parseFlow } from '../../../src/openflow/text/flow.ts';
import { compare } from '../suite.ts';
import { decodePlain, encodePlain } from '../twins/plain-codec.ts';

const COUNT = 256;
const next = random(9);

/** What controllers send most: five fields, some of them masked, and an output or another table. */
const mods: FlowMod[] = Array.from({ length: COUNT }, (_, i) => {
  const address = () => `${10 + (next() % 100)}.${next() % 256}.${next() % 256}.0/24`;
  const todo = i % 4 === 0 ? 'goto_table:2' : `output:${1 + (next() % 8)}`;
  const ports = `tp_src=${next() % 65536},tp_dst=${next() % 65536}`;
  return parseFlow(
    `table=${i % 2},priority=${next() % 65536},cookie=${next()},tcp,nw_src=${address()},nw_dst=${address()},${ports},actions=${todo}`,
    'add',
  );
});
const messages = mods.map((mod, i) => encode({ type: 'flow_mod', mod }, i));
const buffers = messages.map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length));
for (const [i, mod] of mods.entries()) {
  const { message } = decode(messages[i]);
  if (message.type !== 'flow_mod' || !isDeepStrictEqual(message.mod, decodePlain(buffers[i])))
    throw new Error(`message ${i} is not decoded as the slow twin does it`);
  if (!encodePlain(mod, i).equals(buffers[i])) throw new Error(`message ${i} is not encoded as the slow twin does it`);
}

compare('openflow/codec', [
  {
    name: `${COUNT} flow-mods decoded`,
    fast: () => {
      let sum = 0;
      for (const bytes of messages) {
        const { message } = decode(bytes);
        if (message.type === 'flow_mod') sum += message.mod.priority + message.mod.match.length;
      }
      return sum;
    },
    slow: () => {
      let sum = 0;
      for (const bytes of buffers) {
        const mod = decodePlain(bytes);
        sum += mod.priority + mod.match.length;
      }
      return sum;
    },
    least: 1.5,
    reason: '60,000 rules a second are decoded by the thread that does all else of the control side',
  },
  {
    name: `${COUNT} flow-mods encoded`,
    fast: () => {
      let sum = 0;
      for (const mod of mods) sum += encode({ type: 'flow_mod', mod }, 7).length;
      return sum;
    },
    slow: () => {
      let sum = 0;
      for (const mod of mods) sum += encodePlain(mod, 7).length;
      return sum;
    },
    least: 1.5,
    reason: 'answers that list a hundred thousand rules are written as these are',
  },
]);
