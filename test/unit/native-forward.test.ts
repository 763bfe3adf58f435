import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IovecTable } from '../../native-free/iovec.ts';
import { addAddresses } from '../../native-free/links.ts';
import { createNetns, deleteNetns, spawnInNetns } from '../../native-free/netns.ts';
import { PollSet, readv, writev } from '../../native-free/poll.ts';
import { openTap, type Tap } from '../../native-free/tap.ts';
import { Uring } from '../../native-free/uring.ts';
import { CQE_MORE, POLLIN } from '../../native-free/uring-abi.ts';

/**
 * The plainest forwarder there is, over each way of reading: two TAPs in two namespaces, TCP between them. Only what every
 * machine has: the two ends are the Node that runs the test.
 */
const spaces = [`nfx-${process.pid}`, `nfy-${process.pid}`];
const HEAD = 2048;
const BODY = 65_536;
const SLOTS = 8;
const memory = new SharedArrayBuffer(SLOTS * (HEAD + BODY));
const iovecs = new IovecTable(SLOTS, memory);
const Kind = { Poll: 1, Read: 2, Write: 3 } as const;
let taps: Tap[] = [];

beforeAll(() => {
  for (const space of spaces) createNetns(space);
  taps = spaces.map((netns, i) => openTap({ name: 'nf0', netns, mac: `02:00:00:00:00:0${i + 1}`, ipv6: true }));
  spaces.map((netns, i) => addAddresses('nf0', [`10.7.0.${i + 1}/24`, `fd07::${i + 1}/64`], netns));
});

afterAll(() => {
  for (const tap of taps) tap.close();
  for (const space of spaces) deleteNetns(space);
});

function empty(slot: number): void {
  iovecs.setHead(slot, slot * (HEAD + BODY), HEAD);
  iovecs.setBody(slot, slot * (HEAD + BODY) + HEAD, BODY);
}

/** @returns segments of a frame of so many bytes */
function fill(slot: number, length: number): number {
  iovecs.setHead(slot, slot * (HEAD + BODY), Math.min(length, HEAD));
  iovecs.setBody(slot, slot * (HEAD + BODY) + HEAD, Math.max(0, length - HEAD));
  if (length > HEAD) superFrames++;
  return length > HEAD ? 2 : 1;
}

/** The order of DESIGN.md: a port that is ready gets a batch of reads, its frames leave in the order they came. */
class UringForwarder {
  readonly #ring = new Uring({ entries: 64, completions: 256, files: 2, iovecs });
  readonly #free = Array.from({ length: SLOTS }, (_, slot) => slot);
  readonly #ready = [true, true];

  constructor() {
    for (let port = 0; port < 2; port++) {
      this.#ring.registerFile(port, taps[port].fds[0]);
      this.#ring.pollMultishot(port, 0, (Kind.Poll << 8) | port);
    }
  }

  turn(): void {
    const ring = this.#ring;
    let asked = 0;
    for (let port = 0; port < 2; port++) {
      if (!this.#ready[port]) continue;
      this.#ready[port] = false;
      for (let n = 0; n < SLOTS / 2 && this.#free.length > 0; n++, asked++) {
        const slot = this.#free.pop()!;
        empty(slot);
        ring.readvNowait(port, slot, 2, slot, (Kind.Read << 8) | port);
      }
    }
    ring.enter(asked > 0 ? 0 : 1, 20);
    const count = ring.completions();
    for (let i = 0; i < count; i++) {
      const kind = ring.cqeHigh(i) >> 8;
      const port = ring.cqeHigh(i) & 255;
      const slot = ring.cqeLow(i);
      const result = ring.cqeResult(i);
      if (kind === Kind.Poll || result > 0) this.#ready[port] = true;
      if (kind === Kind.Poll) {
        if ((ring.cqeFlags(i) & CQE_MORE) === 0) ring.pollMultishot(port, 0, (Kind.Poll << 8) | port);
      } else if (kind === Kind.Read && result > 0) {
        ring.writev(port ^ 1, slot, fill(slot, result), slot, (Kind.Write << 8) | port);
      } else {
        this.#free.push(slot);
      }
    }
    ring.advance(count);
  }

  close(): void {
    this.#ring.close();
  }
}

function pollTurn(set: PollSet): void {
  set.wait(2, 20);
  for (let port = 0; port < 2; port++) {
    for (let n = 0; n < 16; n++) {
      empty(0);
      const length = readv(taps[port].fds[0], iovecs, 0, 2);
      if (length < 0) break;
      writev(taps[port ^ 1].fds[0], iovecs, 0, fill(0, length));
    }
  }
}

const SERVER = `require('net').createServer((s) => s.pipe(s)).listen(7777, '::', () => console.log('listening'))`;
/** Sends 4 MiB that never repeat within a window, and wants the same back. */
const CLIENT = `
  const sent = Buffer.alloc(4 << 20);
  for (let i = 0; i < sent.length; i += 4) sent.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
  const parts = [];
  const socket = require('net').connect(7777, process.argv[1], () => socket.end(sent));
  socket.on('data', (part) => parts.push(part));
  socket.on('error', (error) => console.log(error.message));
  socket.on('end', () => console.log(Buffer.concat(parts).equals(sent) ? 'echoed whole' : 'echoed damaged'));
  setTimeout(() => process.exit(1), 10000).unref();`;

const node = (space: number, script: string, ...words: string[]) =>
  spawnInNetns(spaces[space], process.execPath, ['-e', script, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });

/** @returns what a client in the first namespace said of the server in the second, while `turn` forwards */
async function talk(to: string, turn: () => void): Promise<string> {
  const server = node(1, SERVER);
  await once(server.stdout!, 'data');
  const client = node(0, CLIENT, to);
  let said = '';
  let done = false;
  client.stdout!.on('data', (text) => (said += text));
  void once(client, 'close').then(() => (done = true));
  while (!done) {
    turn();
    await setImmediate();
  }
  server.kill();
  await once(server, 'close');
  return said.trim();
}

let superFrames = 0;

test.each(['10.7.0.2', 'fd07::2'])('TCP to %s passes through io_uring', async (to) => {
  const forwarder = new UringForwarder();
  superFrames = 0;
  const said = await talk(to, () => forwarder.turn());
  forwarder.close();
  expect(said).toBe('echoed whole');
  expect(superFrames).toBeGreaterThan(0);
});

test.each(['10.7.0.2', 'fd07::2'])('TCP to %s passes through poll, readv and writev', async (to) => {
  const set = new PollSet(2);
  for (let port = 0; port < 2; port++) set.set(port, taps[port].fds[0], POLLIN);
  superFrames = 0;
  expect(await talk(to, () => pollTurn(set))).toBe('echoed whole');
  expect(superFrames).toBeGreaterThan(0);
});

test('a ring that was closed lets the device go', () => {
  for (const tap of taps) tap.close();
  const left = spawnSync('ip', ['-n', spaces[0], '-o', 'link', 'show'], { encoding: 'utf8' }).stdout;
  expect(left).not.toContain('nf0');
});
