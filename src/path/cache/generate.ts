import { COLUMNS, Column } from '../../observe/ledger.ts';
import { type Batches, carryOut } from './generate-carry.ts';
import {
  again,
  choose,
  chosen,
  decideInto,
  decides,
  find,
  forgetOther,
  found,
  hashed,
  kept,
  parsed,
  remembered,
  touch,
} from './generate-find.ts';
import type { Shape } from './shape.ts';

/**
 * The text of the fused loops, for one shape: they find what is consulted in each frame of a batch, hash and compare it, and carry
 * the decision out. It is a function of its own text for each tenant and for each batch that it is given, so that V8 takes all
 * arrays for constants: a column that is read off an object costs ten instructions more each time, tables of several tenants behind
 * one function make it three times slower; and what a shape does not look at is not there at all.
 *
 * Four loops for the same work, two of them for plain batches (all frames live, whole in their heads, without work left over by offloads):
 * `once` does everything in one pass, while the entries fit into the processor's nearer caches; `fetched` hashes all frames first and touches
 * their cache entries, so that their cache misses are under way together, then does the same. `summed` is `once` where frames may have
 * a checksum to complete, as those from sockets of this machine do. `passes` is for all other batches, and takes three passes.
 *
 * Super-frames go through `passes` as they are, where the device they leave by carries them.
 *
 * Each loop rehearses what is rare in it: its first batch is left to the stages, and in its second nothing is known at once. V8 compiles what
 * it has seen; what is met for the first time after that makes it throw the loop away, which is interpreted then for milliseconds.
 *
 * A frame that is not plain, or whose decision is not for the cache, is left to the stages, and so are the later frames of the
 * batch between the same two MACs, so that none overtakes it.
 */

/** Places, two entries each, up to which one pass is faster: they fit into the second cache beside the frames. */
const FEW_PLACES = 1 << 12;

/** What the code of the loops is told apart by. */
const Loop = { Once: 0, Summed: 1, Fetched: 2, Passes: 3 } as const;

/** Bytes of the shortest frame that is looked at: a header and a tag. */
const SHORTEST = 18;
/** Longer than any frame: all are left to the stages. */
const NO_FRAME = 1 << 24;

/** A bit for the two MACs of a frame: frames of a flow have the same. */
const BIT = '1 << (Math.imul(words[at + 1] ^ words[at + 2] ^ (w3 & 0xffff), 0x9e3779b1) >>> 27)';

/** @param before what comes before the pass @param decided the text that has the decision of a frame */
const onePass = (
  name: string,
  shape: Shape,
  batches: Batches,
  before: string,
  decided: (family: 4 | 6) => string,
): string => `
function ${name}(batch, now, most4, most6, least) {
  const stamp = now | 0, mask4 = most4 | 0, mask6 = most6 | 0, n = batch.count, from = batch.row;${before}
  let slow = 0, marks = 0, device = 0, queue = null, to = -1, q = 0, began = 0, end = 0, more = 0, moreBytes = 0;
  for (let i = 0; i < n; i++) {
    const at = start[i] >> 2, length = headLength[i];
    const first = words[at], w3 = words[at + 3];
    later: {
      if (length < least || (first & 0x10000) !== 0 || (marks !== 0 && (marks & ${BIT}) !== 0)) break later;
      const w0 = (first & 0xffff0000) | from;
      let type = w3 >>> 16, tag = 0, o = at + 4, room = length - 14, d = 0;
      if (type === 0x0081 || type === 0xa888) {
        tag = words[at + 4];
        type = tag >>> 16;
        o++;
        room -= 4;
      }${parsed(shape, 'break later;', batches === 'summed' ? 'csumStart[i]' : null, decided)}${carryOut(shape, batches)}
    }
    late[slow++] = i;
    marks |= ${BIT};
  }
  if (queue !== null) close(queue, began, q, from, to);
  cache.carried(more, moreBytes);
  if (slow > 0) {
    batch.spread();
    fate.fill(3, 0, n);
    for (let k = 0; k < slow; k++) fate[late[k]] = 0;
  }
  return slow;
}`;

