import type { Json } from '../json.ts';
import type { SwitchEvent } from './events.ts';

/** An event as JSON: bytes of frames as hex. */
export function eventAsJson(event: SwitchEvent): { readonly [key: string]: Json } {
  return JSON.parse(
    JSON.stringify(event, (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ),
  ) as { readonly [key: string]: Json };
}
