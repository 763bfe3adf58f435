import { BundleError, refuseBundle } from '../codec/errors.ts';
import { BundleControl, HEADER_LENGTH, type Message, VERSION } from '../codec/messages.ts';
import { MessageLog } from './message-log.ts';
import type { ChannelLimits } from './options.ts';

/** Types of messages that may be in a bundle: flow-mod, group-mod, port-mod, table-mod, meter-mod, packet-out. */
const BUNDLED: ReadonlySet<number> = new Set([13, 14, 15, 16, 17, 29]);

interface Bundle {
  readonly flags: number;
  closed: boolean;
  readonly messages: MessageLog;
}

type ControlMessage = Extract<Message, { type: 'bundle_control' }>;
type AddMessage = Extract<Message, { type: 'bundle_add' }>;

/**
 * The bundles of one connection: messages that are kept, to be carried out together when it says so. All of them go with it.
 * Source: ONF extension 230 of OpenFlow 1.3; OpenFlow 1.4, section 6.8, for what it leaves open.
 */
export class Bundles {
  readonly #limits: ChannelLimits;
  readonly #open = new Map<number, Bundle>();
  #count = 0;
  #bytes = 0;

  constructor(limits: ChannelLimits) {
    this.#limits = limits;
  }

  /**
   * @returns the messages of a bundle that is to be committed, which is none any more; null when there is nothing to carry out
   * @throws OpenFlowError
   */
  control({ bundle: id, control, flags }: ControlMessage): MessageLog | null {
    if (control === BundleControl.OpenRequest) {
      this.#make(id, flags);
      return null;
    }
    if (
      ![BundleControl.CloseRequest, BundleControl.CommitRequest, BundleControl.DiscardRequest].some(
        (one) => one === control,
      )
    )
      throw refuseBundle(BundleError.BadType, `a bundle cannot be told ${control}`);
    const bundle = this.#open.get(id);
    if (bundle === undefined) throw refuseBundle(BundleError.BadId, `there is no bundle ${id}`);
    if (control === BundleControl.DiscardRequest) {
      this.#forget(id, bundle);
      return null;
    }
    if (bundle.flags !== flags) {
      this.#forget(id, bundle);
      throw refuseBundle(BundleError.BadFlags, `bundle ${id} was opened with other flags`);
    }
    if (control === BundleControl.CloseRequest) {
      if (bundle.closed) {
        this.#forget(id, bundle);
        throw refuseBundle(BundleError.BundleClosed, `bundle ${id} is closed already`);
      }
      bundle.closed = true;
      return null;
    }
    this.#forget(id, bundle);
    return bundle.messages;
  }

  /** @param xid of the message that adds: that of the added one is the same @throws OpenFlowError */
  add({ bundle: id, flags, message }: AddMessage, xid: number): void {
    const bundle = this.#open.get(id) ?? this.#make(id, flags);
    if (bundle.closed) throw refuseBundle(BundleError.BundleClosed, `bundle ${id} is closed`);
    if (bundle.flags !== flags) throw refuseBundle(BundleError.BadFlags, `bundle ${id} was opened with other flags`);
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    if (message[0] !== VERSION || !BUNDLED.has(message[1]))
      throw refuseBundle(BundleError.MsgUnsup, `messages of type ${message[1]} are not bundled`);
    if (view.getUint32(4) !== xid) throw refuseBundle(BundleError.MsgBadXid, 'the message has a number of its own');
    if (message.length < HEADER_LENGTH) throw refuseBundle(BundleError.MsgBadLen, 'the message is cut short');
    const { bundleMessages, bundleBytes } = this.#limits;
    if (this.#count >= bundleMessages || this.#bytes + message.length > bundleBytes)
      throw refuseBundle(BundleError.MsgTooMany, `a connection may bundle ${bundleMessages} messages`);
    bundle.messages.push(message);
    this.#count++;
    this.#bytes += message.length;
  }

  #make(id: number, flags: number): Bundle {
    const old = this.#open.get(id);
    if (old !== undefined) {
      this.#forget(id, old);
      throw refuseBundle(BundleError.BadId, `there is a bundle ${id} already`);
    }
    if ((flags & ~3) !== 0) throw refuseBundle(BundleError.BadFlags, `nobody knows the flags ${flags} of bundles`);
    if (this.#open.size >= this.#limits.bundles)
      throw refuseBundle(BundleError.OutOfBundles, `a connection may have ${this.#limits.bundles} bundles`);
    const bundle = { flags, closed: false, messages: new MessageLog() };
    this.#open.set(id, bundle);
    return bundle;
  }

  #forget(id: number, { messages }: Bundle): void {
    this.#open.delete(id);
    this.#count -= messages.count;
    this.#bytes -= messages.size;
  }
}
