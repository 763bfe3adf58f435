import * as z from 'zod';
import { Fault, leaf, quantity, shapeOf, whole } from './leaf.ts';

/** A bad line before a port; the words and meanings of tc-netem(8). */

const LONGEST_WAIT_US = 60_000_000;
const MICROSECONDS: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 };

const wait = (description: string) =>
  leaf(readWait, { description, type: 'string', unit: 'us, ms or s', examples: ['10ms', '500us', '1.5s'] });

const share = (description: string) =>
  leaf(readShare, { description, type: 'string', unit: '% of frames', examples: ['1%', '0.1%'] });

export const impair = z
  .strictObject({
    delay: wait('How long every frame is kept').prefault('0ms'),
    jitter: wait(
      'By how much the delay varies, up and down, evenly spread; frames may then overtake each other',
    ).prefault('0ms'),
    loss: share('Frames that are dropped, as impaired').prefault('0%'),
    duplicate: share('Frames that are sent twice').prefault('0%'),
    reorder: share('Frames that are sent at once, past those that are delayed').prefault('0%'),
    rate: quantity('Bits that the line carries', { min: 1000, max: 1e12, unit: 'bit/s' }).optional(),
    queue: whole('Frames that may wait; more are dropped as tx-full', {
      min: 1,
      max: 100_000,
      unit: 'frames',
      reason: '1000: what netem has',
    }).prefault(1000),
    seed: whole('Of the dice: the same seed loses the same frames of the same traffic', {
      min: 0,
      max: 2 ** 31 - 1,
    }).optional(),
  })
  .describe(
    'Makes the line bad in the direction that leaves the switch, as tc netem does; frames that come in are not touched',
  );

export type ImpairConfig = z.output<typeof impair>;

/** Microseconds. */
function readWait(value: unknown): number {
  const [, digits = '', unit = ''] = (typeof value === 'string' && /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(value)) || [];
  if (unit === '') throw new Fault(`expected a duration, got ${shapeOf(value)}`, 'write it as 10ms, 500us or 1.5s');
  const us = Number(digits) * MICROSECONDS[unit]!;
  if (us > LONGEST_WAIT_US) throw new Fault(`${String(value)} is out of range`, 'choose 0 to 60s', 'config-range');
  return us;
}

/** Of 1. */
function readShare(value: unknown): number {
  const [, digits] = (typeof value === 'string' && /^(\d+(?:\.\d+)?)%$/.exec(value)) || [];
  if (digits === undefined) throw new Fault(`expected a percentage, got ${shapeOf(value)}`, 'write it as 1% or 0.1%');
  if (Number(digits) > 100) throw new Fault(`${String(value)} is out of range`, 'choose 0% to 100%', 'config-range');
  return Number(digits) / 100;
}
