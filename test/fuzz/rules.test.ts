import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Batch } from '../../src/frame/batch.ts';
import { HEAD_SIZE, HEAD_START, VNET_SIZE } from '../../src/frame/layout.ts';
import type { Pool } from '../../src/frame/pool.ts';
import { Parse } from '../../src/path/parse.ts';
import { Edit, FrameEditor } from '../../src/path/rules/edit.ts';
import { FlowKey } from '../../src/path/rules/key.ts';
import { SetField } from '../../src/path/rules/program.ts';
import { poolOf, pushFrame } from '../support/frames.ts';
import { mutate } from './mutate.ts';
import { Random, seedOfRun } from './random.ts';

const FRAMES = 50_000;
const GIVEN = new URL('../golden/rules-frames.txt', import.meta.url);
const LINES = readFileSync(GIVEN, 'utf8')
  .split('\n')
  .filter((line) => /^[0-9a-f]/.test(line));
const TEMPLATES = LINES.map((line) => Buffer.from(line.split(' ')[0], 'hex'));
/** ARP and neighbour discovery have fields that few frames have: those are chosen more often. */
const RARE = TEMPLATES.filter((_, k) => /ICMPv6ND_N|ARP\(/.test(LINES[k]));
const ROOM = HEAD_SIZE - HEAD_START;
const WORDS = new Int32Array(8);

/** Carries out a random action. @returns what became of it */
function act(editor: FrameEditor, batch: Batch, choice: number, value: number): Edit {
  WORDS[2] = value;
  WORDS[3] = Math.imul(value, 0x9e3779b1);
  switch (choice) {
    case 0:
      return editor.pushVlan(batch, 0, (value & 1) === 0 ? 0x8100 : 0x88a8);
    case 1:
      return editor.popVlan(batch, 0);
    case 2:
      return editor.pushMpls(batch, 0, 0x8847);
    case 3:
      return editor.popMpls(batch, 0, [0x0800, 0x86dd, 0x8847, 0x0806, value & 0xffff][value % 5]);
    case 4:
      return editor.pushPbb(batch, 0, 0x88e7);
    case 5:
      return editor.popPbb(batch, 0);
    case 6:
      return editor.setMplsTtl(batch, 0, value & 255);
    case 7:
      return editor.decMplsTtl(batch, 0);
    case 8:
      return editor.setNwTtl(batch, 0, value & 255);
    case 9:
      return editor.decNwTtl(batch, 0);
    case 10:
      return editor.copyTtlIn(batch, 0);
    case 11:
      return editor.copyTtlOut(batch, 0);
    default: {
      const field = choice - 11;
      // As the control side compiles them: no wider than the field.
      const narrow = field === SetField.VlanPcp || field === SetField.MplsTc;
      if (field !== SetField.Ipv4Src && field !== SetField.Ipv4Dst) WORDS[2] &= narrow ? 7 : 0xff;
      if (field === SetField.IpDscp) WORDS[2] &= 63;
      if (field === SetField.IpEcn) WORDS[2] &= 3;
      if (field === SetField.MplsBos) WORDS[2] &= 1;
      return editor.setField(batch, 0, field as SetField, WORDS, 2);
    }
  }
}
const CHOICES = 12 + SetField.Metadata;

/** Two pools with the same frame in different surroundings. */
class Twins {
  readonly #pools = [poolOf(1, 1), poolOf(1, 1)];
  readonly #editors = this.#pools.map((pool) => new FrameEditor(pool));
  readonly #keys = this.#pools.map((pool) => new FlowKey(pool));
  readonly #parses = this.#pools.map((pool) => new Parse(pool));
  readonly #batches = [new Batch(1), new Batch(1)];
  readonly done = new Int32Array(CHOICES + 1);

  run(bytes: Uint8Array, inHead: number, random: Random): void {
    const pools = this.#pools;
    pools.forEach((pool, k) => {
      pool.octets.set(FILLINGS[k], 0);
      const batch = this.#batches[k];
      batch.count = 0;
      pushFrame(batch, pool, bytes, { headSplit: inHead });
      this.#parses[k].one(batch, 0);
      // The highest byte that may change is the frame's last in the head; the lowest, behind the place of the virtio-net header.
      if (batch.fate[0] === 0 && batch.l4[0] >= 0 && (bytes[0] & 4) === 0) {
        batch.csumStart[0] = batch.l4[0];
        batch.csumOffset[0] = (bytes[0] & 8) === 0 ? 16 : 6;
      }
    });
    const [left, right] = this.#batches;
    if (left.fate[0] === 0) {
      const end = left.start[0] + left.headLength[0];
      for (let steps = 1 + random.below(6); steps > 0; steps--) {
        const choice = random.below(CHOICES);
        const value = random.next() | 0;
        const [one, other] = this.#batches.map((batch, k) => act(this.#editors[k], batch, choice, value));
        expect(one).toBe(other);
        this.done[choice] += one === Edit.Done ? 1 : 0;
        this.#keys.forEach((key, k) => {
          key.enter(1);
          key.extract(this.#batches[k], 0);
        });
        this.#compare(left, right, end);
      }
    }
    pools.forEach((pool, k) => {
      pool.release(this.#batches[k].head[0]);
      pool.release(this.#batches[k].body[0]);
    });
  }

  #compare(left: Batch, right: Batch, end: number): void {
    const [a, b] = this.#pools;
    const start = left.start[0];
    const same =
      start === right.start[0] &&
      start >= VNET_SIZE &&
      start + left.headLength[0] === end &&
      right.headLength[0] === left.headLength[0] &&
      this.#keys[0].words.every((word, w) => word === this.#keys[1].words[w]) &&
      Buffer.compare(a.octets.subarray(start, end), b.octets.subarray(start, end)) === 0;
    expect(same).toBe(true);
    expect(untouched(a, end, FILLINGS[0]) && untouched(b, end, FILLINGS[1])).toBe(true);
  }
}

const FILLINGS = [0x00, 0xff].map((byte) => new Uint8Array(HEAD_SIZE).fill(byte));

/** Whether the place of the virtio-net header and what lies behind the frame is as it was. */
function untouched(pool: Pool, end: number, filling: Uint8Array): boolean {
  const before = Buffer.compare(pool.octets.subarray(0, VNET_SIZE), filling.subarray(0, VNET_SIZE)) === 0;
  return before && Buffer.compare(pool.octets.subarray(end, HEAD_SIZE), filling.subarray(end)) === 0;
}

describe('flow key and edits', () => {
  const seeds = [20_260_102, seedOfRun()];
  it.each(seeds)('read and write nothing outside the frame, whatever it is; seed %i', { timeout: 120_000 }, (seed) => {
    const random = new Random(seed);
    const twins = new Twins();
    const arena = Buffer.alloc(10 + ROOM);
    for (let n = 0; n < FRAMES; n++) {
      const template = random.pick(random.below(5) === 0 ? RARE : TEMPLATES);
      template.copy(arena, 10);
      let length = template.length;
      if (random.below(10) === 0) for (length = random.below(120); length < 14; ) length = random.below(120);
      if (random.below(20) === 0) for (let p = 12; p < length; p++) arena[10 + p] = random.next();
      if (random.below(4) !== 0) length = mutate(arena, 0, length, 300, random.pick(TEMPLATES), 0x5a, random);
      const inHead = random.below(4) === 0 ? random.below(length + 1) : length;
      twins.run(arena.subarray(10, 10 + length), inHead, random);
    }
    // Each action has been carried out often enough to say something (two of the fields are none of a frame's).
    const rare = [...twins.done.subarray(0, CHOICES - 2).entries()].filter(([, count]) => count < 20);
    expect(rare).toEqual([]);
  });
});
