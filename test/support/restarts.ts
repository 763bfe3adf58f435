import { setTimeout as sleep } from 'node:timers/promises';
import { ping } from '../../src/lab/reach.ts';
import { Socket, SocketOption } from '../../src/lab/traffic/sockets.ts';
import { Controller, freePort } from './controller.ts';
import { allowEcho } from './hosts.ts';
import { eventually, own, SwitchProcess } from './switch-process.ts';

const never = new AbortController().signal;

/** A UDP stream of numbered datagrams, a fixed number a second by the clock: what of it came, and in which order. */
export class PacedStream {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #timer: NodeJS.Timeout;
  readonly #start = performance.now();
  readonly #pps: number;
  /** How often each number came. */
  readonly #came: number[] = [];
  #highest = -1;
  sent = 0;
  overtaken = 0;
  doubled = 0;

  constructor(from: string, to: { readonly netns: string; readonly address: string }, pps: number) {
    this.#pps = pps;
    this.#to = new Socket('udp', 4, to.netns);
    this.#to.set(SocketOption.ReceiveBufferForce, 4 << 20);
    this.#to.bind('0.0.0.0', 9999);
    this.#from = new Socket('udp', 4, from);
    this.#from.connect(to.address, 9999);
    this.#timer = setInterval(() => this.#turn(), 1);
  }

