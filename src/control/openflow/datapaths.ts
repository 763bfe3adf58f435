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

/** What drives the datapaths of a switch: time, frames for controllers, links. */
export class Datapaths {
  readonly #running: Switch;
  readonly #timer: NodeJS.Timeout;
  readonly #channels = new Map<string, Channel>();
  #turning = false;

  constructor(running: Switch) {
    this.#running = running;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** The tenant's channel; undefined where nobody can connect. */
  channel({ model }: Tenant): Channel | undefined {
    return this.#channels.get(model.name);
  }

  /** @returns when the workers have all rules of the tenant, which they have been given, and controllers may come */
  async open({ model, datapath }: Tenant): Promise<void> {
    await datapath.barrier();
    const tell = (event: ChannelEvent) => this.#running.events.openflow(model.name, event);
    const channel = await openChannel(datapath, model.openflow, tell);
    if (channel !== null) this.#channels.set(model.name, channel);
  }

  /** Ends what is open for a tenant; its workers may go then. */
  async shut({ model, datapath }: Tenant): Promise<void> {
    const channel = this.#channels.get(model.name);
    this.#channels.delete(model.name);
    await channel?.close();
    datapath.close();
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
    for (const { datapath } of this.#running.tenants) datapath.tick();
    this.turn();
  }
}
