import type { VlanSettings } from './model.ts';
import type { VlanKeys } from './schema/port.ts';

const all = Object.freeze(Array.from({ length: 4094 }, (_, index) => index + 1));

/** VLAN settings as the keys of a port give them; where keys exclude each other, `vlan` goes before `trunk` before `tunnel`. */
export function vlanSettings(keys: VlanKeys): VlanSettings {
  const { vlan, trunk, native, tunnel } = keys;
  if (vlan === undefined && trunk !== undefined) {
    if (trunk === null) return Object.freeze({ mode: 'trunk', allowed: all, native: native ?? null });
    const allowed = native === undefined || trunk.includes(native) ? trunk : [...trunk, native].sort((a, b) => a - b);
    return Object.freeze({ mode: 'trunk', allowed: Object.freeze([...allowed]), native: native ?? null });
  }
  if (vlan === undefined && tunnel !== undefined) return Object.freeze({ mode: 'tunnel', vlan: tunnel });
  return Object.freeze({ mode: 'access', vlan: vlan ?? 1 });
}

export function carries(settings: VlanSettings, vlan: number): boolean {
  return settings.mode === 'trunk' ? settings.allowed.includes(vlan) : settings.vlan === vlan;
}

/** A VLAN that both carry, or null. */
export function sharedVlan(a: VlanSettings, b: VlanSettings): number | null {
  const [one, other] = a.mode === 'trunk' ? [b, a] : [a, b];
  const vlans = one.mode === 'trunk' ? one.allowed : [one.vlan];
  return vlans.find((vlan) => carries(other, vlan)) ?? null;
}
