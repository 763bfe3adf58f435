import type { TenantModel } from '../control/config/model.ts';
import type { RoutesFile } from '../control/config/routes-file.ts';
import { formatAddress } from '../wire/address.ts';

/** All routes of a tenant as text: connected, configured, shared, and those of its routes file. */
export function* routeRows(
  { router, share }: TenantModel,
  file: RoutesFile | null,
): Generator<{ readonly to: string; readonly how: string }> {
  if (router === null) return;
  for (const iface of router.interfaces) {
    for (const { subnet } of iface.addresses) yield { to: subnet.text, how: `dev ${iface.name}` };
  }
  for (const route of router.routes) {
    const hops = route.hops.map(({ address, interface: iface }) =>
      address === null ? `dev ${iface}` : `${address.text} dev ${iface}`,
    );
    yield { to: route.to.text, how: route.action === 'forward' ? `via ${hops.join(', ')}` : route.action };
  }
  for (const { tenant, prefixes } of share.imports) {
    for (const { text } of prefixes) yield { to: text, how: `tenant ${tenant}` };
  }
  if (file === null) return;
  for (const { family, count, words, lengths, nextHops, nextHopIndex } of [file.ipv4, file.ipv6]) {
    const stride = family === 4 ? 1 : 4;
    for (let i = 0; i < count; i++) {
      const to = `${formatAddress([...words.subarray(i * stride, (i + 1) * stride)])}/${lengths[i]}`;
      yield { to, how: `via ${nextHops[nextHopIndex[i]].text}` };
    }
  }
}
