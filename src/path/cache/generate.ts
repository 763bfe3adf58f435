import { Decision as D, Does } from './decision.ts';
import type { Shape } from './shape.ts';

/**
 * The text of the fused loop, for one shape: finds what is consulted in each frame of a batch, hashes and compares it, and carries
 * the decision out. It is a function of its own text for each tenant and for each batch that it is given, so that V8 takes all
 * arrays for constants: a column that is read off an object costs ten instructions more each time, tables of several tenants behind
 * one function make it three times slower; and what a shape does not look at is not there at all.
 *
 * Three passes: the first hashes, the second touches the cache entries, so that their cache misses are under way together; the third does the rest.
 * A frame that is not plain, or whose decision is not for the cache, is left to the stages, and so are the later frames of the
 * batch between the same two MACs, so that none overtakes it.
 */

/** Words of a cache entry before the flow's own: hash, stamp of the last validation, decision, the source MAC's slot and version. */
export const Entry = { Hash: 0, Stamp: 1, Decision: 2, MacSlot: 3, MacVersion: 4, Key: 5 } as const;

/** Words of an entry: without IPv6 addresses in the key, and with them. A place holds two entries. */
export const STRIDE4 = 16;
export const STRIDE6 = 32;
/** Words of a cache line. */
const LINE = 16;

type Words = readonly string[];

const MACS: Words = ['w0', 'words[at + 1]', 'words[at + 2]', 'w3', 'tag'];
const NO_MACS: Words = ['(w3 & -65536) | port[i]', 'tag'];

/** Words of the key, as expressions of what the loop has at hand. */
function keyOf({ macs, l3, source, destination, ports, tos, label }: Shape, family: 4 | 6): Words {
  const link = macs ? MACS : NO_MACS;
  if (!l3) return link;
  const addresses = (from: number, count: number) => Array.from({ length: count }, (_, k) => `words[o + ${from + k}]`);
  const [first, size] = family === 4 ? [3, 1] : [2, 4];
  // Of IPv4 the second byte; of IPv6 the lower half of the first and the upper of the second, then the label.
  const service = family === 4 ? 0xff00 : (tos ? 0xf00f : 0) | (label ? 0xffff0f00 : 0);
  const hasService = family === 4 ? tos : tos || label;
  return [
    ...link,
    ...(hasService ? [`words[o] & ${service | 0}`] : []),
    ...(ports ? ['proto', 'transport'] : []),
    ...(source ? addresses(first, size) : []),
    ...(destination ? addresses(first + size, size) : []),
  ];
}

/** Odd constants: a sum of products is a universal hash in its upper bits (Dietzfelbinger et al., J. Algorithms 25, 1997). */
const multiplier = (k: number): number => (Math.imul(k + 1, 0x9e3779b2) | 1) >> 0;

const find = (key: Words, family: 4 | 6): string => `
      let h = ${['seed', ...key.map((word, k) => `Math.imul(${word}, ${multiplier(k)})`)].join(' + ')} | 0;
      h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
      h ^= h >>> 13;
      hashes[i] = h;
      families[i] = ${family};`;

/**
 * Looks which of the two entries at a frame's place may be its own. Apart from the rest, since the processor then has dozens of these
 * loads under way at once, and without a branch on what they bring, which would hold up those behind it.
 */
const choose = (family: 4 | 6, stride: number): string => `
      const h = hashes[i], place = (h & mask${family}) * ${stride * 2};
      const other = table${family}[place] ^ h;
      // The second entry's cache line is fetched as well; the second line of the first, where entries take two.
      ahead[i] = table${family}[place + ${LINE}];
      entries[i] = place + ((other | -other) >>> 31) * ${stride};`;

const parse4 = (shape: Shape): string => `
      const a = words[o], c = words[o + 2], next = words[o + 5];
      const total = (a >>> 24) | ((a >>> 8) & 0xff00);
      // Version 4 without options, no fragment, all of it there.
      if ((a & 0xff) !== 0x45 || (words[o + 1] & 0xff3f0000) !== 0 || total > room) continue;
      let proto = (c >>> 8) & 0xff, transport = next;
      if (proto === 6) { if (total < 40) continue; }
      else if (total < 28) continue;
      else if (proto === 1) transport = next & 0xffff;
      else if (proto !== 17) continue;
      if (csumStart[i] >= 0 && (csumStart[i] !== (o + 5) << 2 || csumOffset[i] !== (proto === 6 ? 16 : proto === 17 ? 6 : 2))) continue;${flags(shape, 8)}`;

