import { COLUMNS, Column } from '../../observe/ledger.ts';
import { Offload } from '../../port/port.ts';
import { Decision as D, Does } from './decision.ts';
import type { Shape } from './shape.ts';

/** Text of how a decision `d` is carried out on frame i; `generate` says what it becomes part of. */

/** What a loop is for: plain batches, those whose frames may have checksums to complete, any. */
export type Batches = 'plain' | 'summed' | 'any';

/** Frames to one port are a run, `close` writes what they have in common. A device that is down has no room. */
const RUN = `        const out = decisions[d + ${D.Port}];
        if (out !== to) {
          if (queue !== null) close(queue, began, q, from, to);
          to = out;
          device = decisions[d + ${D.Device}];
          queue = queues[device];
          began = q = queue.first + queue.count;
          end = linkUp[device] === 0 ? q : queue.first + queue.capacity;
        }`;

/** A device that does not carry checksums leaves them to the stages. */
const SUMS = `
        if (csumStart[i] >= 0 && (offloads[device] & ${Offload.Checksum}) === 0) break later;`;

const ROW = `        if (linkUp[to] === 0 || (csumStart[i] >= 0 && (offloads[to] & carries[i]) !== carries[i])) break later;
        if (to !== device) {
          if (queue !== null) shut(queue, began, q);
          device = to;
          queue = queues[to];
          began = q = queue.first + queue.count;
          end = queue.first + queue.capacity;
        }`;

/** Leaves to the stages what does not fit the decision: a TTL that ends, a packet that a router must not take, no room. */
const fits = (batches: Batches): string => `
      // In bounds already: said so that V8 need not look for sums that are no small numbers.
      d &= 0xfffff;
      const does = decisions[d + ${D.Flags}]${batches !== 'any' ? '' : `, to = decisions[d + ${D.Device}]`};
      // There is no decision 0: no frame is so short.
      if (${batches !== 'any' ? 'length' : '(repeats === 0 ? length : repeats + gsoSize[i])'} > decisions[d + ${D.Longest}]) break later;
      if ((does & ${Does.Verify | Does.Ttl}) !== 0) {
        if ((does & ${Does.Ipv6}) !== 0) {
          if ((does & ${Does.Ttl}) !== 0 && words[o + 1] >>> 24 <= 1) break later;
          if ((does & ${Does.Verify}) !== 0 && !isRoutable6(words, o)) break later;
        } else {
          const c = words[o + 2];
          if ((does & ${Does.Ttl}) !== 0 && (c & 0xff) <= 1) break later;
          if ((does & ${Does.Verify}) !== 0) {
            const a = words[o], b = words[o + 1], f = words[o + 3], g = words[o + 4], net = f & 0xff;
            let check = (a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) + (c & 0xffff) + (c >>> 16) + (f & 0xffff) + (f >>> 16) + (g & 0xffff) + (g >>> 16);
            check = (check & 0xffff) + (check >>> 16);
            if (check !== 0xffff || net === 127 || net === 0 || net >= 224) break later;
          }
        }
      }
      if ((does & ${Does.Forward}) !== 0) {
${batches === 'any' ? ROW : batches === 'summed' ? RUN + SUMS : RUN}
        if (q >= end) break later;
      }`;

/** A super-frame is charged as the packets and bytes that it stands for. @param plain whether there are none, and no bodies */
const police = ({ policed }: Shape, plain: boolean): string =>
  policed
    ? `
      const over = ${plain ? '' : 'repeats > 0 ? cache.admit(from, pieces[i], length + bodyLength[i] + (pieces[i] - 1) * repeats, batch.nowUs) : '}cache.admit(from, 1, length, batch.nowUs);
      if (over >= 0) {
        // No rule has seen it.
        more--;
        moreBytes -= ${plain ? 'length' : 'length + bodyLength[i]'};
        cache.drop(batch, i, over);
        continue;
      }`
    : '';

/** A meter weighs every frame, after the rule that names it has counted it. */
const weigh = ({ metered }: Shape, plain: boolean): string =>
  metered
    ? `
      if (!cache.weigh(batch, i, decisions[d + ${D.Meter}], ${plain ? 'length' : 'length + bodyLength[i]'})) continue;`
    : '';

