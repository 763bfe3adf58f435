import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batch } from '../../src/frame/batch.ts';
import { VNET_SIZE } from '../../src/frame/layout.ts';
import { Parse } from '../../src/path/parse.ts';
import { Edit, FrameEditor } from '../../src/path/rules/edit.ts';
import { FlowKey } from '../../src/path/rules/key.ts';
import { frameBytes, poolOf, pushFrame } from '../support/frames.ts';
import { type Action, act, isLater, isStrange } from '../support/layer-actions.ts';
import { action, carried, FIELDS, plain } from '../support/layer-arbitraries.ts';
import { bytesOfLayers, checksumOffset, keyOfLayers, type Transport, visibleTransport } from '../support/layers.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = { seed, numRuns: 3000 };

function perform(editor: FrameEditor, batch: Batch, one: Action): Edit {
  switch (one.op) {
    case 'set':
      return editor.setField(batch, 0, one.field, Int32Array.from([9, ...one.words]), 1);
    case 'push_vlan':
      return editor.pushVlan(batch, 0, one.value);
    case 'pop_vlan':
      return editor.popVlan(batch, 0);
    case 'push_mpls':
      return editor.pushMpls(batch, 0, one.value);
    case 'pop_mpls':
      return editor.popMpls(batch, 0, one.value);
    case 'push_pbb':
      return editor.pushPbb(batch, 0, 0x88e7);
    case 'pop_pbb':
      return editor.popPbb(batch, 0);
    case 'set_mpls_ttl':
      return editor.setMplsTtl(batch, 0, one.value);
    case 'set_nw_ttl':
      return editor.setNwTtl(batch, 0, one.value);
    case 'dec_mpls_ttl':
      return editor.decMplsTtl(batch, 0);
    case 'dec_nw_ttl':
      return editor.decNwTtl(batch, 0);
    case 'copy_ttl_in':
      return editor.copyTtlIn(batch, 0);
    default:
      return editor.copyTtlOut(batch, 0);
  }
}

/** The columns that `Parse` sets, positions counted from the frame's beginning. */
function columns(batch: Batch): number[] {
  const start = batch.start[0];
  const { kind, etherType, l3, l4, proto, sport, dport, ipLength, vlan, tagged, tpid, priority, traits } = batch;
  const values = [kind, etherType, proto, sport, dport, ipLength, vlan, tagged, tpid, priority, traits].map(
    (column) => column[0],
  );
  return [...values, l3[0] - start, l4[0] < 0 ? -1 : l4[0] - start];
}

/** Of the runs that one seed makes; one is nearly always enough. */
const MOST_PARTS = 10;

describe(`a frame edited in place, against one built anew (TAPYARD_SEED=${seed})`, () => {
  it('has the same bytes, flow key and columns after every action', { timeout: 60_000 }, () => {
    const seen = new Map<string, number>();
    const property = fc.property(
      fc.oneof({ weight: 5, arbitrary: plain }, { weight: 1, arbitrary: carried }),
      fc.array(action, { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom(0, 0, 0, 40, 54),
      ({ frame: first, extensions }, actions, split, offload, low) => {
        const pool = poolOf(2, 2);
        const [editor, key, parse] = [new FrameEditor(pool), new FlowKey(pool), new Parse(pool)];
        let frame = first;
        const upper = visibleTransport(frame);
        const isSummed = upper !== null && (upper.form === 'tcp' || upper.form === 'udp') && !upper.unsummed;
        const partial = offload && isSummed && !isLater(frame) && frame.rest.length === 0 && upper.payload.length > 0;
        const bytes = bytesOfLayers(frame, partial);
        const batch = new Batch(2);
        pushFrame(
          batch,
          pool,
          bytes,
          split ? { headSplit: Math.max(bytes.length - 8, bytes.length - frame.rest.length) } : {},
        );
        pool.octets.copyWithin(batch.start[0] - low, batch.start[0], batch.start[0] + batch.headLength[0]);
        batch.start[0] -= low;
        parse.one(batch, 0);
        const end = batch.start[0] + bytes.length;
        if (partial) {
          batch.csumStart[0] = end - transportLength(upper);
          batch.csumOffset[0] = checksumOffset(upper);
        }
        const partialAt = batch.csumStart[0];
        for (const one of actions) {
          const room = batch.start[0] - pool.position(batch.head[0]) - VNET_SIZE;
          const expected = act(frame, one, room);
          if (expected === null) continue;
          const edit = perform(editor, batch, one);
          const name = one.op === 'set' ? `set ${one.field}` : one.op;
          if (edit === Edit.Done) seen.set(name, (seen.get(name) ?? 0) + 1);
          else seen.set(`not ${edit}`, (seen.get(`not ${edit}`) ?? 0) + 1);
          frame = expected.frame;
          expect([name, edit]).toEqual([name, expected.edit]);
          const now = frameBytes(pool, batch, 0);
          expect(Buffer.from(now).toString('hex'), name).toBe(
            Buffer.from(bytesOfLayers(frame, partial)).toString('hex'),
          );
          expect(batch.csumStart[0]).toBe(partialAt);
          key.extract(batch, 0);
          if (!isStrange(frame)) expect([...key.words], name).toEqual(keyOfLayers(frame, extensions));
          const fresh = new Batch(2);
          const at = pushFrame(fresh, pool, now, split ? { headSplit: batch.headLength[0] } : {});
          parse.one(fresh, at);
          expect(columns(batch), name).toEqual(columns(fresh));
          pool.release(fresh.head[0]);
          pool.release(fresh.body[0]);
        }
      },
    );
    // Every action has been carried out, and every refusal has been seen: it goes on until chance has chosen each of them.
    const wanted = [
      ...FIELDS.map((field) => `set ${field}`),
      ...[Edit.Absent, Edit.NoRoom, Edit.TtlExpired].map((edit) => `not ${edit}`),
      ...['push_vlan', 'pop_vlan', 'push_mpls', 'pop_mpls', 'push_pbb', 'pop_pbb', 'copy_ttl_in', 'copy_ttl_out'],
    ];
    const missing = () => wanted.filter((name) => !seen.has(name));
    for (let part = 0; part === 0 || (part < MOST_PARTS && missing().length > 0); part++)
      fc.assert(property, { ...runs, seed: seed + part });
    expect(missing()).toEqual([]);
  });
});

/** Bytes of a TCP or UDP header and its payload. */
function transportLength({ form, payload }: Transport): number {
  return (form === 'tcp' ? 20 : 8) + payload.length;
}
