import { Point } from '../../path/tap/record.ts';
import * as pcapng from '../../wire/pcapng.ts';
import type { Entry } from './entry.ts';
import type { Sheet, SheetContext } from './sheet.ts';

const PIECE = 1 << 18;
/** The longest frame with its options, and an interface block before it. */
const LONGEST = 70_000;

/** A capture as pcapng: an interface for each port, in the order in which they are seen first. */
export class PcapngSheet implements Sheet {
  readonly #context: SheetContext;
  readonly #block: pcapng.Block;
  readonly #interfaces = new Map<number, number>();
  /** Losses of each port that have been told of, wrapped as in the records. */
  readonly #told = new Map<number, number>();
  readonly #comments = new Map<string, Uint8Array>();
  readonly #encoder = new TextEncoder();
  /** The time last written, and its two words. */
  #timeUs = -1;
  #timeHigh = 0;
  #timeLow = 0;

  constructor(context: SheetContext) {
    this.#context = context;
    const octets = new Uint8Array(PIECE);
    this.#block = { octets, bytes: new DataView(octets.buffer), begin: 0, end: 0 };
    pcapng.section(this.#block, context.application);
    for (const row of context.rows) this.#interface(row);
  }

  get isFull(): boolean {
    return this.#block.end + LONGEST > PIECE;
  }

  get isEmpty(): boolean {
    return this.#block.end === 0;
  }

  add(entry: Entry): void {
    const block = this.#block;
    const index = this.#interface(entry.place);
    this.#setTime(entry.timeUs);
    const captured = entry.headBytes + entry.bodyBytes;
    pcapng.packet(block, index, this.#timeHigh, this.#timeLow, captured, entry.length);
    const { octets, head, headBytes, body, bodyBytes } = entry;
    block.octets.set(octets.subarray(head, head + headBytes), block.end);
    if (bodyBytes > 0) block.octets.set(octets.subarray(body, body + bodyBytes), block.end + headBytes);
    pcapng.packetEnd(block, block.end + captured);
    const { Inbound, Outbound } = pcapng.Direction;
    pcapng.option(block, pcapng.Option.PacketFlags, entry.point === Point.Egress ? Outbound : Inbound);
    const lost = (entry.lost - (this.#told.get(entry.place) ?? 0)) | 0;
    if (lost > 0) pcapng.wideOption(block, pcapng.Option.PacketDropCount, BigInt(lost));
    this.#told.set(entry.place, entry.lost);
    if (this.#context.workers > 1) pcapng.option(block, pcapng.Option.PacketQueue, entry.worker);
    const comment = this.#comment(entry);
    if (comment.length > 0) pcapng.option(block, pcapng.Option.Comment, comment);
    pcapng.endBlock(block);
  }

  end(nowUs: number): void {
    const { originNs, count } = this.#context;
    const toNs = (us: number) => originNs + BigInt(Math.round(us * 1000));
    for (const [row, index] of this.#interfaces) {
      const { seen, lost, written } = count(row);
      pcapng.statistics(this.#block, index, toNs(this.#context.beganUs), toNs(nowUs), {
        received: seen,
        dropped: lost,
        delivered: written,
      });
    }
  }

  take(): Uint8Array<ArrayBuffer> {
    const piece = this.#block.octets.slice(0, this.#block.end);
    this.#block.end = 0;
    return piece;
  }

  #interface(row: number): number {
    const known = this.#interfaces.get(row);
    if (known !== undefined) return known;
    const { nameOf, tenant, snap } = this.#context;
    const index = this.#interfaces.size;
    this.#interfaces.set(row, index);
    pcapng.interfaceOf(this.#block, nameOf(row), `port ${nameOf(row)} of tenant ${tenant}`, snap ?? 0);
    return index;
  }

  #comment(entry: Entry): Uint8Array {
    const key = entry.commentKey;
    const known = this.#comments.get(key);
    if (known !== undefined) return known;
    // As many as there are ports and reasons, unless a sender makes up segment sizes.
    if (this.#comments.size > 4096) this.#comments.clear();
    const made = this.#encoder.encode(entry.comment(this.#context.nameOf));
    this.#comments.set(key, made);
    return made;
  }

  /** The words of a time stamp; frames of a batch have the same. */
  #setTime(us: number): void {
    if (us === this.#timeUs) return;
    this.#timeUs = us;
    const ns = this.#context.originNs + BigInt(Math.round(us * 1000));
    this.#timeHigh = Number(ns >> 32n);
    this.#timeLow = Number(ns & 0xffffffffn);
  }
}
