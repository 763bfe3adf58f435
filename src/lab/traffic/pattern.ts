/**
 * What test traffic carries, so that a receiver can tell what was lost, doubled, overtaken or damaged. Two forms.
 *
 * A datagram: run (32 bits, tells runs apart), sequence number (32 bits, of its flow), flow (32 bits), then to the end words that
 * follow from those three, the last one cut: every byte is checked. A stream: every BLOCK bytes the number of the block.
 */
export const HEADER = 12;
/** Shortest payload: that of a 60-byte frame of IPv4 and UDP. */
export const SHORTEST = 18;
const STEP = 0x9e37_79b9;

const RUN = 0;
const SEQUENCE = 4;
const FLOW = 8;

/** First word of the body; Fowler-Noll-Vo's prime spreads what little differs. */
function first(run: number, sequence: number, flow: number): number {
  return Math.imul(Math.imul(Math.imul(run ^ 0x811c_9dc5, 0x0100_0193) ^ sequence, 0x0100_0193) ^ flow, 0x0100_0193);
}

export function writeDatagram(
  bytes: DataView,
  at: number,
  length: number,
  run: number,
  sequence: number,
  flow: number,
): void {
  bytes.setInt32(at + RUN, run, true);
  bytes.setInt32(at + SEQUENCE, sequence, true);
  bytes.setInt32(at + FLOW, flow, true);
  const end = at + length;
  let word = first(run, sequence, flow);
  let i = at + HEADER;
  for (; i + 4 <= end; i += 4) {
    bytes.setInt32(i, word, true);
    word = (word + STEP) | 0;
  }
  for (; i < end; i++) {
    bytes.setUint8(i, word & 0xff);
    word >>>= 8;
  }
}

/** @returns whether every byte is what its header and `run` ask for */
export function isIntact(bytes: DataView, at: number, length: number, run: number): boolean {
  if (length < SHORTEST || bytes.getInt32(at + RUN, true) !== run) return false;
  const end = at + length;
  let word = first(run, sequenceOf(bytes, at), flowOf(bytes, at));
  let i = at + HEADER;
  for (; i + 4 <= end; i += 4) {
    if (bytes.getInt32(i, true) !== word) return false;
    word = (word + STEP) | 0;
  }
  for (; i < end; i++) {
    if (bytes.getUint8(i) !== (word & 0xff)) return false;
    word >>>= 8;
  }
  return true;
}

export function sequenceOf(bytes: DataView, at: number): number {
  return bytes.getInt32(at + SEQUENCE, true);
}

export function flowOf(bytes: DataView, at: number): number {
  return bytes.getInt32(at + FLOW, true);
}

/** Bytes of a stream from one number to the next. */
export const BLOCK = 4096;

/** Numbers the blocks of a piece of a stream. @param block number of the first one; the piece begins with it */
export function numberBlocks(piece: Buffer, block: number): void {
  for (let at = 0; at + 4 <= piece.length; at += BLOCK, block++) piece.writeUInt32LE(block >>> 0, at);
}

/** What a receiver of a numbered stream has seen. */
export interface StreamCheck {
  /** Bytes so far. */
  at: number;
  /** Numbers compared; one that two pieces share is passed over. */
  compared: number;
  wrong: number;
}

/** Compares the block numbers in the next piece of a stream. */
export function checkBlocks(check: StreamCheck, piece: Uint8Array, length: number): void {
  let block = Math.ceil(check.at / BLOCK);
  for (let i = block * BLOCK - check.at; i + 4 <= length; i += BLOCK, block++) {
    const found = (piece[i] | (piece[i + 1] << 8) | (piece[i + 2] << 16) | (piece[i + 3] << 24)) >>> 0;
    check.compared++;
    if (found !== block >>> 0) check.wrong++;
  }
  check.at += length;
}
