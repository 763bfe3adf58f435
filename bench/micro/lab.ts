import { packFrames, Replay } from '../../src/bench/frames.ts';
import { parseConfig } from '../../src/control/config/load.ts';
import { Ledger } from '../../src/observe/ledger.ts';
import { WorkCount } from '../../src/path/image.ts';
import { ReplayPort } from '../../src/port/replay-port.ts';
import { SlowPath } from '../../src/slow/slow-path.ts';
import { Epochs } from '../../src/table/epoch.ts';
import { SharedBuckets } from '../../src/table/shared-buckets.ts';
import { Policers } from '../../src/tenant/policers.ts';
import { Tenant } from '../../src/tenant/tenant.ts';
import { Engine } from '../../src/worker/engine.ts';

const MOST_TURNS = 100_000;

/**
 * A worker's engine with one tenant, in this thread: its first port receives frames from memory, over and over, and what leaves is
 * counted and discarded. Ten microseconds pass a turn.
 */
export class Lab {
  readonly #engine: Engine;
  readonly #replays: readonly Replay[];
  readonly #work: Float64Array;
  #nowUs = 1_000_000;

  /** @param yaml configuration of one tenant, whose ports are memory ports and whose neighbours and MACs are static */
  constructor(yaml: string, frames: readonly Uint8Array[]) {
    const { model } = parseConfig(yaml, 'bench.yaml');
    if (model === undefined) throw new Error('the configuration of the benchmark has errors');
    const [tenant] = model.tenants;
    const { ports } = tenant.bridge;
    const buckets = SharedBuckets.create(64);
    const epochs = Epochs.create(1);
    const clock = (into: Float64Array) => {
      into[0] = this.#nowUs;
    };
    const engine = new Engine({
      ...{ worker: 0, heads: 4096, bodies: 64, tenants: 2, devices: ports.length, buckets, epochs, clock },
      linkUp: new Int32Array(new SharedArrayBuffer(4 * ports.length)).fill(1),
      uplinks: new Ledger(1),
      ring: () => {},
    });
    const made = new Tenant(
      {
        ...{ model: tenant, index: 1, workers: 1, epochs, policers: new Policers(buckets, () => this.#nowUs) },
        attachments: ports.map((_, device) => ({ device, outerVlan: 0, outerTpid: 0 })),
        indexOf: () => -1,
        clock: { nowMs: () => this.#nowUs / 1000, wake: () => {} },
      },
      null,
    );
    const slow = made.slow(
      () => {},
      () => {},
    );
    new SlowPath().addTenant(slow, this.#nowUs / 1000);
    engine.tenants.set(made.image);
    this.#replays = ports.map(({ name }, device) => {
      const replay = new Replay(packFrames(device === 0 ? frames : []));
      engine.devices.add(device, new ReplayPort(name, replay.handles, engine.pool, engine.tenants, clock), null);
      engine.devices.assign(device, 0, 1, made.ports.of(name));
      return replay;
    });
    this.#engine = engine;
    this.#work = made.work[0];
  }

  /** Turns the flow cache off, so that the stages decide every frame, or on again. */
  set cached(on: boolean) {
    this.#engine.tenants.setCache(on);
  }

  /** Frames that the flow cache has decided since the start. */
  get decided(): number {
    return this.#work[WorkCount.Decided];
  }

  /** Lets so many frames in. @returns how many have left */
  pass(frames: number): number {
    const before = this.#transmitted();
    this.#replays[0].left = frames;
    for (let turn = 0; turn < MOST_TURNS && this.#replays[0].left > 0; turn++) {
      this.#engine.turn(false);
      this.#nowUs += 10;
    }
    return this.#transmitted() - before;
  }

  /** Lets so many frames in. @returns what tells whether the same frames have left */
  digest(frames: number): number {
    const digest = () => this.#replays.reduce((sum, replay) => sum + replay.digest, 0);
    const before = digest();
    for (const replay of this.#replays) replay.digesting = true;
    this.pass(frames);
    for (const replay of this.#replays) replay.digesting = false;
    return digest() - before;
  }

  #transmitted(): number {
    return this.#replays.reduce((sum, replay) => sum + replay.transmitted, 0);
  }
}
