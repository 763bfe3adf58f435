/**
 * OpenFlow numbers of a tenant's ports: those that the configuration gives, and for the others, in their order, the lowest that are
 * free. A port that had a number before keeps it, so that rules that name it go on meaning it.
 * @param before numbers of the ports that are there already, by name
 * @returns numbers by name, in the order of the ports
 */
export function numberPorts(
  ports: readonly { readonly name: string; readonly ofport: number | null }[],
  before: ReadonlyMap<string, number> = new Map(),
): Map<string, number> {
  const given = new Set(ports.flatMap(({ ofport }) => ofport ?? []));
  const kept = new Map(
    ports.flatMap(({ name, ofport }) => {
      const old = before.get(name);
      return ofport === null && old !== undefined && !given.has(old) ? [[name, old] as const] : [];
    }),
  );
  const taken = new Set([...given, ...kept.values()]);
  let next = 1;
  return new Map(
    ports.map(({ name, ofport }) => {
      const number = ofport ?? kept.get(name);
      if (number !== undefined) return [name, number];
      while (taken.has(next)) next++;
      return [name, next++];
    }),
  );
}
