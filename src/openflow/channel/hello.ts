import { VERSION } from '../codec/messages.ts';

/**
 * The version that both sides speak. With a bitmap on both sides it is the highest that both name; without, the smaller of the two that the
 * headers name. We speak one. Source: 1.3.5, section 6.3.1.
 * @param version of the header
 * @param versions of the peer's bitmap, null when it sent none
 * @returns null when there is none
 */
export function negotiate(version: number, versions: readonly number[] | null): number | null {
  if (versions !== null && versions.length > 0) return versions.includes(VERSION) ? VERSION : null;
  return version >= VERSION ? VERSION : null;
}
