/** A capture file with microseconds, little endian. @param cut bytes kept of each frame */
export function pcapFile(frames: readonly Uint8Array[], cut = 262144): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(cut, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap((frame, i) => {
    const kept = frame.subarray(0, cut);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_700_000_000 + i, 0);
    record.writeUInt32LE(kept.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, kept];
  });
  return Buffer.concat([header, ...records]);
}

/** The frames of a file that PcapWriter wrote, from a position on. */
export function pcapFrames(file: Buffer, from: number): { frames: Uint8Array[]; end: number } {
  const frames: Uint8Array[] = [];
  let at = Math.max(from, 24);
  while (at + 16 <= file.length) {
    const length = file.readUInt32LE(at + 8);
    frames.push(new Uint8Array(file.subarray(at + 16, at + 16 + length)));
    at += 16 + length;
  }
  return { frames, end: at };
}