const parse6 = (shape: Shape): string => `
      const b = words[o + 1], next = words[o + 10];
      const total = ((b << 8) & 0xff00) | ((b >>> 8) & 0xff);
      // No extension header, all of it there, no neighbour discovery.
      if ((words[o] & 0xf0) !== 0x60 || total + 40 > room) continue;
      let proto = (b >>> 16) & 0xff, transport = next;
      if (proto === 6) { if (total < 20) continue; }
      else if (total < 8) continue;
      else if (proto === 58) { if ((next & 0xff) >= 133 && (next & 0xff) <= 136) continue; transport = next & 0xffff; }
      else if (proto !== 17) continue;
      if (csumStart[i] >= 0 && (csumStart[i] !== (o + 10) << 2 || csumOffset[i] !== (proto === 6 ? 16 : proto === 17 ? 6 : 2))) continue;${flags(shape, 13)}`;

const flags = (shape: Shape, word: number): string =>
  shape.flags ? `\n      if (proto === 6) proto |= words[o + ${word}] & 0xff00;` : '';

const remember = ({ ports }: Shape): string =>
  ports ? '\n      protos[i] = proto;\n      transports[i] = transport;' : '';

const firstPass = (shape: Shape): string =>
  shape.l3
    ? `
    if (type === 0x0008) {${parse4(shape)}${find(keyOf(shape, 4), 4)}${remember(shape)}
    } else if (type === 0xdd86) {${parse6(shape)}${find(keyOf(shape, 6), 6)}${remember(shape)}
    }`
    : `
    if (csumStart[i] >= 0 && !cache.isPlainPartial(batch, i, type, o, room)) continue;
    {${find(keyOf(shape, 4), 4)}
    }`;

const equal = (table: string, key: Words): string =>
  [`${table}[e] === h`, ...key.map((word, k) => `${table}[e + ${Entry.Key + k}] === ${word}`)].join(' && ');

const lookup = (key: Words, family: 4 | 6, stride: number): string => {
  const table = `table${family}`;
  return `
      if (${equal(table, key)}
        && (${table}[e + ${Entry.Stamp}] === stamp || cache.renew(${table}, e, batch, i))) d = ${table}[e + ${Entry.Decision}];
      else {
        d = cache.decide(batch, i);
        const into = d > 0 ? cache.place(${table}, (h & mask${family}) * ${stride * 2}, ${stride}, e) : -1;
        if (into >= 0) {
          ${table}[into] = h;
          ${table}[into + ${Entry.Stamp}] = stamp;
          ${table}[into + ${Entry.Decision}] = d;
          ${table}[into + ${Entry.MacSlot}] = source[0];
          ${table}[into + ${Entry.MacVersion}] = source[1];
          ${key.map((word, k) => `${table}[into + ${Entry.Key + k}] = ${word};`).join(' ')}
        }
      }`;
};

const secondPass = (shape: Shape): string =>
  shape.l3
    ? `
    if (family === 4) {${lookup(keyOf(shape, 4), 4, STRIDE4)}
    } else {${lookup(keyOf(shape, 6), 6, STRIDE6)}
    }`
    : `
    {${lookup(keyOf(shape, 4), 4, STRIDE4)}
    }`;

const police = ({ policed }: Shape): string =>
  policed
    ? `
    if (d > 0 && fits) {
      const over = cache.admit(port[i], 1, headLength[i], batch.nowUs);
      if (over >= 0) { cache.drop(batch, i, over); continue; }
    }`
    : '';

const LATER = 'slow++; marks |= bit; continue;';

