import { spawnSync } from 'node:child_process';
import { Errno, LinuxError, linuxError } from './errors.ts';
import { atDeath, type Clause, onlyInThisNetwork } from './last-will.ts';
import { findLink, ip, type Link, listRoutes, setIpv6, setLink } from './links.ts';
import { shellCommand, shellWord } from './shell.ts';
import { runTool, TOOL_ENVIRONMENT, type Words } from './tool.ts';

/**
 * Joins an existing device (a VM's TAP, a veth, a NIC) to a TAP of ours inside the kernel: what the device receives leaves by
 * the TAP, into our fd, and what we write to the fd leaves by the device, super-frames and partial checksums intact. No raw
 * socket: traffic control redirects at ingress (tc-mirred(8)). `u32 match u32 0 0` matches everything, on kernels too that lack
 * `matchall`.
 *
 * A redirect to a TAP that died drops all that the device receives. So every step of the join is written down as a step back, before
 * it is made; the same script is run by `undo` and, if we are killed, by whoever carries out our last will.
 */
export interface JoinOptions {
  readonly device: string;
  /** Our TAP; in the same namespace as the device. */
  readonly tap: string;
  readonly netns?: string | undefined;
  /** Join even a device that carries addresses or a default route: the machine is cut off from them. */
  readonly force?: boolean | undefined;
}

export interface Redirect {
  readonly device: string;
  readonly tap: string;
  /** The MTU that both have now. */
  readonly mtu: number;
  /** Gives the TAP the device's MTU, as LinkWatch tells it. */
  followMtu(mtu: number): void;
  /** Takes back what was added and changed, and that alone. Works in an exit hook; a device that is gone is no error. Idempotent. */
  undo(): void;
}

/** A TAP takes no more. */
const TAP_MTU_MAX = 65521;
/** Or the next that nobody has. Small, so that it is asked before most; filters asked earlier still are somebody's policy. */
const FIRST_PREFERENCE = 7;

interface Filter {
  readonly pref: number;
  readonly options?: { readonly actions?: readonly { readonly kind: string; readonly to_dev?: string }[] };
}

/** The way back from a join, written into the will step by step: what is done to the device is undone only if it is still that device. */
class Step {
  readonly #netns: string | undefined;
  readonly #back: string[] = [];
  readonly #head: string;
  readonly #clause: Clause;

  constructor(netns: string | undefined, device: string, ifindex: number) {
    this.#netns = netns;
    // Others wait for what follows: no process more than is needed.
    const file = shellWord(`/sys/class/net/${device}/ifindex`);
    const show = shellCommand(['ip', ...this.inside, '-o', 'link', 'show', 'dev', device]);
    const read = netns === undefined ? `read -r index < ${file}` : `index=$(${show} | cut -d: -f1)`;
    // A name in `netns` means the same to all; a device beside us is only known to who is here too.
    const here = netns === undefined ? `${onlyInThisNetwork()}\n` : '';
    this.#head = `${here}same=; index=; ${read}; [ "$index" = ${ifindex} ] && same=1`;
    this.#clause = atDeath(':', true);
  }

  get inside(): Words {
    return this.#netns === undefined ? [] : ['-n', this.#netns];
  }

  /** Remembers how to undo what is about to be done: before, so that a failure half-way is undone as well. */
  back(command: string): void {
    this.#back.unshift(command);
    this.#clause.change(this.script);
  }

  /** The same for what is done to the device itself. */
  backOnDevice(command: string): void {
    this.back(`[ -n "$same" ] && { ${command}; }`);
  }

  tc(words: Words): string {
    return shellCommand(['tc', ...this.inside, ...words]);
  }

  /** Runs a command of any kind within the namespace. */
  run(words: readonly string[]): { status: number | null; stdout: string } {
    const all = this.#netns === undefined ? words : ['ip', 'netns', 'exec', this.#netns, ...words];
    return spawnSync(all[0], all.slice(1), { encoding: 'utf8', env: TOOL_ENVIRONMENT });
  }

