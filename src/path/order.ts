/**
 * The order in which a tenant's frames meet the stages, by name: what `tapyard show path` prints and what a test holds the
 * compiled path against. Frames that a router made begin at `route`; frames whose MACs are final, at `forward`.
 */
const BRIDGE_IN = ['parse', 'offload', 'guard-in', 'port-security', 'vlan-in', 'reserved', 'acl-in', 'learn'] as const;
const ROUTER = ['to-router', 'interface-acl-in', 'route', 'interface-acl-out', 'hop-limit', 'adjacency'] as const;
const OUT = ['acl-out', 'vlan-out', 'guard-out', 'emit'] as const;

export function stageOrder(router: boolean): { readonly in: readonly string[]; readonly out: readonly string[] } {
  return { in: [...BRIDGE_IN, ...(router ? ROUTER : []), 'forward'], out: OUT };
}
