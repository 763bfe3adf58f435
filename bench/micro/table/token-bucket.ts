import { TokenBucket } from '../../../src/table/token-bucket.ts';
import { compare } from '../suite.ts';

const FRAMES = 1024;
const [RATE, BURST] = [1_000_000, 256];
const bucket = new TokenBucket(1);
bucket.set(0, RATE, BURST);
/** RFC 2697 as it is written down: a token at a time. */
const plain = { tokens: BURST, at: 0 };
let nowUs = 0;
let twinUs = 0;

compare('table/token-bucket', [
  {
    name: `${FRAMES} frames, two a microsecond`,
    fast: () => {
      let passed = 0;
      for (let i = 0; i < FRAMES; i++) if (bucket.take(0, 1, (nowUs += i & 1))) passed++;
      return passed;
    },
    slow: () => {
      let passed = 0;
      for (let i = 0; i < FRAMES; i++) {
        twinUs += i & 1;
        for (; plain.at < twinUs; plain.at++) if (plain.tokens < BURST) plain.tokens++;
        if (plain.tokens < 1) continue;
        plain.tokens--;
        passed++;
      }
      return passed;
    },
    least: 0.1,
    reason: 'any rate and any pause cost the same; a token at a time is cheap only while frames come at the rate',
  },
]);