/** RFC 1624, equation 3: a TTL less one adds one to the sum, which skips 0xffff. */
const ttl = (c: string): string => `words[o + 2] = ${c} - 1 + ((1 + (((${c} >>> 16) + 2) >>> 16)) << 16);`;

const ROUTED = Does.Forward | Does.Ttl | Does.To | Does.From;

const edited = (shape: Shape): string => `
      let m0 = first & 0xffff0000, into = at, grown = length;
      if ((does & ${~Does.Verify}) === ${ROUTED}) {
        // What a router does to nearly every packet.
        const c = words[o + 2];
        ${ttl('c')}
        m0 = decisions[d + ${D.Mac0}];
        words[at + 1] = decisions[d + ${D.Mac1}];
        words[at + 2] = decisions[d + ${D.Mac2}];
        words[at + 3] = (w3 & 0xffff0000) | decisions[d + ${D.Mac3}];
      } else {
        if ((does & ${Does.Ttl}) !== 0) {
          if ((does & ${Does.Ipv6}) !== 0) words[o + 1] -= 0x01000000;
          else {
            const c = words[o + 2];
            ${ttl('c')}
          }
        }
        let m3 = w3;${
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
            const tag = decisions[d + ${D.Tag}];
            words[at + 3] = (m3 & 0xffff0000) | (tag & 0xffff);
            m3 = (m3 & 0xffff) | (tag & 0xffff0000);
          } else if ((does & ${Does.Retag}) !== 0) {
            const tag = decisions[d + ${D.Tag}];
            words[at + 4] = (words[at + 4] & 0xffff0000) | (tag & 0xffff);
            m3 = (m3 & 0xffff) | (tag & 0xffff0000);
          }
          words[into + 1] = m1;
          words[into + 2] = m2;
          words[into + 3] = m3;
        }
      }`;

const NOTHING = `
      words[into - 2] = 0;
      words[into - 1] = 0;
      words[into] = m0;`;

const SUPER = `
        if (repeats > 0) {
          words[into - 2] = 1 | ((gsoType[i] | gsoEcn[i]) << 8) | ((repeats + grown - length) << 16);
          words[into - 1] |= gsoSize[i];
        }`;

/** The virtio-net header: nothing to do, a partial checksum, or a super-frame, which has one. */
const header = (batches: Batches): string =>
  batches === 'plain'
    ? NOTHING
    : `
      const sum = csumStart[i];
      if (sum < 0) {${NOTHING}
      } else {
        words[into - 2] = 1;
        words[into - 1] = (sum - (into << 2) - 2) << 16;
        words[into] = m0 | csumOffset[i];${batches === 'any' ? SUPER : ''}
      }`;

/** What super-frames stand for besides themselves. */
const MORE = `
      if (repeats > 0) {
        more += pieces[i] - 1;
        moreBytes += (pieces[i] - 1) * repeats;
      }`;

const body = (plain: boolean): string =>
  plain
    ? ''
    : `
      qBody[q] = body[i];
      qBodyStart[q] = bodyStart[i];
      qMore[q] = bodyLength[i];
      qTenant[q] = tenant;
      qRow[q] = from;
      qPort[q] = decisions[d + ${D.Port}];
      cells[Math.imul(from, ${COLUMNS}) + ${Column.Held}]++;
      fate[i] = 3;`;

export const carryOut = (shape: Shape, batches: Batches): string => {
  const plain = batches !== 'any';
  return `${fits(batches)}${police(shape, plain)}
      if (decisions[d + ${D.Frames}]++ === 0) touched[unbooked[0]++] = d;
      decisions[d + ${D.Bytes}] += length;${plain ? '' : MORE}${weigh(shape, plain)}
      if ((does & ${Does.Forward}) === 0) { cells[Math.imul(from, ${COLUMNS}) + ${Column.Drops} + decisions[d + ${D.Reason}]]++;${shape.tapped ? ` cache.show(batch, i, decisions[d + ${D.Reason}]);` : ''} ${plain ? '' : ' fate[i] = 3;'} pool.release(head[i]);${plain ? '' : ' pool.release(body[i]);'} continue; }${edited(shape)}${header(batches)}
      qHead[q] = head[i];
      qStart[q] = (into << 2) + 2;
      qLength[q] = grown;${body(plain)}
      q++;
      continue;`;
};
