import { UserError } from '../../errors.ts';
import type { Datapath } from '../../openflow/datapath/datapath.ts';
import { matchWords } from '../../openflow/datapath/match-words.ts';
import { Groups, type Match, Ports } from '../../openflow/model.ts';
import { KeyWord } from '../../path/rules/layout.ts';
import { portNumbers } from '../../tenant/datapath.ts';
import { readFilter } from '../openflow/change.ts';

/** Fields that a frame on its own does not have. */
const OF_PIPELINE: readonly string[] = ['metadata', 'tunnel_id', 'in_phy_port'];

/**
 * The match of a text in ovs-ofctl's syntax, `in_port=web1,tcp,tp_dst=22`; nothing else than a match may be in it.
 * @throws UserError
 */
export function readMatch(text: string, datapath: Datapath): Match {
  const { match, table, cookieMask, outPort, outGroup } = readFilter(text, portNumbers(datapath));
  if (table !== 255 || cookieMask !== 0n || outPort !== Ports.Any || outGroup !== Groups.Any)
    throw new UserError('rules-invalid', 'A frame has no table, cookie or output', 'give fields of the frame alone');
  const foreign = match.find(({ field }) => OF_PIPELINE.includes(field.name));
  if (foreign !== undefined)
    throw new UserError('rules-invalid', `${foreign.field.name} is no field of a frame`, 'leave it out');
  return match;
}

/** A match as workers ask for it: words of the flow key, the port by its row. @throws UserError */
export function filterWords(match: Match, datapath: Datapath): Int32Array {
  const triples = matchWords(match).slice();
  for (let k = 0; k < triples.length; k += 3) {
    if (triples[k] !== KeyWord.InPort) continue;
    triples[k + 1] = rowOf(triples[k + 1], datapath);
  }
  return triples;
}

/** Row of a port by its OpenFlow number. @throws UserError */
export function rowOf(number: number, datapath: Datapath): number {
  const port = datapath.ports.get(number >>> 0);
  if (port !== undefined) return port.row;
  const names = [...datapath.ports.values()].map(({ name }) => name).join(', ');
  throw new UserError('usage', `There is no port ${number}`, `in_port is one of ${names}, or its number`);
}