/** The flow of the frame before is kept: where flows are few, many a frame is of the same. */
const keeping = (name: string, shape: Shape, batches: Batches): string => {
  const before = kept(shape, 4) + (shape.l3 ? kept(shape, 6) : '');
  return onePass(name, shape, batches, before, (family) =>
    again(shape, family, find(shape, family) + chosen(family) + decideInto(shape, family, forgetOther(shape, family))),
  );
};

const once = (shape: Shape): string => keeping('once', shape, 'plain');

const summed = (shape: Shape): string => keeping('summed', shape, 'summed');

/** A pass over the frames whose family an earlier one has found. */
const each = (shape: Shape, what: (family: 4 | 6) => string): string => `
  for (let i = 0; i < n; i++) {
    if (families[i] === 4) {${what(4)}
    }${
      shape.l3
        ? ` else if (families[i] === 6) {${what(6)}
    }`
        : ''
    }
  }`;

const ahead = (shape: Shape): string => `
  for (let i = 0; i < n; i++) {
    families[i] = 0;
    const at = start[i] >> 2, length = headLength[i];
    const first = words[at], w3 = words[at + 3];
    if (length < least || (first & 0x10000) !== 0) continue;
    const w0 = (first & 0xffff0000) | from;
    let type = w3 >>> 16, tag = 0, o = at + 4, room = length - 14;
    if (type === 0x0081 || type === 0xa888) {
      tag = words[at + 4];
      type = tag >>> 16;
      o++;
      room -= 4;
    }${parsed(shape, 'continue;', null, (family) => find(shape, family) + hashed(family))}
  }${each(shape, touch)}`;

const fetched = (shape: Shape): string =>
  onePass('fetched', shape, 'plain', ahead(shape), (family) => found() + chosen(family) + decideInto(shape, family));

/** Rules count packets, and may need them one by one: what they do to a super-frame is left to the stages. */
const superFrames = ({ edits }: Shape): string =>
  edits
    ? 'continue;'
    : `const repeats = gsoType[i] === 0 ? 0 : cache.superFrame(batch, i);
      if (repeats === 0) continue;
      supers[i] = repeats;
      pieces[i] = segments[i];
      carries[i] = cache.carrier(batch, i);`;

const passes = (shape: Shape): string => `
function passes(batch, now, most4, most6, least) {
  const stamp = now | 0, mask4 = most4 | 0, mask6 = most6 | 0, n = batch.count;
  batch.spread();
  for (let i = 0; i < n; i++) {
    families[i] = 0;
    const at = start[i] >> 2, length = headLength[i];
    if (fate[i] !== 0 || (start[i] & 3) !== 2 || length < least) continue;
    supers[i] = 0;
    if (gsoType[i] !== 0 || body[i] >= 0) {
      ${superFrames(shape)}
    } else carries[i] = 1;
    const first = words[at], w3 = words[at + 3], from = port[i];
    if ((first & 0x10000) !== 0) continue;
    const w0 = (first & 0xffff0000) | from;
    let type = w3 >>> 16, tag = 0, o = at + 4, room = length + bodyLength[i] - 14;
    if (type === 0x0081 || type === 0xa888) {
      tag = words[at + 4];
      type = tag >>> 16;
      o++;
      room -= 4;
    }${parsed(shape, 'continue;', 'csumStart[i]', (family) => find(shape, family) + remembered(shape, family))}
  }${each(shape, choose)}
  let slow = 0, marks = 0, device = -1, queue = null, q = 0, began = 0, end = 0, more = 0, moreBytes = 0;
  for (let i = 0; i < n; i++) {
    const family = families[i], at = start[i] >> 2, from = port[i];
    const w3 = words[at + 3], first = words[at];
    later: {
      if (family === 0) {
        if (fate[i] === 0) break later;
        slow++;
        continue;
      }
      if (marks !== 0 && (marks & ${BIT}) !== 0) break later;
      const h = hashes[i], w0 = (first & 0xffff0000) | from, length = headLength[i], repeats = supers[i];
      const e = entries[i], tagged = (w3 >>> 16) === 0x0081 || (w3 >>> 16) === 0xa888;
      const tag = tagged ? words[at + 4] : 0, o = tagged ? at + 5 : at + 4;${shape.ports ? '\n      const proto = protos[i], transport = transports[i];' : ''}
      let d = 0;
      if (family === 4) {${decideInto(shape, 4)}
      }${
        shape.l3
          ? ` else {${decideInto(shape, 6)}
      }`
          : ''
      }${carryOut(shape, 'any')}
    }
    slow++;
    marks |= ${BIT};
  }
  if (queue !== null) shut(queue, began, q);
  cache.carried(more, moreBytes);
  return slow;
}`;

