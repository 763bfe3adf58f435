/**
 * Tapyard in a program or a test: a switch with tenants, in this process.
 *
 * ```ts
 * import { Tapyard } from 'tapyard';
 *
 * await using lab = await Tapyard.start({
 *   version: 1,
 *   tenants: { red: { bridge: { ports: { a: { memory: true }, b: { memory: true } } } } },
 * });
 * const [a, b] = [lab.port('red', 'a'), lab.port('red', 'b')];
 * a.send(frame);
 * for await (const received of b) break;
 * ```
 *
 * It needs the Node that Tapyard pins, whose `node:ffi` reaches Linux: `npx node`, or `node_modules/.bin/node`, in a project that has
 * the package; any other is told by an error with the code `wrong-node`. Memory ports need no privilege.
 *
 * @packageDocumentation
 */

export { type ErrorCode as LinuxErrorCode, type Failure, LinuxError } from '../../native-free/errors.ts';
export type { LinkState } from '../../native-free/watch.ts';
export type { ConfigInput } from '../control/config/schema.ts';
export type { LinkChange, OpenFlowEvent, QuotaEvent, SwitchEvent, TimedEvent } from '../control/events.ts';
export type { Edit } from '../control/running/edits.ts';
export type { PlannedChange } from '../control/running/plan.ts';
export type { Row, ViewName } from '../control/show.ts';
export type { Step } from '../control/trace/narrator.ts';
export type { Trace } from '../control/trace/tracer.ts';
export { type Diagnostic, type ErrorCode, type ErrorKind, errorCodes, type Place, UserError } from '../errors.ts';
export type { Json } from '../json.ts';
export type { ChannelEvent } from '../openflow/channel/options.ts';
export type { QemuNews } from '../port/qemu-port.ts';
export type { SlowEvent, SlowEventBody } from '../slow/events.ts';
export type { Address, Family } from '../wire/address.ts';
export {
  type AddressLike,
  type Arp,
  type Frame as FrameLayers,
  frame as buildFrame,
  type Ipv4,
  type Ipv6,
  type MacLike,
  type Tag,
  type Tcp,
} from '../wire/build-frame.ts';
export type { Mac } from '../wire/ethernet.ts';
export type { BatchOptions, Cable, NextOptions, WaitOptions } from './cable.ts';
export type { RuleOptions, Rules } from './rules.ts';
export { type StartOptions, Tapyard } from './tapyard.ts';
export type { TenantHandle } from './tenant.ts';
