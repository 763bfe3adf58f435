import { BandKind, Limit, LogRecord, MeterFlag } from '../../path/rules/log.ts';
import type { SharedBuckets } from '../../table/shared-buckets.ts';
import { refuse } from '../codec/errors.ts';
import { type Band, type MeterMod, Meters } from '../model.ts';
import type { Retire } from './groups.ts';
import { IndexPool } from './indices.ts';
import type { Journal } from './journal.ts';
import type { Owner } from './rule.ts';
import type { RuleLog } from './rule-log.ts';

export interface Meter {
  readonly id: number;
  readonly index: number;
  readonly owner: Owner;
  readonly flags: number;
  readonly bands: readonly Band[];
  /** Index of each band's counters. */
  readonly places: readonly number[];
  readonly createdMs: number;
}

export const MOST_BANDS = 16;

/** A datapath's meters. Source: 1.3.5, sections 5.7 and 7.3.4.4. */
export class MeterTable {
  readonly meters = new Map<number, Meter>();
  readonly #indices = new IndexPool(Limit.Meters);
  readonly #places = new IndexPool(Limit.Bands);
  readonly #log: RuleLog;
  readonly #rates: SharedBuckets;
  readonly #nowMs: () => number;
  readonly #retire: Retire;
  readonly #journal: Journal;

  /** @param rates tokens of the bands, by their index */
  constructor(log: RuleLog, rates: SharedBuckets, nowMs: () => number, retire: Retire, journal: Journal) {
    this.#journal = journal;
    this.#log = log;
    this.#rates = rates;
    this.#nowMs = nowMs;
    this.#retire = retire;
  }

  indexOf(id: number): number {
    const meter = this.meters.get(id);
    if (meter === undefined) throw refuse('METER_MOD_FAILED', 'UNKNOWN_METER', `there is no meter ${id}`);
    return meter.index;
  }

  add(mod: MeterMod, owner: Owner): void {
    check(mod);
    if (this.meters.has(mod.meter))
      throw refuse('METER_MOD_FAILED', 'METER_EXISTS', `meter ${mod.meter} is there already`);
    const index = this.#indices.take();
    if (index < 0) throw refuse('METER_MOD_FAILED', 'OUT_OF_METERS', `there are ${Limit.Meters} meters already`);
    const places = this.#takePlaces(mod.bands.length, () => this.#indices.give(index));
    this.#journal.note(() => this.#indices.give(index));
    this.#set({ id: mod.meter, index, owner, flags: mod.flags, bands: mod.bands, places, createdMs: this.#nowMs() });
  }

  modify(mod: MeterMod): void {
    check(mod);
    const old = this.meters.get(mod.meter);
    if (old === undefined) throw refuse('METER_MOD_FAILED', 'UNKNOWN_METER', `there is no meter ${mod.meter}`);
    const places = this.#takePlaces(mod.bands.length, () => {});
    this.#set({ ...old, flags: mod.flags, bands: mod.bands, places });
    this.#retire('bands', old.places, this.#places);
  }

  remove(id: number): void {
    const meter = this.meters.get(id);
    if (meter === undefined) return;
    this.meters.delete(id);
    this.#journal.note(() => this.meters.set(id, meter));
    this.#log.write([LogRecord.MeterRemove, meter.index]);
    this.#retire('meters', [meter.index], this.#indices);
    this.#retire('bands', meter.places, this.#places);
  }

  #takePlaces(count: number, undo: () => void): number[] {
    const places = count > MOST_BANDS ? null : this.#places.takeMany(count);
    if (places !== null) {
      this.#journal.note(() => this.#places.giveMany(places));
      return places;
    }
    undo();
    const why =
      count > MOST_BANDS
        ? `a meter has ${MOST_BANDS} bands at most`
        : 'all bands are taken, or not yet let go by the workers';
    throw refuse('METER_MOD_FAILED', 'OUT_OF_BANDS', why);
  }

  #set(meter: Meter): void {
    const old = this.meters.get(meter.id);
    this.meters.set(meter.id, meter);
    this.#journal.note(() => {
      if (old === undefined) this.meters.delete(meter.id);
      else this.meters.set(meter.id, old);
    });
    for (const [i, band] of meter.bands.entries()) {
      const scale = (meter.flags & MeterFlag.Packets) === 0 ? 1000 : 1;
      this.#rates.set(meter.places[i], band.rate * scale, burstOf(meter, band) * scale, this.#nowMs() * 1000);
    }
    this.#log.write(recordOf(meter));
  }

  /** All meters as records of the log. */
  *records(): Generator<number[]> {
    for (const meter of this.meters.values()) yield recordOf(meter);
  }
}

/** In units of the rate. Without a burst of its own a band may save up a second of its rate, as in Open vSwitch. */
function burstOf({ flags }: Meter, { burst, rate }: Band): number {
  return (flags & MeterFlag.Burst) !== 0 && burst > 0 ? burst : rate;
}

function recordOf(meter: Meter): number[] {
  const record: number[] = [LogRecord.MeterSet, meter.index, meter.flags, meter.bands.length];
  for (const [i, band] of meter.bands.entries()) {
    const level = band.type === 'dscp_remark' ? band.precedenceLevel : 0;
    const kind = band.type === 'dscp_remark' ? BandKind.DscpRemark : BandKind.Drop;
    record.push(meter.places[i], kind, band.rate | 0, level, burstOf(meter, band) | 0);
  }
  return record;
}

function check({ meter, flags, bands }: MeterMod): void {
  if (meter === 0 || meter > Meters.Max)
    throw refuse('METER_MOD_FAILED', 'INVALID_METER', `${meter} is no meter to be made`);
  const rates = flags & (MeterFlag.Kbps | MeterFlag.Packets);
  if ((flags & ~0xf) !== 0 || rates === 3)
    throw refuse('METER_MOD_FAILED', 'BAD_FLAGS', 'a meter counts kilobits or packets, one of them');
  for (const { type, rate } of bands) {
    if (type === 'experimenter') throw refuse('METER_MOD_FAILED', 'BAD_BAND', 'nobody knows this band');
    if (rate === 0) throw refuse('METER_MOD_FAILED', 'BAD_RATE', 'a rate of 0 lets nothing through');
  }
}
