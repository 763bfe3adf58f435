import type { MeterConfig, MeterStats } from '../codec/stats.ts';
import { type Band, Meters } from '../model.ts';
import { MeterFlag } from './meter.ts';
import { formatDuration } from './print-flow.ts';

/** A meter of `ovs-ofctl dump-meters`: a line, and one more for each band. It can be parsed again as it is. */
export function formatMeter({ meter, flags, bands }: MeterConfig): string {
  const bursts = (flags & MeterFlag.Burst) !== 0;
  return [
    `meter=${meterName(meter)} ${[...meterFlags(flags), 'bands='].join(' ')}`,
    ...bands.map((band) => formatBand(band, bursts)),
  ].join('\n');
}

/** The same in one line: `meter=1 kbps bands=type=drop rate=1000`. */
export function formatMeterLine(meter: MeterConfig): string {
  return formatMeter(meter).replace('bands=\n', 'bands=').replaceAll('\n', ', ');
}

/** A meter of `ovs-ofctl meter-stats`. */
export function formatMeterStats(meter: MeterStats): string {
  const duration = formatDuration(meter.durationSec, meter.durationNsec);
  const total = `meter:${meterName(meter.meter)} flow_count:${meter.flows} packet_in_count:${meter.packets} byte_in_count:${meter.bytes}`;
  return [
    `${total} duration:${duration} bands:`,
    ...meter.bands.map(({ packets, bytes }, i) => `${i}: packet_count:${packets} byte_count:${bytes}`),
  ].join('\n');
}

function formatBand(band: Band, bursts: boolean): string {
  const burst = bursts ? ` burst_size=${band.burst}` : '';
  const level = band.type === 'dscp_remark' ? ` prec_level=${band.precedenceLevel}` : '';
  return `type=${band.type} rate=${band.rate}${burst}${level}`;
}

export function meterFlags(flags: number): string[] {
  const names: readonly (readonly [number, string])[] = [
    [MeterFlag.Kbps, 'kbps'],
    [MeterFlag.Pktps, 'pktps'],
    [MeterFlag.Burst, 'burst'],
    [MeterFlag.Stats, 'stats'],
  ];
  return names.flatMap(([flag, name]) => ((flags & flag) === 0 ? [] : [name]));
}

function meterName(meter: number): string {
  if (meter === Meters.Slowpath) return 'slowpath';
  if (meter === Meters.Controller) return 'controller';
  return meter === Meters.All ? 'all' : String(meter);
}
