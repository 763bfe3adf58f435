import { TokenBucket } from '../../../src/table/token-bucket.ts';
import { compare } from '../suite.ts';

const FRAMES = 1024;
/** Bits: 1 Gbit/s, and 64 frames of 64 bytes at once. */
const [RATE, COST, BURST] = [1e9, 512, 64 * 512];
const fast = new TokenBucket(1);
fast.set(0, RATE, BURST);
/** RFC 2697 as it is written down: a token at a time. */
const plain = { tokens: BURST, at: 0 };
let nowUs = 0;
let twinUs = 0;

const PORTS = 4096;
const many = new TokenBucket(PORTS);
for (let port = 0; port < PORTS; port++) many.set(port, RATE, BURST);
/** One object a policer, as a control side would keep them. */
const objects = new Map(Array.from({ length: PORTS }, (_, port) => [`red/p${port}`, { tokens: BURST, at: 0 }]));
const names = [...objects.keys()];
let manyUs = 0;
let objectsUs = 0;

compare('table/token-bucket', [
  {
    name: `${FRAMES} frames of 64 bytes, two a microsecond, at 1 Gbit/s`,
    fast: () => {
      let passed = 0;
      for (let i = 0; i < FRAMES; i++) if (fast.take(0, COST, (nowUs += i & 1))) passed++;
      return passed;
    },
    slow: () => {
      let passed = 0;
      for (let i = 0; i < FRAMES; i++) {
        twinUs += i & 1;
        for (; plain.at < twinUs; plain.at++) {
          for (let bit = 0; bit < RATE / 1e6; bit++) if (plain.tokens < BURST) plain.tokens++;
        }
        if (plain.tokens < COST) continue;
        plain.tokens -= COST;
        passed++;
      }
      return passed;
    },
    least: 50,
    reason: 'rates are in bits: a frame must cost the same at any rate, and after any pause',
  },
  {
    name: `a frame of each of ${PORTS} ports`,
    fast: () => {
      let passed = 0;
      manyUs++;
      for (let port = 0; port < PORTS; port++) if (many.take(port, COST, manyUs)) passed++;
      return passed;
    },
    slow: () => {
      let passed = 0;
      objectsUs++;
      for (const name of names) {
        const bucket = objects.get(name);
        if (bucket === undefined) continue;
        bucket.tokens = Math.min(BURST, bucket.tokens + ((objectsUs - bucket.at) * RATE) / 1e6);
        bucket.at = objectsUs;
        if (bucket.tokens < COST) continue;
        bucket.tokens -= COST;
        passed++;
      }
      return passed;
    },
    least: 2,
    reason: 'every frame takes from the buckets of its port and its tenant, found by number',
  },
]);
