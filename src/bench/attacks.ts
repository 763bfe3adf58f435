import * as frames from './attack-frames.ts';

/** How much of what, in an attack. */
const FLOWS = 60_000;
const ACL_RULES = 10_000;
const FEW_RULES = 100;
const CHURNED_RULES = 10_000;
const STORM_PORTS = 8;
export const CHANGES_PER_SECOND = 60_000;
/** A network behind the router in which nobody is. */
const ABSENT = { network: 0x0a08, address: '10.8.0.1/16' } as const;
const ROUTER_MAC = '02:00:00:00:02:fe';

/** What else goes on during an attack, besides frames. */
export type Disturbance = 'rules' | 'packet-ins' | 'garbage' | 'questions';

export interface AttackPlan {
  /** What the neighbour does, in words. */
  readonly sentence: string;
  readonly frames: () => Uint8Array[];
  /** YAML of the tenant besides its bridge's ports, indented by four. */
  readonly config?: (controller: string) => string;
  /** Ports of its bridge; frames come in by the first. */
  readonly ports?: number;
  readonly disturbance?: Disturbance;
  /** The same for a switch that knows OpenFlow alone, as ovs-ofctl writes it; absent: plain bridging. Null: it has nothing like it. */
  readonly flows?: (() => string[]) | null;
}

const POLICY = [
  `priority=30,udp,tp_dst=${frames.EXPLOSION.destinationPort},actions=NORMAL`,
  `priority=20,ip,nw_src=${frames.EXPLOSION.sourceAddress},actions=NORMAL`,
  `priority=10,udp,tp_src=${frames.EXPLOSION.sourcePort},actions=NORMAL`,
  'priority=0,actions=drop',
];
const TO_CONTROLLER = ['priority=0,actions=CONTROLLER:65535'];

const onePlain = () => [frames.plainFrame()];

/** What a neighbour may do to a switch. Each begins with as many frames as the switch takes: the neighbour always has another. */
export const ATTACK_PLANS = {
  flood: { sentence: 'shortest frames, one flow', frames: onePlain },
  flows: { sentence: `shortest frames, ${FLOWS} flows`, frames: () => frames.manyFlows(FLOWS) },
  random: {
    sentence: 'addresses and ports at random, through an access list',
    frames: frames.randomHeaders,
    config: () => accessList(FEW_RULES),
    flows: () => listedFlows(FEW_RULES),
  },
  explosion: {
    sentence: 'tuple-space explosion: 8,192 headers that differ in the bits that three rules look at',
    frames: frames.tupleSpaceExplosion,
    config: () => openflow(POLICY),
    flows: () => POLICY,
  },
  acl: {
    sentence: `addresses and ports at random, through an access list of ${ACL_RULES} rules that none matches`,
    frames: frames.randomHeaders,
    config: () => accessList(ACL_RULES),
    flows: () => listedFlows(ACL_RULES),
  },
  macs: { sentence: 'every frame from another station', frames: frames.randomSources },
  neighbours: {
    sentence: 'every frame to another host behind its router, none of which is there',
    frames: () => frames.absentNeighbors(ABSENT.network, ROUTER_MAC),
    config: () =>
      `    router: {mac: '${ROUTER_MAC}', interfaces: {lan: {vlan: 1, addresses: [10.0.0.254/24, ${ABSENT.address}]}}}\n`,
    flows: null,
  },
  broadcast: { sentence: `frames to everybody, ${STORM_PORTS} ports`, frames: frames.broadcasts, ports: STORM_PORTS },
  churn: {
    sentence: `a flood, and ${CHANGES_PER_SECOND} rule changes a second from its controller, among ${CHURNED_RULES} rules`,
    frames: onePlain,
    config: (controller) => openflow(['priority=0,actions=NORMAL'], controller),
    disturbance: 'rules',
  },
  'packet-ins': {
    sentence: 'every frame goes to its controller',
    frames: onePlain,
    config: (controller) => openflow(TO_CONTROLLER, controller),
    flows: () => TO_CONTROLLER,
    disturbance: 'packet-ins',
  },
  questions: {
    sentence: `a flood, and its controller asks for ${CHURNED_RULES} rules and their counters over and over`,
    frames: onePlain,
    config: (controller) => openflow(['priority=0,actions=NORMAL'], controller),
    disturbance: 'questions',
  },
  garbage: {
    sentence: 'a flood, and the control thread makes garbage as fast as it can',
    frames: onePlain,
    disturbance: 'garbage',
    flows: null,
  },
} as const satisfies Readonly<Record<string, AttackPlan>>;

export type AttackName = keyof typeof ATTACK_PLANS;
export const ATTACK_NAMES = Object.keys(ATTACK_PLANS) as AttackName[];

export function planOf(name: AttackName): AttackPlan {
  return ATTACK_PLANS[name];
}

/** Sources and destination ports of rules of which none matches what attackers send. */
function listed(count: number): { from: string; port: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    from: `192.${1 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) << 4}/28`,
    port: 1 + (i % 60_000),
  }));
}

function accessList(count: number): string {
  const rules = listed(count).map(
    ({ from, port }) => `          - {deny: {from: ${from}, proto: udp, dport: ${port}}}\n`,
  );
  return `    quota: {acl_rules: ${count + 1}}\n    acls:\n      long:\n        rules:\n${rules.join('')}          - {allow: any}\n        ingress: [a]\n`;
}

function listedFlows(count: number): string[] {
  const rules = listed(count).map(({ from, port }) => `priority=100,udp,nw_src=${from},tp_dst=${port},actions=drop`);
  return [...rules, 'priority=0,actions=NORMAL'];
}

function openflow(flows: readonly string[], controller?: string): string {
  const listen = controller === undefined ? '' : `      listen: ['unix:${controller}']\n`;
  return `    openflow:\n${listen}      flows:\n${flows.map((flow) => `        - '${flow}'\n`).join('')}`;
}

/** The rule that a controller adds and deletes as number `i`: none of them matches what attackers send. */
export function churnedFlow(i: number): string {
  const j = i % CHURNED_RULES;
  return `priority=${100 + (j % 50)},tcp,nw_dst=172.16.${j >> 8}.${j & 255},tp_dst=${1 + (j % 1000)},actions=drop`;
}
export { CHURNED_RULES };
