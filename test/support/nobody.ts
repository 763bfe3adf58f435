const READS = '+dac_read_search';

/** Words that run a command as a user without privileges, who may yet read the checkout, wherever it lies. */
export function asNobody(): string[] {
  return [
    'setpriv',
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    `--inh-caps=${READS}`,
    `--ambient-caps=${READS}`,
  ];
}
