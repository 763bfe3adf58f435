import { execFileSync, spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';

const HELLO = 0;
const BARRIER_REQUEST = 20;
const BARRIER_REPLY = 21;

/**
 * Runs ovs-ofctl against a switch that says hello, answers barriers and remembers what it is sent.
 * @param args `SWITCH` in them stands for the address
 * @returns messages of `type`, or null when ovs-ofctl refused
 */
export async function messagesOf(args: readonly string[], type: number): Promise<Buffer[] | null> {
  const messages: Buffer[] = [];
  const server = createServer((socket) => {
    let pending = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 8 && pending.length >= pending.readUInt16BE(2)) {
        const message = Buffer.from(pending.subarray(0, pending.readUInt16BE(2)));
        pending = pending.subarray(message.length);
        if (message[1] === HELLO) socket.write(Buffer.from([4, HELLO, 0, 8, 0, 0, 0, 1]));
        else if (message[1] === BARRIER_REQUEST) {
          const reply = Buffer.from(message);
          reply[1] = BARRIER_REPLY;
          socket.write(reply);
        } else if (message[1] === type) messages.push(message);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`;
  const all = ['-O', 'OpenFlow13', '--no-names', ...args.map((arg) => (arg === 'SWITCH' ? address : arg))];
  const code = await new Promise<number | null>((resolve) =>
    spawn('ovs-ofctl', all, { stdio: 'ignore' }).on('close', resolve),
  );
  server.close();
  return code === 0 ? messages : null;
}

/** What `ovs-ofctl ofp-print` makes of a message, without its first line where the rest stands on lines of its own. */
export function printed(message: Uint8Array): string {
  const hex = Buffer.from(message).toString('hex');
  return execFileSync('ovs-ofctl', ['ofp-print', hex], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/**
 * A flow mod as a reply of flow statistics, counts 0: the two share match and instructions, which nobody reads here. Source: 1.3.5,
 * sections 7.3.4.2 and 7.3.5.2.
 */
export function asStatistics(mod: Buffer): Buffer {
  const rest = mod.subarray(48);
  const reply = Buffer.alloc(16 + 48);
  reply.set([4, 19], 0);
  reply.writeUInt16BE(reply.length + rest.length, 2);
  reply.writeUInt16BE(1, 8);
  reply.writeUInt16BE(48 + rest.length, 16);
  reply[18] = mod[24];
  mod.copy(reply, 28, 30, 32); // priority
  mod.copy(reply, 30, 26, 30); // timeouts
  mod.copy(reply, 34, 44, 46); // flags
  mod.copy(reply, 40, 8, 16); // cookie
  return Buffer.concat([reply, rest]);
}