/** @param shape what the tenant's path looks at @param name for stack traces and profiles */
export function generate(shape: Shape, name: string): string {
  return `
const { words, cache, pool, linkUp, offloads, queues, decisions, touched, unbooked, source } = context;
const { table4, table6, seed, tenant, cells, isPlainPartial, isRoutable6 } = context;
const { fate, start, head, headLength, body, bodyStart, bodyLength, gsoType, gsoEcn, gsoSize, csumStart, csumOffset, segments, port } = context.batch;
const qHead = context.columns.head, qStart = context.columns.start, qLength = context.columns.headLength, qBody = context.columns.body;
const qBodyStart = context.columns.bodyStart, qMore = context.columns.bodyLength, qTenant = context.columns.tenant, qRow = context.columns.row, qPort = context.columns.port;
const hashes = new Int32Array(256), entries = new Int32Array(256), ahead = new Int32Array(256), families = new Uint8Array(256);
const late = new Uint8Array(256), protos = new Int32Array(256), transports = new Int32Array(256);
/** Of super-frames: bytes that each segment repeats (0: none), segments. Offloads that a frame needs of its device, if it has a partial checksum. */
const supers = new Int32Array(256), pieces = new Int32Array(256), carries = new Uint8Array(256);
/** Ends a run of frames: writes the columns that are the same for all of them, unless they hold that already. */
function close(queue, began, end, row, to) {
  queue.count = end - queue.first;
  cells[Math.imul(row, ${COLUMNS}) + ${Column.Held}] += end - began;
  const known = queue.first + queue.alike;
  if (queue.ofTenant === tenant && queue.ofRow === row && queue.toPort === to && began <= known) {
    if (end <= known) return;
    began = known;
    queue.alike = queue.count;
  } else if (began === queue.first) {
    queue.ofTenant = tenant;
    queue.ofRow = row;
    queue.toPort = to;
    queue.alike = queue.count;
  } else if (began < known) queue.alike = began - queue.first;
  for (let q = began; q < end; q++) {
    qBody[q] = -1;
    qMore[q] = 0;
    qTenant[q] = tenant;
    qRow[q] = row;
    qPort[q] = to;
  }
}
/** Ends frames for one device, each of whose columns was written. */
function shut(queue, began, end) {
  queue.count = end - queue.first;
  if (began - queue.first < queue.alike) queue.alike = began - queue.first;
}${decides(shape, 4)}${shape.l3 ? decides(shape, 6) : ''}${once(shape)}${summed(shape)}${fetched(shape)}${passes(shape)}
const met = new Uint8Array(4);
return function hit(batch, stamp, mask4, mask6) {
  const few = (mask4 | mask6) < ${FEW_PLACES};
  const loop = !batch.plain || (batch.summed && !few) ? ${Loop.Passes} : batch.summed ? ${Loop.Summed} : few ? ${Loop.Once} : ${Loop.Fetched};
  const times = met[loop], now = times === 1 ? cache.anew() : stamp, least = times === 0 ? ${NO_FRAME} : ${SHORTEST};
  met[loop] = times < 2 ? times + 1 : times;
  if (loop === ${Loop.Once}) return once(batch, now, mask4, mask6, least);
  if (loop === ${Loop.Fetched}) return fetched(batch, now, mask4, mask6, least);
  if (loop === ${Loop.Summed}) return summed(batch, now, mask4, mask6, least);
  return passes(batch, now, mask4, mask6, least);
};
//# sourceURL=tapyard:path/${name}
`;
}
