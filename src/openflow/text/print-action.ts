import { type Action, type Instruction, Ports } from '../model.ts';
import { NAMED } from './names.ts';
import { formatPort, type PortNames } from './ports.ts';
import { formatMetadata } from './print-match.ts';
import { formatValue, padded } from './print-value.ts';

/** Actions as ovs-ofctl prints them: `dec_ttl,output:2`; none are `drop`. */
export function formatActions(actions: readonly Action[], names?: PortNames): string {
  return actions.length === 0 ? 'drop' : actions.map((action) => formatAction(action, names)).join(',');
}

/** Everything behind `actions=`. Lists without actions are left out, as ovs-ofctl does. */
export function formatInstructions(instructions: readonly Instruction[], names?: PortNames): string {
  const ordered = [...instructions].sort((a, b) => RANK[a.type] - RANK[b.type]);
  const parts = ordered.map((each) => formatInstruction(each, names)).filter((text) => text !== '');
  return parts.length === 0 ? 'drop' : parts.join(',');
}

const RANK: Record<Instruction['type'], number> = {
  meter: 0,
  apply_actions: 1,
  clear_actions: 2,
  write_actions: 3,
  write_metadata: 4,
  goto_table: 5,
  experimenter: 6,
};

function formatInstruction(instruction: Instruction, names: PortNames | undefined): string {
  switch (instruction.type) {
    case 'meter':
      return `meter:${instruction.meter}`;
    case 'apply_actions':
      return instruction.actions.length === 0 ? '' : formatActions(instruction.actions, names);
    case 'clear_actions':
      return instruction.type;
    case 'write_actions':
      return instruction.actions.length === 0 ? '' : `write_actions(${formatActions(instruction.actions, names)})`;
    case 'write_metadata':
      return `write_metadata:${formatMetadata(instruction.metadata, instruction.mask)}`;
    case 'goto_table':
      return `goto_table:${instruction.table}`;
    case 'experimenter':
      return `experimenter(0x${instruction.experimenter.toString(16)})`;
  }
}

function formatAction(action: Action, names: PortNames | undefined): string {
  switch (action.type) {
    case 'output': {
      const { port, maxLength } = action;
      if (port === Ports.Controller) return `CONTROLLER:${maxLength}`;
      const text = formatPort(port, names);
      return port >= Ports.InPort && names?.get(port) === undefined ? text : `output:${text}`;
    }
    case 'set_field':
      return `set_field:${formatValue(action.field, action.value, names)}->${NAMED[action.field.number].set}`;
    case 'push_vlan':
    case 'push_mpls':
    case 'pop_mpls':
    case 'push_pbb':
      return `${action.type}:${padded(action.ethertype, 4)}`;
    case 'dec_nw_ttl':
      return 'dec_ttl';
    case 'set_mpls_ttl':
      return `set_mpls_ttl(${action.ttl})`;
    case 'set_nw_ttl':
      return `mod_nw_ttl:${action.ttl}`;
    case 'group':
      return `group:${action.group}`;
    case 'set_queue':
      return `set_queue:${action.queue}`;
    case 'experimenter':
      return `experimenter(0x${action.experimenter.toString(16)})`;
    default:
      return action.type;
  }
}
