import { setTimeout as sleep } from 'node:timers/promises';
import { views } from '../control/show.ts';
import { Switch } from '../control/switch.ts';
import { prefixOf, readModel } from './plan.ts';
import { Program } from './program.ts';

export interface OrderOptions {
  /** Ends when so many have been delivered. */
  readonly frames: number;
  readonly flows: number;
  /** How the switch reads its TAPs; null: the best there is. */
  readonly io: 'uring' | 'poll' | null;
  /** `bridge`: within a VLAN; `router`: from VLAN to VLAN. */
  readonly through: 'bridge' | 'router';
  /** Offered frames a second; 0: as fast as the sender can. */
  readonly pps: number;
  /** Tells this run's datagrams from all others, and so decides every byte of them. */
  readonly seed: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

export interface OrderResult {
  readonly io: string;
  readonly sent: number;
  readonly superFrames: number;
  readonly delivered: number;
  /** Sent before the last one that came, and not delivered: dropped by the switch, or in a queue before or behind it. */
  readonly lost: number;
  readonly outOfOrder: number;
  readonly duplicated: number;
  readonly corrupt: number;
  /** Dropped by the switch, with a reason; other losses are those of full queues in the kernel. */
  readonly switchDrops: number;
  /** Of the lost ones, those that the receiving socket dropped. */
  readonly socketDrops: number;
  readonly seconds: number;
  readonly pps: number;
  /** The TCP stream beside. */
  readonly gbits: number;
}

const SUPER_EVERY = 4;

/**
 * Sends numbered frames in many flows from one namespace to another through a switch of our own, every fourth send a super-frame,
 * a TCP stream beside them, and looks at the order in which they come. Leaves nothing behind.
 */
export async function measureOrder(options: OrderOptions): Promise<OrderResult> {
  const { flows, seed, seconds, pps, signal } = options;
  const prefix = `${prefixOf(process.pid)}-order`;
  const from = `${prefix}-a`;
  const to = `${prefix}-b`;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const running = await Switch.start(readModel(config(prefix, options.through), 'order test'), {
    io: options.io,
    onFailure: (error) => failed.reject(error),
  });
  const programs: Program[] = [];
  const start = (
    netns: string,
    ...rest: [ConstructorParameters<typeof Program>[1], Record<string, string | number>]
  ) => {
    const program = new Program(netns, ...rest);
    programs.push(program);
    return program;
  };
  const end = () => failed.reject(signal.reason);
  signal.addEventListener('abort', end);
  try {
    const address = options.through === 'bridge' ? '10.8.1.2' : '10.8.2.2';
    const sink = start(to, 'udp-sink', { flows, frames: options.frames, run: seed, seconds, idle: 5 });
    const stream = start(to, 'tcp-send', { seconds });
    await Promise.race([Promise.all([sink.next(), stream.next()]), failed.promise]);
    const receiver = start(from, 'tcp-receive', { from: address, seconds: seconds + 5 });
    // The stream first, so that neighbours are known and its super-frames are on their way.
    await sleep(200);
    const flood = start(from, 'udp-flood', { to: address, flows, pps, seconds, run: seed, super: SUPER_EVERY });
    const report = await Promise.race([sink.report(), failed.promise]);
    flood.stop();
    receiver.stop();
    const drops = await views.drops(running, {});
    const [sent, tcp] = await Promise.race([Promise.all([flood.report(), receiver.report()]), failed.promise]);
    return {
      io: running.workers.map(({ io }) => io).join(','),
      sent: Number(sent['sent']),
      superFrames: Number(sent['superFrames']),
      delivered: Number(report['received']),
      lost: Number(report['lost']),
      outOfOrder: Number(report['outOfOrder']),
      duplicated: Number(report['duplicated']),
      corrupt: Number(report['corrupt']),
      switchDrops: drops.reduce((sum, { frames }) => sum + Number(frames), 0),
      socketDrops: Number(report['socketDrops']),
      seconds: Number(report['seconds']),
      pps: Number(report['pps']),
      gbits: Number(tcp['gbits']),
    };
  } finally {
    signal.removeEventListener('abort', end);
    await Promise.all(programs.map((program) => program.kill()));
    await running.stop();
  }
}

/** Two hosts, and a router with an ACL to pass where they are in different VLANs. */
function config(prefix: string, through: OrderOptions['through']): string {
  const second = through === 'bridge' ? 1 : 2;
  return `version: 1
tenants:
  order:
    bridge:
      ports:
        a: {tap: order-a, netns: ${prefix}-a, vlan: 1, address: 10.8.1.1/24, gateway: 10.8.1.254}
        b: {tap: order-b, netns: ${prefix}-b, vlan: ${second}, address: 10.8.${second}.2/24, gateway: 10.8.${second}.254}
    router:
      interfaces:
        one: {vlan: 1, addresses: [10.8.1.254/24]}
        two: {vlan: 2, addresses: [10.8.2.254/24]}
    acls:
      all:
        rules:
          - {deny: {proto: tcp, dport: 22}}
          - {allow: any}
        ingress: [a, b]
`;
}

/** @returns what speaks against the claim that order holds; empty when it does */
export function disorders(result: OrderResult, frames: number): string[] {
  const { delivered, outOfOrder, duplicated, corrupt, superFrames, gbits } = result;
  const wrong: string[] = [];
  if (outOfOrder > 0) wrong.push(`${outOfOrder} out of order`);
  if (duplicated > 0) wrong.push(`${duplicated} delivered twice`);
  if (corrupt > 0) wrong.push(`${corrupt} with other bytes than were sent`);
  if (delivered < frames) wrong.push(`${delivered} delivered, not ${frames}`);
  if (superFrames === 0) wrong.push('no super-frame was sent');
  if (gbits === 0) wrong.push('the TCP stream beside stood still');
  return wrong;
}
