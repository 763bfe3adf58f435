import type { ToWorker } from '../worker/messages.ts';

type Message<Type extends ToWorker['type']> = Extract<ToWorker, { type: Type }>;

/** What a worker has been told that still holds: what another must be told to be as it was. */
export class Told {
  readonly #devices = new Map<number, Message<'add-device'>>();
  readonly #tenants = new Map<number, Message<'set-tenant'>>();
  /** By device, then by outer VLAN. */
  readonly #assigned = new Map<number, Map<number, Message<'assign'>>>();
  /** Captures and live traces. */
  readonly #taps = new Map<number, Message<'capture' | 'trace'>>();
  /** Where the times of stages are counted, by tenant. */
  readonly #times = new Map<number, Message<'time'>>();
  #cache: Message<'cache'> | null = null;

  note(message: ToWorker): void {
    switch (message.type) {
      case 'add-device':
        this.#devices.set(message.index, message);
        break;
      case 'remove-device':
        this.#devices.delete(message.index);
        this.#assigned.delete(message.index);
        break;
      case 'assign':
        this.#assign(message);
        break;
      case 'set-tenant':
        this.#tenants.set(message.image.index, message);
        break;
      case 'remove-tenant':
        this.#tenants.delete(message.index);
        this.#times.delete(message.index);
        for (const [id, { tenant }] of this.#taps) if (tenant === message.index) this.#taps.delete(id);
        break;
      case 'capture':
      case 'trace':
        this.#taps.set(message.order.id, message);
        break;
      case 'release':
        this.#taps.delete(message.id);
        break;
      case 'time':
        if (message.memory === null) this.#times.delete(message.tenant);
        else this.#times.set(message.tenant, message);
        break;
      case 'cache':
        this.#cache = message;
        break;
      default:
    }
  }

  #assign(message: Message<'assign'>): void {
    const vlans = this.#assigned.get(message.index) ?? new Map<number, Message<'assign'>>();
    if (message.tenant === 0) vlans.delete(message.vid);
    else vlans.set(message.vid, message);
    this.#assigned.set(message.index, vlans);
  }

  /** Indices of its tenants. */
  get tenants(): readonly number[] {
    return [...this.#tenants.keys()];
  }

  /** Tenants first, since they book what other workers have left for their devices; devices are nobody's yet, and so not read. */
  get world(): readonly ToWorker[] {
    const cache = this.#cache === null ? [] : [this.#cache];
    const devices = [...this.#devices.values()].map(resumed);
    return [...cache, ...this.#tenants.values(), ...this.#taps.values(), ...this.#times.values(), ...devices];
  }

  /** Whose the devices are: said once tenants have their rules. */
  get assignments(): readonly ToWorker[] {
    return [...this.#assigned.values()].flatMap((vlans) => [...vlans.values()]);
  }
}

/** A capture file is gone on with; one that was read, and how far is not known, is read again only if that would have gone on for ever. */
function resumed(message: Message<'add-device'>): Message<'add-device'> {
  const { spec } = message;
  if (spec.kind !== 'pcap') return message;
  return { ...message, spec: { ...spec, append: true, read: spec.loops === null ? spec.read : null } };
}
