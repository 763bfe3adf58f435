/**
 * A tenant `red` with a host behind each of two TAPs, in two VLANs, and a router between them: a configuration for two workers.
 * @param web name of the one device and its namespace @param db of the other @param acl of what `web` sends, as YAML: `NAME: {…}`
 */
export function routedPair(web: string, db: string, acl: string): string {
  return `
version: 1
workers: 2
tenants:
  red:
    bridge:
      ports:
        web: {tap: ${web}, netns: ${web}, vlan: 10, address: 10.10.0.2/24, gateway: 10.10.0.1}
        db:  {tap: ${db}, netns: ${db}, vlan: 20, address: 10.20.0.2/24, gateway: 10.20.0.1}
    router:
      interfaces:
        web: {vlan: 10, addresses: [10.10.0.1/24], ra: false}
        db:  {vlan: 20, addresses: [10.20.0.1/24], ra: false}
    acls:
      ${acl}
`;
}
