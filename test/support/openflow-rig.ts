import { Channel } from '../../src/openflow/channel/channel.ts';
import type { ChannelOptions } from '../../src/openflow/channel/options.ts';
import { createRulesImage } from '../../src/openflow/datapath/counters.ts';
import { Datapath } from '../../src/openflow/datapath/datapath.ts';
import { type RulesImage, Shared } from '../../src/path/rules/log.ts';
import { RuleStore } from '../../src/path/rules/store.ts';

/** A datapath without a switch: what workers would carry out is carried out on this thread, when it is told that there is something. */
export class OpenFlowRig {
  readonly image: RulesImage;
  readonly datapath: Datapath;
  readonly store: RuleStore;
  nowMs = 1000;

  constructor({ ports = [1, 2], mostRules = 200_000 } = {}) {
    this.image = createRulesImage(1);
    this.store = new RuleStore(this.image.workers[0]);
    // As a worker that always has frames in hand: it has to be asked.
    new Int32Array(this.image.workers[0].words)[Shared.Looking] = 1;
    const host = {
      nowMs: () => this.nowMs,
      wake: () => this.drain(),
      portCounts: (row: number) => ({ rxPackets: row, rxBytes: row * 100, txPackets: 0, txBytes: 0, rxDropped: 0 }),
    };
    this.datapath = new Datapath(1n, 'red', this.image, host, mostRules);
    for (const number of ports) {
      const address = Uint8Array.of(2, 0, 0, 0, 0, number);
      const port = { number, name: `p${number}`, address, row: number - 1, up: true, config: 0, createdMs: 0 };
      this.datapath.addPort(port);
    }
  }

  /** Packet-outs, by the port that they count as having come in by. */
  readonly packetOuts: number[] = [];

  address(number: number): Uint8Array {
    return this.datapath.ports.get(number)?.address ?? new Uint8Array(6);
  }

  drain(): void {
    const sink = { packetOut: (words: Int32Array, at: number) => this.packetOuts.push(words[at + 1]) };
    while (this.store.apply(1000, sink) > 0);
  }

  /** Started; with listeners on free ports of 127.0.0.1 the number is in `ports`. */
  async channel(options: Partial<ChannelOptions> = {}): Promise<Channel> {
    const channel = new Channel({
      datapath: this.datapath,
      ...{ listen: [], controllers: [], failMode: 'secure' },
      ...options,
    });
    await channel.start();
    return channel;
  }
}
