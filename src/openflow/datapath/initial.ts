import { type FlowMod, Groups, NO_BUFFER, Ports } from '../model.ts';

/**
 * The rule of a datapath without controllers: everything as by NORMAL, visible, at the lowest priority, to be changed like any other. With
 * controllers configured the tables begin empty, and it is theirs to fill them.
 */
export const NORMAL_RULE: FlowMod = {
  command: 'add',
  ...{ table: 0, cookie: 0n, cookieMask: 0n, idleTimeout: 0, hardTimeout: 0, priority: 0, buffer: NO_BUFFER },
  ...{ outPort: Ports.Any, outGroup: Groups.Any, flags: 0, match: [] },
  instructions: [{ type: 'apply_actions', actions: [{ type: 'output', port: Ports.Normal, maxLength: 0 }] }],
};
