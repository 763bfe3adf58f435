import { contains, overlaps } from '../address.ts';
import type { Reporter } from '../diagnostics.ts';
import type { Prefix } from '../model.ts';
import type { Path } from '../place.ts';
import type { Config } from '../schema.ts';
import { checkTenant } from './uplinks.ts';

/**
 * Sharing between tenants: what one imports, the other exports; the way back is imported as well; nothing that is imported
 * hides what the importer has itself. A default route hides nothing: every other route is more specific.
 */
export function checkShares(config: Config, reporter: Reporter): void {
  for (const [name, { share, router }] of Object.entries(config.tenants)) {
    const path = ['tenants', name, 'share'];
    for (const key of ['export', 'import'] as const) {
      for (const other of Object.keys(share[key])) {
        const at = [...path, key, other];
        if (other === name) {
          reporter.report('config-share', at, 'a tenant shares with others', 'remove it', { part: 'key' });
        } else if (checkTenant(other, at, config, reporter) && !router && reporter.intact('tenants', name, 'router')) {
          const message = `'${name}' has no router that could reach '${other}'`;
          reporter.report('config-share', at, message, 'add router: {interfaces: …}', { part: 'key' });
        }
      }
    }
    checkImports(name, path, config, reporter);
  }
}

function checkImports(name: string, path: Path, config: Config, reporter: Reporter): void {
  const before: { readonly prefix: Prefix; readonly from: string; readonly path: Path }[] = [];
  for (const [other, prefixes] of Object.entries(config.tenants[name]!.share.import)) {
    if (other === name || !Object.hasOwn(config.tenants, other)) continue;
    for (const [index, prefix] of prefixes.entries()) {
      const at = [...path, 'import', other, index];
      checkExported(at, prefix, name, other, config, reporter);
      checkWayBack(at, prefix, name, other, config, reporter);
      checkOverlap(at, prefix, name, config, reporter);
      const clash = before.find((earlier) => hides(earlier.prefix, prefix));
      if (clash) {
        const message = `${prefix.text} overlaps ${clash.prefix.text}, imported from '${clash.from}'`;
        const related = { message: 'the other import', path: clash.path };
        reporter.report('config-share', at, message, 'import each address from one tenant', { related });
      }
      before.push({ prefix, from: other, path: at });
    }
  }
}

function exportsOf(config: Config, from: string, to: string): readonly Prefix[] {
  const { share } = config.tenants[from]!;
  return Object.hasOwn(share.export, to) ? share.export[to]! : [];
}

function importsOf(config: Config, to: string, from: string): readonly Prefix[] {
  const { share } = config.tenants[to]!;
  return Object.hasOwn(share.import, from) ? share.import[from]! : [];
}

function checkExported(
  path: Path,
  prefix: Prefix,
  name: string,
  other: string,
  config: Config,
  reporter: Reporter,
): void {
  if (exportsOf(config, other, name).some((exported) => contains(exported, prefix))) return;
  if (!reporter.intact('tenants', other, 'share')) return;
  const cure = `add it there: tenants.${other}.share.export.${name}: ['${prefix.text}']`;
  const related = { message: `exports of '${other}'`, path: ['tenants', other, 'share', 'export', name] };
  reporter.report('config-share', path, `'${other}' does not export ${prefix.text} to '${name}'`, cure, { related });
}

/** Answers need a route, too: the other side must import something of the same family. */
function checkWayBack(
  path: Path,
  prefix: Prefix,
  name: string,
  other: string,
  config: Config,
  reporter: Reporter,
): void {
  if (importsOf(config, other, name).some(({ family }) => family === prefix.family)) return;
  if (!reporter.intact('tenants', other, 'share') || !reporter.intact('tenants', name, 'share')) return;
  const back = exportsOf(config, name, other).find(({ family }) => family === prefix.family);
  const wanted = back ? `'${back.text}'` : '…';
  const exported = back ? '' : `tenants.${name}.share.export.${other}: [${wanted}] and `;
  const cure = `add ${exported}tenants.${other}.share.import.${name}: [${wanted}]`;
  const related = { message: `imports of '${other}'`, path: ['tenants', other, 'share', 'import', name] };
  const message = `answers from ${prefix.text} have no way back: '${other}' imports no IPv${prefix.family} from '${name}'`;
  reporter.report('config-share', path, message, cure, { related });
}

function checkOverlap(path: Path, prefix: Prefix, name: string, config: Config, reporter: Reporter): void {
  const above = ['tenants', name, 'router'];
  const { interfaces = {}, routes = [] } = config.tenants[name]!.router ?? {};
  const cure = `import only what '${name}' does not have itself`;
  for (const [key, { addresses }] of Object.entries(interfaces)) {
    for (const [index, { subnet }] of addresses.entries()) {
      if (!hides(prefix, subnet)) continue;
      const related = { message: 'the interface', path: [...above, 'interfaces', key, 'addresses', index] };
      reporter.report('config-share', path, `${prefix.text} overlaps interface '${key}' (${subnet.text})`, cure, {
        related,
      });
    }
  }
  for (const [index, { to }] of routes.entries()) {
    if (!hides(prefix, to)) continue;
    const related = { message: 'the route', path: [...above, 'routes', index, 'to'] };
    reporter.report('config-share', path, `${prefix.text} overlaps the route to ${to.text}`, cure, { related });
  }
}

function hides(a: Prefix, b: Prefix): boolean {
  return overlaps(a, b) && ((a.length > 0 && b.length > 0) || a.length === b.length);
}
