import { UserError } from '../../errors.ts';
import type { Json } from '../../json.ts';
import type { PortNames } from '../../openflow/text/ports.ts';
import { portNumbers } from '../../tenant/datapath.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import type { Methods, Params } from '../rpc.ts';
import type { Switch } from '../switch.ts';
import { type ChangeCommand, changeRules, type RuleKind, readFilter } from './change.ts';
import { flowRows, groupRows, meterRows, tableRows } from './rows.ts';

const KINDS: readonly RuleKind[] = ['flows', 'groups', 'meters'];
const COMMANDS: readonly ChangeCommand[] = ['add', 'mod', 'del'];

/** What the control socket answers about rules. @param tenantOf throws UserError where there is none */
export function openflowMethods(running: Switch, tenantOf: (params: Params) => Tenant): Methods {
  return {
    flows: (params) => {
      const { datapath } = tenantOf(params);
      const filter = readFilter(textIn(params, 'filter'), portNumbers(datapath));
      return flowRows(datapath, filter, running.clockUs() / 1000, namesFor(datapath, params));
    },
    groups: (params) => {
      const { datapath } = tenantOf(params);
      return groupRows(datapath, namesFor(datapath, params));
    },
    meters: (params) => meterRows(tenantOf(params).datapath),
    tables: (params) => tableRows(tenantOf(params).datapath),
    change: async (params) => {
      const { datapath } = tenantOf(params);
      const change = {
        kind: oneOf(params, 'kind', KINDS),
        command: oneOf(params, 'command', COMMANDS),
        strict: params['strict'] === true,
        text: textIn(params, 'text'),
        source: textIn(params, 'source') || 'argument',
      };
      return { carried_out: await changeRules(datapath, change, portNumbers(datapath)) };
    },
  };
}

/** Names of ports where they are wanted. */
function namesFor(datapath: Tenant['datapath'], { names }: Params): PortNames | undefined {
  return names === true ? new Map([...datapath.ports.values()].map(({ number, name }) => [number, name])) : undefined;
}

function textIn(params: Params, key: string): string {
  const value: Json | undefined = params[key];
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw new UserError('usage', `${key} is no text`, 'give it as a string');
}

function oneOf<const Word extends string>(params: Params, key: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === params[key]);
  if (found === undefined)
    throw new UserError('usage', `There is no ${key} like that`, `it is one of ${words.join(', ')}`);
  return found;
}
