/**
 * Token buckets that one worker owns alone: policers, storm control, meters, punt rates. A bucket holds at most `burst` tokens
 * and gains `rate` of them a second; a frame takes what it costs (1, or bytes, or bits) or is refused and takes nothing. A frame
 * that costs more than the burst never passes: whoever sets a bucket makes the burst at least the dearest frame.
 * Source: RFC 2697, section 3, committed bucket only, colour-blind.
 *
 * Tokens are doubles, so that a rate of one a minute and one of 100 Gbit/s are equally exact.
 */
const TOKENS = 0;
const RATE = 1; // tokens a microsecond; 0: no limit
const BURST = 2;
const AT = 3; // time of `TOKENS`, microseconds; -1: not used yet, so full
const STRIDE = 4;

export class TokenBucket {
  readonly count: number;
  readonly #cells: Float64Array;
  readonly #nowUs = new Float64Array(1);

  /** @param count buckets, all of them unlimited at first */
  constructor(count: number) {
    this.count = count;
    this.#cells = new Float64Array(count * STRIDE);
  }

  /**
   * Sets rate and burst. A bucket that had no limit starts full; one that had keeps its tokens, up to the new burst.
   * @param ratePerSecond tokens a second, 0 for no limit
   * @param burst most tokens at once
   */
  set(bucket: number, ratePerSecond: number, burst: number): void {
    const cells = this.#cells;
    const at = bucket * STRIDE;
    if (cells[at + RATE] === 0) cells[at + AT] = -1;
    cells[at + RATE] = ratePerSecond / 1e6;
    cells[at + BURST] = burst;
    cells[at + TOKENS] = Math.min(cells[at + TOKENS], burst);
  }

  /**
   * Takes tokens for one frame.
   * @param nowUs monotonic microseconds; a time before the last one adds nothing
   * @returns false when over the rate; no token is taken then. Never throws.
   */
  take(bucket: number, tokens: number, nowUs: number): boolean {
    if (this.#cells[bucket * STRIDE + RATE] === 0) return true;
    this.#nowUs[0] = nowUs;
    return this.#spend(bucket, tokens);
  }

  /** The time comes in `#nowUs`: a double that is passed to a function which is not inlined is allocated. */
  #spend(bucket: number, tokens: number): boolean {
    const cells = this.#cells;
    const nowUs = this.#nowUs[0];
    const at = bucket * STRIDE;
    const burst = cells[at + BURST];
    const last = cells[at + AT];
    let have = cells[at + TOKENS];
    if (last < 0) {
      have = burst;
      cells[at + AT] = nowUs;
    } else if (nowUs > last) {
      have = Math.min(burst, have + (nowUs - last) * cells[at + RATE]);
      cells[at + AT] = nowUs;
    }
    const enough = have >= tokens;
    cells[at + TOKENS] = enough ? have - tokens : have;
    return enough;
  }
}
