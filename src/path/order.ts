import type { TenantImage } from './image.ts';

/** Stages that a tenant has only if it has something for them to do. */
export interface Wanted {
  readonly router: boolean;
  readonly portSecurity: boolean;
  readonly aclIn: boolean;
  readonly aclOut: boolean;
  readonly interfaceAclIn: boolean;
  readonly interfaceAclOut: boolean;
}

/** All that a frame may meet on its way, by name: the flow cache, then stages in their order. */
export const STAGES: readonly string[] = [
  'flow-cache',
  ...['parse', 'offload', 'guard-in', 'port-security', 'rules', 'vlan-in', 'reserved', 'acl-in', 'learn', 'to-router'],
  ...['interface-acl-in', 'route', 'interface-acl-out', 'hop-limit', 'adjacency', 'forward'],
  ...['acl-out', 'vlan-out', 'guard-out', 'emit'],
];

const any = (bindings: Int32Array): boolean => bindings.some((acl) => acl >= 0);

export function wanted({ bridge, router }: TenantImage): Wanted {
  return {
    router: router !== null,
    portSecurity: bridge.securities.length > 0,
    aclIn: any(bridge.aclIn) || any(bridge.vlanAclIn),
    aclOut: any(bridge.aclOut) || any(bridge.vlanAclOut),
    interfaceAclIn: router !== null && any(router.aclIn),
    interfaceAclOut: router !== null && any(router.aclOut),
  };
}

/**
 * The order in which a tenant's frames meet the stages, by name: what `tapyard show path` prints and what a test holds the
 * compiled path against. Frames that a router made begin at `route`; frames whose MACs are final, at `forward`.
 */
export function stageOrder(image: TenantImage): { readonly in: readonly string[]; readonly out: readonly string[] } {
  const has = wanted(image);
  const list = (...stages: readonly [name: string, present?: boolean][]) =>
    stages.filter(([, present = true]) => present).map(([name]) => name);
  return {
    in: list(
      ['parse'],
      ['offload'],
      ['guard-in'],
      ['port-security', has.portSecurity],
      ['rules', image.rules !== null],
      ['vlan-in'],
      ['reserved'],
      ['acl-in', has.aclIn],
      ['learn'],
      ['to-router', has.router],
      ['interface-acl-in', has.interfaceAclIn],
      ['route', has.router],
      ['interface-acl-out', has.interfaceAclOut],
      ['hop-limit', has.router],
      ['adjacency', has.router],
      ['forward'],
    ),
    out: list(['acl-out', has.aclOut], ['vlan-out'], ['guard-out'], ['emit']),
  };
}
