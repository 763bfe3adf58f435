import { bitsOf, isLoopback, isMulticast, isUnspecified, prefixOf } from '../address.ts';
import type { Reporter } from '../diagnostics.ts';
import type { Address, InterfaceAddress } from '../model.ts';
import type { Path } from '../place.ts';
import { isSame } from '../schema/net.ts';

/** Whether a station or router may have the address (RFC 1122, section 3.2.1.3; RFC 4291, section 2.6.1). */
export function checkStation({ address, subnet }: InterfaceAddress, path: Path, reporter: Reporter): void {
  const wrong = kindOf(address) ?? (hasHosts(subnet.length, address) ? edgeOf(address, subnet.length) : null);
  if (wrong) reporter.report('config-value', path, `${address.text} is ${wrong}`, 'choose the address of one station');
}

/** What keeps an address from being one station's; null when nothing does. */
export function kindOf(address: Address): string | null {
  if (isUnspecified(address)) return 'no address (unspecified)';
  if (isLoopback(address)) return 'a loopback address';
  if (isMulticast(address)) return 'a multicast address';
  return address.family === 4 && address.words[0] === 0xffffffff ? 'the broadcast address' : null;
}

/** Subnets of one or two addresses have no edges (RFC 3021, RFC 6164). */
function hasHosts(length: number, address: Address): boolean {
  return length < bitsOf(address) - 1;
}

function edgeOf(address: Address, length: number): string | null {
  const subnet = prefixOf(address, length);
  if (isSame(subnet, address))
    return `the ${subnet.family === 4 ? 'network' : 'subnet-router anycast'} address of ${subnet.text}`;
  if (address.family === 6) return null;
  const broadcast = (subnet.words[0]! | (length === 0 ? 0xffffffff : 0xffffffff >>> length)) >>> 0;
  return address.words[0] === broadcast ? `the broadcast address of ${subnet.text}` : null;
}
