import { type Band, type MeterMod, Meters } from '../model.ts';
import { fail, failUnknown, quote } from './error.ts';
import { numberIn, parseUnsigned } from './number.ts';
import { Pairs } from './pairs.ts';

/** OFPMF_*. Source: 1.3.5, section 7.3.4.5. */
export const MeterFlag = { Kbps: 1, Pktps: 2, Burst: 4, Stats: 8 } as const;

const FLAGS: ReadonlyMap<string, number> = new Map([
  ['kbps', MeterFlag.Kbps],
  ['pktps', MeterFlag.Pktps],
  ['burst', MeterFlag.Burst],
  ['stats', MeterFlag.Stats],
]);
const VIRTUAL: ReadonlyMap<string, number> = new Map([
  ['slowpath', Meters.Slowpath],
  ['controller', Meters.Controller],
  ['all', Meters.All],
]);
const WORDS = ['meter', 'bands', ...FLAGS.keys()];
const BAND_WORDS = ['type', 'rate', 'burst_size', 'prec_level'];
const MOST = 0xffffffff;

/** A band while it is read; -1 is not given. */
interface Draft {
  readonly type: string;
  readonly start: number;
  rate: number;
  burst: number;
  level: number;
}

/**
 * One meter in ovs-ofctl's syntax: `meter=1,kbps,burst,bands=type=drop,rate=1000,burst_size=10`. To delete, `meter` alone, of a meter
 * or `all`; nothing at all is all meters.
 * @throws FlowTextError at the first thing that is wrong
 * Source: ovs-ofctl(8), «Meter Syntax».
 */
export function parseMeter(text: string, command: MeterMod['command']): MeterMod {
  return parseMeterPairs(new Pairs(text), command);
}

export function parseMeterPairs(pairs: Pairs, command: MeterMod['command']): MeterMod {
  const { text } = pairs;
  const drafts: Draft[] = [];
  let meter: number | null = command === 'delete' ? Meters.All : null;
  let flags = 0;
  let banded = false;
  while (pairs.next()) {
    const word = pairs.key;
    const { keyStart, keyEnd, valueStart: start, valueEnd: end } = pairs;
    const flag = FLAGS.get(word);
    if (banded) bandWord(drafts, word, pairs);
    else if (word === 'meter') meter = meterNumber(text, start, end, keyStart);
    else if (command === 'delete')
      fail(keyStart, text.length, 'Meters are deleted by their number', `leave out ${quote(word)}`);
    else if (flag !== undefined) flags |= flag;
    else if (word === 'bands' || word === 'band') {
      if (pairs.delimiter !== '=')
        fail(keyStart, keyEnd, `${word} has no value`, 'write bands=type=drop,rate=1000, say');
      pairs.enter();
      banded = true;
    } else failUnknown(keyStart, keyEnd, 'word of a meter', word, WORDS, `it is one of ${WORDS.join(', ')}`);
  }
  if (meter === null) fail(0, text.length, 'The meter has no number', 'add meter=N');
  if (command === 'delete') return { command, flags: 0, meter, bands: [] };
  const unit = flags & (MeterFlag.Kbps | MeterFlag.Pktps);
  if (unit === 0) fail(0, text.length, 'The meter has no unit', 'add kbps or pktps');
  if (unit === (MeterFlag.Kbps | MeterFlag.Pktps))
    fail(0, text.length, 'The meter has two units', 'leave out kbps or pktps');
  if (drafts.length === 0) fail(text.length, text.length, 'The meter has no bands', 'add bands=type=drop,rate=N');
  return { command, flags, meter, bands: drafts.map((draft) => finish(draft, (flags & MeterFlag.Burst) !== 0)) };
}

/** @param keyStart where the word before it begins */
function meterNumber(text: string, start: number, end: number, keyStart: number): number {
  const number = parseUnsigned(text, start, end);
  if (number >= 1 && number <= Meters.Max) return number;
  const virtual = VIRTUAL.get(text.slice(start, end));
  if (virtual !== undefined) return virtual;
  const cure = `write a number from 1 to ${Meters.Max}, controller, slowpath or all`;
  if (start >= end) fail(keyStart, end, 'meter has no value', cure);
  fail(start, end, `${quote(text.slice(start, end))} is no number of a meter`, cure);
}

function bandWord(drafts: Draft[], word: string, pairs: Pairs): void {
  const { text, keyStart, keyEnd, valueStart: start, valueEnd: end } = pairs;
  if (word === 'type') {
    const type = pairs.value;
    if (type !== 'drop' && type !== 'dscp_remark') {
      failUnknown(start, end, 'type of band', type, ['drop', 'dscp_remark'], 'it is drop or dscp_remark');
    }
    drafts.push({ type, start: keyStart, rate: -1, burst: -1, level: -1 });
    return;
  }
  const draft = drafts.at(-1);
  if (!BAND_WORDS.includes(word)) {
    failUnknown(keyStart, keyEnd, 'word of a band', word, BAND_WORDS, `it is one of ${BAND_WORDS.join(', ')}`);
  }
  if (draft === undefined) fail(keyStart, keyEnd, 'A band begins with its type', `write type=drop before ${word}`);
  if (word === 'rate') draft.rate = numberIn(text, start, end, word, 1, MOST);
  else if (word === 'burst_size') draft.burst = numberIn(text, start, end, word, 0, MOST);
  else {
    if (draft.type !== 'dscp_remark') fail(keyStart, end, 'prec_level is for dscp_remark', 'leave it out');
    draft.level = numberIn(text, start, end, word, 0, 255);
  }
}

function finish({ type, start, rate, burst, level }: Draft, bursts: boolean): Band {
  const end = start + 4;
  if (rate < 0) fail(start, end, 'The band has no rate', 'add rate=N');
  if (bursts && burst < 0)
    fail(start, end, 'The meter has the flag burst, and the band no size of one', 'add burst_size=N');
  if (!bursts && burst >= 0)
    fail(start, end, 'The band has a size of burst, and the meter not the flag', 'add burst before the bands');
  const limits = { rate, burst: Math.max(0, burst) };
  if (type === 'drop') return { type, ...limits };
  if (level < 0) fail(start, end, 'The band does not say by how much it remarks', 'add prec_level=N');
  return { type: 'dscp_remark', ...limits, precedenceLevel: level };
}
