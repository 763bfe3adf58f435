import { createHash } from 'node:crypto';

/**
 * The number of a datapath that the file gives none: made of the tenant's name, so that it stays when others come and go. Its low 48
 * bits look like a MAC address that is administered locally, as such numbers are made elsewhere.
 * @returns sixteen hexadecimal digits
 */
export function automaticDatapathId(tenant: string): string {
  const digits = createHash('sha256').update(tenant).digest('hex').slice(0, 10);
  return `000002${digits}`;
}