  exec(words: readonly string[]): string {
    return shellCommand(this.#netns === undefined ? words : ['ip', 'netns', 'exec', this.#netns, ...words]);
  }

  get script(): string {
    return [this.#head, ...this.#back].join('\n');
  }

  /** Goes all the way back. */
  undo(): void {
    spawnSync('sh', ['-c', this.script], { env: TOOL_ENVIRONMENT, stdio: 'ignore' });
    this.#clause.strike();
  }
}

function refuse(device: string, link: Link, netns: string | undefined): void {
  const address = link.addr_info.find((entry) => entry.scope === 'global');
  const isDefault = (family: 4 | 6) =>
    listRoutes(family, netns).some((route) => route.dst === 'default' && route.dev === device);
  const why =
    address !== undefined
      ? `it has the address ${address.local}`
      : isDefault(4) || isDefault(6)
        ? 'the default route leads through it'
        : undefined;
  if (why !== undefined) {
    throw new LinuxError({ code: 'E_DEVICE_IN_USE', call: 'joining', object: `device ${device}`, errno: why });
  }
}

function filters(step: Step, device: string): Filter[] {
  const text = runTool('tc', [...step.inside, '-j', 'filter', 'show', 'dev', device, 'ingress']).trim();
  return text === '' ? [] : (JSON.parse(text) as Filter[]);
}

/** Adds one direction: everything that `from` receives leaves by `to`. @param back where to write down the way back */
function redirect(step: Step, from: string, to: string, back: (command: string) => void): void {
  const qdiscs = JSON.parse(runTool('tc', [...step.inside, '-j', 'qdisc', 'show', 'dev', from])) as { kind: string }[];
  const show = (...side: string[]) => step.tc(['filter', 'show', 'dev', from, ...side]);
  if (!qdiscs.some(({ kind }) => kind === 'clsact' || kind === 'ingress')) {
    // Ours, unless somebody has put a filter beside ours meanwhile.
    back(`[ -n "$(${show('ingress')}; ${show('egress')})" ] || ${step.tc(['qdisc', 'del', 'dev', from, 'clsact'])}`);
    runTool('tc', step.inside, [['qdisc', 'add', 'dev', from, 'clsact']]);
  }
  const there = filters(step, from);
  // What a dead instance left, its watchdog killed too: a redirect whose device is gone, which the kernel shows as «*».
  const dead = new Set(
    there.filter(({ options }) => options?.actions?.some((action) => action.to_dev === '*')).map(({ pref }) => pref),
  );
  const remove = (pref: number): Words => ['filter', 'del', 'dev', from, 'ingress', 'pref', pref];
  if (dead.size > 0) runTool('tc', step.inside, [...dead].map(remove));
  let pref = FIRST_PREFERENCE;
  while (there.some((filter) => filter.pref === pref && !dead.has(pref))) pref++;
  // Somebody else may have taken the place once ours was gone.
  const ours = `*${shellWord(`Redirect to device ${to})`)}*|*'Redirect to device *)'*`;
  back(`case "$(${show('ingress', 'pref', String(pref))})" in ${ours}) ${step.tc(remove(pref))};; esac`);
  runTool('tc', step.inside, [
    `filter add dev ${from} ingress protocol all pref ${pref} u32 match u32 0 0`
      .split(' ')
      .concat(`action mirred egress redirect dev ${to}`.split(' ')),
  ]);
}

/** Large receive offload merges segments beyond repair for a switch; receivers' GRO keeps what is needed to take them apart. */
function lroOff(step: Step, device: string): void {
  const shown = step.run(['ethtool', '-k', device]);
  if (shown.status !== 0 || !/^large-receive-offload: on(?! \[fixed\])/m.test(shown.stdout)) return;
  step.backOnDevice(step.exec(['ethtool', '-K', device, 'lro', 'on']));
  step.run(['ethtool', '-K', device, 'lro', 'off']);
}

/** Without addresses of its own the kernel answers nothing on a joined device. Switching off takes them away: noted, given back. */
function ipv6Off(step: Step, device: string, link: Link, netns: string | undefined): void {
  const file = `/proc/sys/net/ipv6/conf/${device}/disable_ipv6`;
  if (step.run(['cat', file]).stdout.trim() !== '0') return;
  for (const { family, scope, local, prefixlen } of link.addr_info) {
    if (family !== 'inet6' || scope !== 'global') continue;
    step.backOnDevice(
      shellCommand(['ip', ...step.inside, 'addr', 'replace', `${local}/${prefixlen}`, 'dev', device, 'nodad']),
    );
  }
  step.backOnDevice(step.exec(['sh', '-c', `echo 0 > ${shellWord(file)}`]));
  setIpv6(device, false, netns);
}

/** @throws LinuxError; then all is as it was */
export function joinDevice(options: JoinOptions): Redirect {
  const { device, tap, netns } = options;
  const link = findLink(device, netns);
  if (link === undefined) throw linuxError('joining', `device ${device}`, Errno.ENODEV);
  if (options.force !== true) refuse(device, link, netns);
  const step = new Step(netns, device, link.ifindex);
  const onDevice = (command: string) => step.backOnDevice(command);
  let mtu = Math.min(link.mtu, TAP_MTU_MAX);
  try {
    const change = (words: Words, back: Words) => {
      onDevice(shellCommand(['ip', ...step.inside, 'link', 'set', 'dev', device, ...back]));
      ip(netns, [['link', 'set', 'dev', device, ...words]]);
    };
    ipv6Off(step, device, link, netns);
    setIpv6(tap, false, netns);
    lroOff(step, device);
    if (!link.flags.includes('PROMISC')) change(['promisc', 'on'], ['promisc', 'off']);
    if (!link.flags.includes('UP')) change(['up'], ['down']);
    setLink(tap, { mtu, up: true }, netns);
    redirect(step, tap, device, (command) => step.back(command));
    redirect(step, device, tap, onDevice);
  } catch (error) {
    step.undo();
    throw error;
  }
  let joined = true;
  return {
    device,
    tap,
    get mtu() {
      return mtu;
    },
    followMtu(now: number) {
      if (!joined || Math.min(now, TAP_MTU_MAX) === mtu) return;
      mtu = Math.min(now, TAP_MTU_MAX);
      setLink(tap, { mtu }, netns);
    },
    undo() {
      if (!joined) return;
      joined = false;
      step.undo();
    },
  };
}