/** @param shape what the tenant's path looks at @param name for stack traces and profiles */
export function generate(shape: Shape, name: string): string {
  return `
const { words, cache, pool, linkUp, offloads, queues, decisions, touched, source } = context;
const { table4, table6, seed, tenant } = context;
const { fate, start, head, headLength, body, gsoType, csumStart, csumOffset, port } = context.batch;
const hashes = new Int32Array(256), entries = new Int32Array(256), ahead = new Int32Array(256), families = new Uint8Array(256);
const protos = new Int32Array(256), transports = new Int32Array(256);
const outFrame = new Int32Array(256), outStart = new Int32Array(256), outLength = new Int32Array(256), outPort = new Int32Array(256);
/** Puts what leaves by one device into its queue. A loop of its own, small enough for V8 to look at the columns only once. */
function flush(queue, from, to) {
  const qHead = queue.head, qStart = queue.start, qLength = queue.headLength, qBody = queue.body;
  const qMore = queue.bodyLength, qTenant = queue.tenant, qRow = queue.row, qPort = queue.port;
  let q = queue.count;
  for (let k = from; k < to; k++) {
    const i = outFrame[k];
    qHead[q] = head[i];
    qStart[q] = outStart[k];
    qLength[q] = outLength[k];
    qBody[q] = -1;
    qMore[q] = 0;
    qTenant[q] = tenant;
    qRow[q] = port[i];
    qPort[q] = outPort[k];
    q++;
  }
  queue.count = q;
}
return function hit(batch, stamp, mask4, mask6) {
  const n = batch.count;
  for (let i = 0; i < n; i++) {
    families[i] = 0;
    const at = start[i] >> 2, length = headLength[i];
    if (fate[i] !== 0 || body[i] >= 0 || gsoType[i] !== 0 || (start[i] & 3) !== 2 || length < 18) continue;
    const d = words[at], w3 = words[at + 3];
    if ((d & 0x10000) !== 0) continue;
    const w0 = (d & 0xffff0000) | port[i];
    let type = w3 >>> 16, tag = 0, o = at + 4, room = length - 14;
    if (type === 0x0081 || type === 0xa888) {
      tag = words[at + 4];
      type = tag >>> 16;
      o++;
      room -= 4;
    }${firstPass(shape)}
  }
  for (let i = 0; i < n; i++) {
    if (families[i] === 4) {${choose(4, STRIDE4)}
    }${
      shape.l3
        ? ` else if (families[i] === 6) {${choose(6, STRIDE6)}
    }`
        : ''
    }
  }
  let slow = 0, marks = 0, touches = 0, device = -1, queue = null, out = 0, flushed = 0, free = 0;
  for (let i = 0; i < n; i++) {
    const family = families[i], at = start[i] >> 2;
    const w3 = words[at + 3], first = words[at];
    let bit = 0;
    if (family === 0 || marks !== 0) {
      bit = 1 << (Math.imul(words[at + 1] ^ words[at + 2] ^ (w3 & 0xffff), 0x9e3779b1) >>> 27);
      if (family === 0) { if (fate[i] === 0) { ${LATER} } slow++; continue; }
      if ((marks & bit) !== 0) { ${LATER} }
    }
    const h = hashes[i], e = entries[i], w0 = (first & 0xffff0000) | port[i], length = headLength[i];
    const tagged = (w3 >>> 16) === 0x0081 || (w3 >>> 16) === 0xa888;
    const tag = tagged ? words[at + 4] : 0, o = tagged ? at + 5 : at + 4;${shape.ports ? '\n    const proto = protos[i], transport = transports[i];' : ''}
    let d = 0;${secondPass(shape)}
    const does = d > 0 ? decisions[d] : 0;
    const to = decisions[d + ${D.Device}], sum = csumStart[i];
    let fits = d > 0 && length <= decisions[d + ${D.Longest}];
    if ((does & ${Does.Verify | Does.Ttl}) !== 0) {
      const b = words[o + 1];
      if ((does & ${Does.Ipv6}) !== 0) {
        if ((does & ${Does.Ttl}) !== 0 && b >>> 24 <= 1) fits = false;
        if ((does & ${Does.Verify}) !== 0 && !cache.isRoutable6(o)) fits = false;
      } else {
        const a = words[o], c = words[o + 2], f = words[o + 3], g = words[o + 4], from = f & 0xff;
        if ((does & ${Does.Ttl}) !== 0 && (c & 0xff) <= 1) fits = false;
        let check = (a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) + (c & 0xffff) + (c >>> 16) + (f & 0xffff) + (f >>> 16) + (g & 0xffff) + (g >>> 16);
        check = (check & 0xffff) + (check >>> 16);
        if ((does & ${Does.Verify}) !== 0 && (check !== 0xffff || from === 127 || from === 0 || from >= 224)) fits = false;
      }
    }
    if ((does & ${Does.Forward}) !== 0) {
      if (linkUp[to] === 0 || (sum >= 0 && (offloads[to] & 1) === 0)) fits = false;
      if (to !== device) {
        if (queue !== null) flush(queue, flushed, out);
        flushed = out;
        device = to;
        queue = queues[to];
        free = queue.capacity - queue.count;
      }
      if (out - flushed >= free) fits = false;
    }
    if (!fits) {
      bit = 1 << (Math.imul(words[at + 1] ^ words[at + 2] ^ (w3 & 0xffff), 0x9e3779b1) >>> 27);
      ${LATER}
    }${police(shape)}
    if (decisions[d + ${D.Frames}]++ === 0) touched[touches++] = d;
    decisions[d + ${D.Bytes}] += length;
    if ((does & ${Does.Forward}) === 0) {${shape.tapped ? ` cache.show(batch, i, decisions[d + ${D.Reason}]);` : ''} fate[i] = 3; pool.release(head[i]); continue; }
    if ((does & ${Does.Ttl}) !== 0) {
      if ((does & ${Does.Ipv6}) !== 0) words[o + 1] -= 0x01000000;
      else {
        // RFC 1624, equation 3: ~old + new is 0xfffe whatever the TTL.
        const c = words[o + 2];
        const check = (~c >>> 16) + 0xfffe;
        words[o + 2] = ((c & 0xffff) - 1) | (~((check & 0xffff) + (check >>> 16)) << 16);
      }
    }
    let m0 = first & 0xffff0000, m3 = w3, into = at, grown = length;${
      shape.edits
        ? `
    if ((does & ${Does.Program}) !== 0) {
      cache.edit(batch, i, decisions[d + ${D.Program}], decisions[d + ${D.ProgramLength}]);
      m0 = words[at] & 0xffff0000;
      m3 = words[at + 3];
    }`
        : ''
    }
    if ((does & ${Does.Edit}) !== 0) {
      let m1 = words[at + 1], m2 = words[at + 2];
      if ((does & ${Does.To}) !== 0) {
        m0 = decisions[d + ${D.Mac0}];
        m1 = decisions[d + ${D.Mac1}];
      }
      if ((does & ${Does.From}) !== 0) {
        m2 = decisions[d + ${D.Mac2}];
        m3 = (m3 & 0xffff0000) | decisions[d + ${D.Mac3}];
      }
      if ((does & ${Does.Pop}) !== 0) {
        into = at + 1;
        grown = length - 4;
        m3 = (m3 & 0xffff) | (words[at + 4] & 0xffff0000);
      } else if ((does & ${Does.Push}) !== 0) {
        into = at - 1;
        grown = length + 4;
        words[at + 3] = (m3 & 0xffff0000) | decisions[d + ${D.Tci}];
        m3 = (m3 & 0xffff) | (decisions[d + ${D.Tpid}] << 16);
      } else if ((does & ${Does.Retag}) !== 0) {
        words[at + 4] = (words[at + 4] & 0xffff0000) | decisions[d + ${D.Tci}];
        m3 = (m3 & 0xffff) | (decisions[d + ${D.Tpid}] << 16);
      }
      words[into + 1] = m1;
      words[into + 2] = m2;
      words[into + 3] = m3;
    }
    // The virtio-net header: nothing to do, or a partial checksum.
    if (sum < 0) {
      words[into - 2] = 0;
      words[into - 1] = 0;
      words[into] = m0;
    } else {
      words[into - 2] = 1;
      words[into - 1] = (sum - (into << 2) - 2) << 16;
      words[into] = m0 | csumOffset[i];
    }
    fate[i] = 3;
    outFrame[out] = i;
    outStart[out] = (into << 2) + 2;
    outLength[out] = grown;
    outPort[out] = decisions[d + ${D.Port}];
    out++;
  }
  if (queue !== null) flush(queue, flushed, out);
  cache.settle(touches);
  return slow;
};
//# sourceURL=tapyard:path/${name}
`;
}
