import { arch, release } from 'node:os';

/** What the switch says of itself. Source: 1.3.5, section 7.3.5.1. */
export function describe({ name, id }: { readonly name: string; readonly id: bigint }, software: string) {
  return {
    ...{ manufacturer: 'Tapyard', hardware: `Linux ${release()} ${arch()}`, software },
    ...{ serial: id.toString(16).padStart(16, '0'), datapath: name },
  };
}
