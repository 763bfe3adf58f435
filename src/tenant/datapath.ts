import type { OpenFlowModel, TenantModel } from '../control/config/model.ts';
import { numberPorts } from '../control/config/port-numbers.ts';
import { DROP_COUNT } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import { configure, type RuleFault, type RuleTexts } from '../openflow/configured.ts';
import { Datapath } from '../openflow/datapath/datapath.ts';
import type { PortCounts } from '../openflow/datapath/host.ts';
import type { RulesImage } from '../path/rules/log.ts';
import type { Numbers } from './numbers.ts';

/** What a datapath needs of the workers. */
export interface DatapathClock {
  /** Milliseconds of the workers' clock. */
  readonly nowMs: () => number;
  readonly wake: (worker: number) => void;
}

/** Makes a tenant's datapath with its ports, which count as up, and what the configuration says. */
export function openDatapath(
  model: TenantModel,
  rules: RulesImage,
  ledgers: readonly Ledger[],
  rows: Numbers,
  { nowMs, wake }: DatapathClock,
): Datapath {
  const { name, openflow, quota } = model;
  const host = { nowMs, wake, portCounts: (row: number) => portCounts(ledgers, row) };
  const made = new Datapath(idOf(openflow), name, rules, host, quota.rules);
  for (const [port, number] of numberPorts(model.bridge.ports))
    addPort(made, port, number, rows.of(port), openflow.dpid, nowMs());
  const faults = configureDatapath(made, openflow);
  // They were tried when the file was read.
  if (faults.length > 0) throw new Error(`rules of ${name}: ${faults[0].message}`);
  return made;
}

function idOf({ dpid }: OpenFlowModel): bigint {
  return BigInt(`0x${dpid}`);
}

/** Takes those ports away that the model has no more, or under another number. */
export function removePorts(datapath: Datapath, model: TenantModel): void {
  const wanted = numbersFor(datapath, model);
  for (const { name, number } of [...datapath.ports.values()])
    if (wanted.get(name) !== number) datapath.removePort(number);
}

/** Adds the ports of the model that are not there, and makes the rules of the configuration those of the model. */
export function changeDatapath(datapath: Datapath, model: TenantModel, rows: Numbers, nowMs: number): RuleFault[] {
  datapath.id = idOf(model.openflow);
  datapath.mostRules = model.quota.rules;
  for (const [port, number] of numbersFor(datapath, model)) {
    if (!datapath.ports.has(number)) addPort(datapath, port, number, rows.of(port), model.openflow.dpid, nowMs);
  }
  return configureDatapath(datapath, model.openflow);
}

/** Ports that are there keep their numbers. */
function numbersFor(datapath: Datapath, { bridge }: TenantModel): Map<string, number> {
  return numberPorts(bridge.ports, portNumbers(datapath));
}

function addPort(datapath: Datapath, name: string, number: number, row: number, dpid: string, nowMs: number): void {
  const address = portAddress(dpid, number);
  datapath.addPort({ number, name, address, row, up: true, config: 0, createdMs: nowMs });
}

/** Makes a datapath hold what the configuration says, its ports being there. @returns what is wrong with it */
export function configureDatapath(datapath: Datapath, model: OpenFlowModel): RuleFault[] {
  const ports = portNumbers(datapath);
  const faults = configure(datapath, textsOf(model), ports);
  const wanted = new Set(model.queues.map(({ port, id }) => `${ports.get(port)}/${id}`));
  for (const { port, id } of datapath.queues.all) if (!wanted.has(`${port}/${id}`)) datapath.queues.remove(port, id);
  for (const { port, id, rate } of model.queues) datapath.queues.set(ports.get(port) ?? 0, id, rate);
  return faults;
}

/** Numbers of the ports by name. */
export function portNumbers(datapath: Datapath): Map<string, number> {
  return new Map([...datapath.ports.values()].map(({ name, number }) => [name, number]));
}

/** Whoever has neither controllers nor rules wants a switch: everything goes the built-in way, by a rule that all can see. */
function textsOf({ controllers, meters, groups, flows }: OpenFlowModel): RuleTexts {
  const none = controllers.length === 0 && flows.length === 0;
  return { meters, groups, flows: none ? ['priority=0,actions=NORMAL'] : flows };
}

/** What stands for the hardware address of a port whose device has none. */
function portAddress(dpid: string, number: number): Uint8Array {
  const bytes = Buffer.from(`02${dpid.slice(-6)}0000`, 'hex');
  bytes.writeUInt16BE(number, 4);
  return Uint8Array.from(bytes);
}

function portCounts(ledgers: readonly Ledger[], row: number): PortCounts {
  const total = (column: number) => ledgers.reduce((sum, ledger) => sum + ledger.get(row, column), 0);
  let rxDropped = 0;
  for (let reason = 0; reason < DROP_COUNT; reason++) rxDropped += total(Column.Drops + reason);
  return {
    rxPackets: total(Column.Received),
    rxBytes: total(Column.ReceivedBytes),
    txPackets: total(Column.Transmitted),
    txBytes: total(Column.TransmittedBytes),
    rxDropped,
  };
}
