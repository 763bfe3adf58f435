import { isDeepStrictEqual } from 'node:util';
import type { Link } from '../../../native-free/links.ts';
import type { Channel } from '../../openflow/channel/channel.ts';
import type { ChannelEvent } from '../../openflow/channel/options.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import type { Switch } from '../switch.ts';
import { openChannel } from './channels.ts';

/** Time-outs of rules are looked at so often. */
const TICK_MS = 250;
/** Frames for controllers that are taken from a worker before other things get their turn. */
const MOST_PACKET_INS = 256;

/** What is open for a tenant. */
interface Open {
  /** The part of the model that it is as. */
  readonly asked: object;
  readonly channel: Channel | null;
  /** Why it could not be opened. */
  readonly failure?: string;
}

/** What drives the datapaths of a switch: time, frames for controllers, links. */
export class Datapaths {
  readonly #running: Switch;
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Map<string, Open>();
  /** What is being opened or shut, by tenant: one thing after the other. */
  readonly #work = new Map<string, Promise<void>>();
  readonly #gone = new WeakSet<Tenant>();
  #turning = false;

  constructor(running: Switch) {
    this.#running = running;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** The tenant's channel; undefined where nobody can connect. */
  channel({ model }: Tenant): Channel | undefined {
    return this.#open.get(model.name)?.channel ?? undefined;
  }

  /**
   * Opens what is not open, and opens anew what the model says otherwise.
   * @returns when the workers have all rules of the tenant, which they have been given, and controllers may come
   * @throws UserError where an address cannot be listened at while the switch starts; later that is told as an event, and tried again
   */
  open(tenant: Tenant): Promise<void> {
    return this.#afterOthers(tenant, () => this.#reopen(tenant));
  }

  async #reopen(tenant: Tenant): Promise<void> {
    const { model, datapath } = tenant;
    await datapath.barrier();
    if (this.#gone.has(tenant)) return;
    const { flows: _, groups: __, meters: ___, queues: ____, ...asked } = model.openflow;
    const known = this.#open.get(model.name);
    if (known !== undefined && known.channel !== null && isDeepStrictEqual(known.asked, asked)) return;
    if (known !== undefined) {
      this.#open.delete(model.name);
      await known.channel?.close();
      datapath.standalone = false;
    }
    const tell = (event: ChannelEvent) => this.#running.events.openflow(model.name, event);
    try {
      this.#open.set(model.name, { asked, channel: await openChannel(datapath, model.openflow, tell) });
    } catch (error) {
      if (!this.#running.started) throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (known?.failure !== message)
        this.#running.events.add({ type: 'trouble', message: `openflow of ${model.name}: ${message}` });
      this.#open.set(model.name, { asked, channel: null, failure: message });
    }
  }

  /** Ends what is open for a tenant; its workers may go then. */
  shut(tenant: Tenant): Promise<void> {
    this.#gone.add(tenant);
    // Who is opening it may be waiting for workers that will not answer.
    if (this.#work.has(tenant.model.name)) tenant.datapath.close();
    return this.#afterOthers(tenant, async () => {
      const { model, datapath } = tenant;
      const known = this.#open.get(model.name);
      this.#open.delete(model.name);
      await known?.channel?.close();
      datapath.close();
    });
  }

  /** Does something for a tenant when what was begun before for its name is done, so that no two open the same address. */
  #afterOthers({ model: { name } }: Tenant, act: () => Promise<void>): Promise<void> {
    const done = (this.#work.get(name) ?? Promise.resolve()).then(act);
    const kept = done.catch(() => undefined);
    this.#work.set(name, kept);
    void kept.then(() => {
      if (this.#work.get(name) === kept) this.#work.delete(name);
    });
    return done;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running.tenants.map((tenant) => this.shut(tenant)));
  }

  /** Reads what workers have for controllers, some of it at a time. */
  turn(): void {
    let more = false;
    for (const { datapath } of this.#running.tenants) more = datapath.readPacketIns(MOST_PACKET_INS) || more;
    if (!more || this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      this.turn();
    });
  }

  /** The link of a device has gone up or down. */
  linkChanged(device: number): void {
    const up = this.#running.isUp(device);
    for (const { tenant, number } of this.#portsOn(device)) tenant.datapath.portChanged(number, up);
  }

  /** A device as the kernel has it. */
  linkSeen(netns: string | undefined, link: Link | undefined): void {
    if (link?.address === undefined) return;
    const address = Uint8Array.from(Buffer.from(link.address.replaceAll(':', ''), 'hex'));
    if (address.length !== 6) return;
    for (const { index, open } of this.#running.devices.all) {
      if (open.link?.name !== link.ifname || open.link.netns !== netns) continue;
      for (const { tenant, number } of this.#portsOn(index)) tenant.datapath.portAddress(number, address);
    }
  }

  /** Ports of tenants that a device carries; several for an uplink. */
  *#portsOn(device: number): Generator<{ readonly tenant: Tenant; readonly number: number }> {
    for (const tenant of this.#running.tenants)
      for (const { number, row } of tenant.datapath.ports.values())
        if (tenant.attachments[row]?.device === device) yield { tenant, number };
  }

  #tick(): void {
    for (const tenant of this.#running.tenants) {
      tenant.datapath.tick();
      const { name } = tenant.model;
      if (this.#open.get(name)?.failure !== undefined && !this.#work.has(name)) void this.open(tenant);
    }
    this.turn();
  }
}
