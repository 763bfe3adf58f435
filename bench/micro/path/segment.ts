import { Batch, Fate } from '../../../src/frame/batch.ts';
import { Pool } from '../../../src/frame/pool.ts';
import { OffloadCheck } from '../../../src/path/offload.ts';
import { Parse } from '../../../src/path/parse.ts';
import { Pieces } from '../../../src/path/pieces.ts';
import { Segmenter } from '../../../src/path/segment.ts';
import { frame } from '../../../src/wire/build-frame.ts';
import { pseudo4 } from '../../../src/wire/checksum.ts';
import * as tcp from '../../../src/wire/tcp.ts';
import { Gso } from '../../../src/wire/vnet.ts';
import { compare } from '../suite.ts';
import { HEADERS, plainSegments } from '../twins/plain-segments.ts';

const SIZE = 1448;
const [L3, L4] = [14, 34];
const CHECKSUM = 16;
const IN_HEAD = 1500;
const flags = tcp.Flag.Acknowledge | tcp.Flag.Push | tcp.Flag.Fin;

/** As the kernel hands over a stream: 64 KiB at once, and a checksum that only has its pseudo-header yet. */
const whole = frame({
  ipv4: { source: '10.0.0.1', destination: '10.0.0.2', identification: 7 },
  tcp: { source: 1024, destination: 5001, flags, sequence: 0xffff_0000 },
  payload: 45 * SIZE - 100,
});
const view = new DataView(whole.buffer);
view.setUint16(L4 + CHECKSUM, pseudo4(view, L3, 6, whole.length - L4));

const pool = new Pool(64, 1, 1);
const batch = new Batch();
const head = pool.takeHead(0);
const body = pool.takeBody();
const start = pool.frameStart(head);
pool.octets.set(whole.subarray(0, IN_HEAD), start);
pool.octets.set(whole.subarray(IN_HEAD), pool.position(body));
batch.push(head, start, IN_HEAD, body, pool.position(body), whole.length - IN_HEAD);
batch.gsoType[0] = Gso.Tcp4;
batch.gsoSize[0] = SIZE;
batch.csumStart[0] = start + L4;
batch.csumOffset[0] = CHECKSUM;
new Parse(pool).run(batch);
new OffloadCheck(pool).run(batch);
if (batch.fate[0] !== Fate.Live) throw new Error('the super-frame is not one to be cut');
const pieces = new Pieces(pool, 0);
const segmenter = new Segmenter(pool, pieces);

/** Cuts the frame, looks at the pieces, and gives them back. @returns sum of what was seen */
function cut(look: (k: number) => number): number {
  segmenter.cut(batch, 0, head, start, IN_HEAD);
  let sum = 0;
  for (let k = 0; k < pieces.count; k++) {
    sum += look(k);
    pool.release(pieces.head[k]);
    pool.release(pieces.body[k]);
  }
  return sum;
}

const expected = plainSegments(whole, SIZE);
cut((k) => {
  const [from, length] = [pieces.start[k], pieces.headLength[k]];
  const rest = pieces.body[k] < 0 ? 0 : pieces.bodyLength[k];
  const got = Buffer.concat([
    pool.octets.subarray(from, from + length),
    pool.octets.subarray(pieces.bodyStart[k], pieces.bodyStart[k] + rest),
  ]);
  if (!got.equals(expected[k])) throw new Error(`segment ${k} is not what the slow twin makes`);
  return 0;
});

compare('path/segment', [
  {
    name: `64 KiB of TCP in segments of ${SIZE} bytes`,
    fast: () => cut((k) => tcp.checksum(pool.bytes, pieces.start[k] + L4)),
    slow: () =>
      plainSegments(whole, SIZE).reduce((sum, one) => sum + tcp.checksum(new DataView(one.buffer), HEADERS - 20), 0),
    least: 5,
    reason:
      'on the way to a port that takes no super-frames it is most of the work: no byte is copied, each is summed once',
  },
]);