  /** Of those numbered from `from` to before `to`: how many have not come. */
  lost(from: number, to: number = this.sent): number {
    let lost = 0;
    for (let n = from; n < to; n++) if (this.#came[n] === undefined) lost++;
    return lost;
  }

  /** Waits until the latest have had the time to come: so many more were sent and one of them came. @returns the number that they begin with */
  async settled(): Promise<number> {
    const from = this.sent;
    await eventually('the stream goes on', () => this.sent >= from + 20 && this.#highest >= from + 10);
    return from;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#from.close();
    this.#to.close();
  }

  #turn(): void {
    const due = ((performance.now() - this.#start) / 1000) * this.#pps;
    const bytes = new Uint8Array(64);
    for (let burst = 0; this.sent < due && burst < 64; burst++) {
      new DataView(bytes.buffer).setUint32(0, this.sent++);
      this.#from.send(bytes);
    }
    for (let got = this.#to.receive(); typeof got !== 'number'; got = this.#to.receive()) {
      const number = new DataView(got.buffer, got.byteOffset).getUint32(0);
      if (this.#came[number] !== undefined) this.doubled++;
      else if (number < this.#highest) this.overtaken++;
      this.#came[number] = (this.#came[number] ?? 0) + 1;
      this.#highest = Math.max(this.#highest, number);
    }
  }
}

export interface RestartOptions {
  readonly hosts: number;
  readonly rounds: number;
  readonly failMode: 'standalone' | 'secure';
  readonly controller: 'ovs' | 'learning';
  readonly pps: number;
}

export interface Round {
  /** Datagrams lost while no controller was there, after the switch had said so; and from its return until the stream went on. */
  readonly lostAway: number;
  readonly lostAround: number;
  /** Milliseconds from the controller's death until the switch knew of it, and from its new process until it was connected. */
  readonly noticedMs: number;
  readonly connectedMs: number;
  /** Milliseconds until a flow that no rule knows passed. */
  readonly readyMs: number;
  /** Echoes between two hosts that had not spoken with each other, while no controller was there: of 2. */
  readonly newFlow: number;
  /** Pings of all pairs afterwards. */
  readonly pings: number;
  readonly answers: number;
}

export interface Restarts {
  readonly rounds: readonly Round[];
  readonly sent: number;
  readonly lost: number;
  readonly overtaken: number;
  readonly doubled: number;
}

/**
 * Kills the only controller of a switch between real namespaces and starts it again, time after time, under a stream between the first
 * two hosts. The last two hosts speak with each other only while there is no controller, and in the pings of all pairs; their rules are deleted before.
 */
export async function measureRestarts({ hosts, rounds, failMode, controller, pps }: RestartOptions): Promise<Restarts> {
  const names = Array.from({ length: hosts }, (_, i) => own(`r${i + 1}`));
  const address = (host: number) => `10.0.0.${host + 1}`;
  const port = await freePort();
  const begin = () => (controller === 'ovs' ? Controller.ovs(port) : Controller.osken('learning', port));
  let process = begin();
  const running = await SwitchProcess.started(`version: 1
tenants:
  red:
    bridge:
      ports:
${names.map((name, i) => `        h${i + 1}: {tap: ${name}, netns: ${name}, mac: '02:00:00:00:00:0${i + 1}', address: ${address(i)}/24}`).join('\n')}
    openflow: {dpid: 1, controllers: ['tcp:127.0.0.1:${port}'], fail_mode: ${failMode}}
`);
  let stream: PacedStream | undefined;
  const states = async () => (await running.show('openflow')).map(({ state }) => String(state));
  const connected = () =>
    eventually(`a controller; ${process.output}`, async () => (await states()).includes('connected'), 60_000);
  const echo = (from: number, to: number, timeoutMs: number) =>
    ping(names[from]!, address(to), { echo: true, count: 2, timeoutMs, signal: never });
  try {
    for (const name of names) allowEcho(name);
    await connected();
    await echo(0, 1, 5000);
    await echo(hosts - 2, hosts - 1, 5000);
    stream = new PacedStream(names[0]!, { netns: names[1]!, address: address(1) }, pps);
    await stream.settled();
    const first = stream.sent;
    const done: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      // Nothing is known of the last host's way but its address.
      await running.call('change', {
        ...{ tenant: 'red', kind: 'flows', command: 'del', strict: false, source: 'test' },
        text: `dl_dst=02:00:00:00:00:0${hosts}\ndl_src=02:00:00:00:00:0${hosts}`,
      });
      const killed = performance.now();
      await process.kill();
      await eventually('that it is gone', async () => {
        const now = await states();
        return failMode === 'standalone' ? now.includes('standalone') : !now.includes('connected');
      });
      const noticedMs = performance.now() - killed;
      const away = stream.sent;
      const { received: newFlow } = await echo(hosts - 2, hosts - 1, failMode === 'standalone' ? 5000 : 200);
      await sleep(200);
      const back = stream.sent;
      await stream.settled();
      const lostAway = stream.lost(away, back);
      const started = performance.now();
      process = begin();
      await connected();
      const connectedMs = performance.now() - started;
      // It may not yet look at what it is given: it is there when a new flow passes.
      await eventually('a new flow', async () => (await echo(hosts - 1, 0, 1000)).received === 2);
      const readyMs = performance.now() - started;
      const on = await stream.settled();
      const lostAround = stream.lost(back, on);
      let pings = 0;
      let answers = 0;
      for (let from = 0; from < hosts; from++)
        for (let to = 0; to < hosts; to++) {
          if (from === to) continue;
          const { sent, received } = await echo(from, to, 5000);
          pings += sent;
          answers += received;
        }
      done.push({ lostAway, lostAround, noticedMs, connectedMs, readyMs, newFlow, pings, answers });
    }
    const last = await stream.settled();
    const { overtaken, doubled } = stream;
    return { rounds: done, sent: last - first, lost: stream.lost(first, last), overtaken, doubled };
  } finally {
    stream?.close();
    await process.kill();
    await running.stop();
  }
}

/** @returns what speaks against the documented behaviour; empty when nothing does */
export function faultsOf({ rounds, doubled }: Restarts, failMode: 'standalone' | 'secure'): string[] {
  const faults: string[] = [];
  for (const [i, { lostAway, newFlow, pings, answers }] of rounds.entries()) {
    const say = (text: string) => faults.push(`round ${i + 1}: ${text}`);
    if (lostAway > 0) say(`${lostAway} of a known flow lost without a controller`);
    if (newFlow !== (failMode === 'standalone' ? 2 : 0)) say(`${newFlow} of 2 pings of a new flow came back`);
    if (answers !== pings) say(`${pings - answers} of ${pings} pings lost with the controller back`);
  }
  if (doubled > 0) faults.push(`${doubled} delivered twice`);
  return faults;
}
