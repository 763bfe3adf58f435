import { setTimeout as sleep } from 'node:timers/promises';
import { listLinks, listRoutes } from '../../native-free/links.ts';
import { booksHold, nothingCrossed, ownMacsOnly } from './books.ts';
import type { Check, Finding, Group } from './check.ts';
import type { Lab } from './lab.ts';
import { BLOCKED_PORT, BLUE_ONLY, type HostName, SERVICE_PORT, TENANTS, type TenantName } from './plan.ts';
import { stream } from './program.ts';
import { Listener, type PingResult, ping, tell, tryTcp, until } from './reach.ts';

/** Where datagrams go that tell tenants apart. */
const TELL_PORT = 4242;
const TELLS = 100;
/** A machine with other things to do delivers the last ones later; and what else may come with them. */
const TOLD_MS = 2000;
const BESIDE_MS = 50;
const BLOCKED_MS = 1000;
/** An answer comes at once, but from a machine with other things to do. */
const ANSWER_MS = 4000;
const ADVERTISED_MS = 6000;

/** All that the demo claims. @param seconds how long each TCP stream lasts */
export function demoChecks(seconds: number): readonly Group[] {
  return [
    // One at a time, so that round trips are those of an idle switch.
    ...TENANTS.flatMap((tenant) => reachability(tenant)).map((check) => [check]),
    [...TENANTS.flatMap((tenant) => [...policy(tenant), advertised(tenant)]), ...isolation()],
    [throughput('red', 'web2', 'within VLAN 10', seconds)],
    [throughput('red', 'db1', 'through the router', seconds)],
    [nothingCrossed, ownMacsOnly, booksHold],
  ];
}

function reaches(tenant: TenantName, from: HostName, to: HostName, family: 4 | 6, how: string): Check {
  return {
    claim: `${tenant}: ${from} reaches ${to} ${how} (IPv${family})`,
    look: async (lab, signal) => {
      const target = lab.host(tenant, to);
      const address = family === 4 ? target.address4 : (target.address6 ?? target.address4);
      return answered(await ping(lab.host(tenant, from).netns, address, patient(lab, signal)));
    },
  };
}

const patient = (lab: Lab, signal: AbortSignal) => ({ echo: lab.echo, timeoutMs: ANSWER_MS, signal });

const answered = (result: PingResult): Finding => ({
  ok: result.received === result.sent && result.sent > 0,
  measured: answers(result),
});

function answers({ sent, received, ms, errors }: PingResult): string {
  const trip = ms === null ? '' : `, round trip ${ms.toFixed(2)} ms`;
  const why = errors.length === 0 ? '' : `, ${[...new Set(errors)].join(' ')}`;
  return `${received} of ${sent} answers${trip}${why}`;
}

function reachability(tenant: TenantName): Check[] {
  return [
    reaches(tenant, 'web1', 'web2', 4, 'within VLAN 10'),
    reaches(tenant, 'db1', 'db2', 6, 'within VLAN 20'),
    reaches(tenant, 'web1', 'db1', 4, 'through the router'),
    reaches(tenant, 'web1', 'db2', 6, 'through the router'),
    {
      claim: `${tenant}: a hop limit of 1 ends at the router`,
      look: async (lab, signal) => {
        const { netns } = lab.host(tenant, 'web2');
        const { address4 } = lab.host(tenant, 'db2');
        const result = await ping(netns, address4, { ...patient(lab, signal), count: 1, hopLimit: 1 });
        return { ok: result.received === 0 && result.errors.includes('EHOSTUNREACH'), measured: answers(result) };
      },
    },
  ];
}

function policy(tenant: TenantName): Check[] {
  const drops = tenant === 'red';
  const blockedMs = drops ? BLOCKED_MS : ANSWER_MS;
  const connect = async (lab: Lab, port: number, patience: number, signal: AbortSignal) =>
    tryTcp(lab.host(tenant, 'web1').netns, lab.host(tenant, 'db1').address4, port, patience, signal);
  return [
    {
      claim: `${tenant}: the ACL ${drops ? 'drops' : 'rejects, with an answer,'} TCP ${BLOCKED_PORT} from web1 to db1`,
      look: async (lab, signal) => {
        const { outcome, said } = await connect(lab, BLOCKED_PORT, blockedMs, signal);
        const hits = deniedHits(lab, tenant);
        const ok = outcome !== 'open' && (outcome === 'silent') === drops && hits > 0;
        const answer = outcome === 'silent' ? `no answer in ${blockedMs} ms` : `${outcome} ${said}`;
        return { ok, measured: `${answer}, the rule was hit ${hits} times` };
      },
    },
    {
      claim: `${tenant}: the ACL lets TCP ${SERVICE_PORT} pass, to the db1 of the same tenant`,
      look: async (lab, signal) => {
        const { outcome, said } = await connect(lab, SERVICE_PORT, ANSWER_MS, signal);
        return { ok: outcome === 'open' && said === `${tenant}-db1`, measured: `${outcome}, «${said}» answers` };
      },
    },
  ];
}

function deniedHits(lab: Lab, tenant: TenantName): number {
  const rows = lab.running.tenant(tenant)?.aclRows() ?? [];
  return rows
    .filter(({ rule }) => /^(deny|reject)/.test(String(rule)))
    .reduce((sum, { hits }) => sum + Number(hits), 0);
}

/** web2 has no IPv6 address but what it makes of the router's advertisements (RFC 4862). */
function advertised(tenant: TenantName): Check {
  return {
    claim: `${tenant}: web2 configures IPv6 by router advertisement`,
    look: async (lab, signal) => {
      const { netns } = lab.host(tenant, 'web2');
      const start = performance.now();
      while (performance.now() - start < ADVERTISED_MS) {
        const link = listLinks(netns).find(({ ifname }) => ifname === `${tenant}-web2`);
        const address = link?.addr_info.find(({ local, scope }) => local.startsWith('fd00:10:') && scope === 'global');
        // Until duplicate address detection is over, the host sends from its link-local address, which is not routed.
        const usable = address !== undefined && !('tentative' in address);
        const route = listRoutes(6, netns).find(({ dst, protocol }) => dst === 'default' && protocol === 'ra');
        if (usable && route !== undefined) {
          const result = await ping(netns, `fd00:20::11`, { echo: lab.echo, count: 3, signal });
          if (result.received > 0) return { ok: true, measured: `${address.local}, router ${route.gateway}` };
        }
        await sleep(200, undefined, { signal });
      }
      return { ok: false, measured: `nothing within ${ADVERTISED_MS / 1000} s` };
    },
  };
}

function isolation(): Check[] {
  return [
    {
      claim: `blue: web1 reaches ${BLUE_ONLY}, an address that blue alone has`,
      look: async (lab, signal) => {
        return answered(await ping(lab.host('blue', 'web1').netns, BLUE_ONLY, patient(lab, signal)));
      },
    },
    {
      claim: `red: neither web1 nor db1 reaches ${BLUE_ONLY}`,
      look: async (lab, signal) => {
        const options = { echo: lab.echo, count: 2, timeoutMs: 500, signal };
        const results = await Promise.all(
          (['web1', 'db1'] as const).map((name) => ping(lab.host('red', name).netns, BLUE_ONLY, options)),
        );
        const received = results.reduce((sum, result) => sum + result.received, 0);
        return { ok: received === 0, measured: results.map(answers).join('; ') };
      },
    },
    { claim: 'What red sends to addresses of both, red alone receives', look: (lab, signal) => listen(lab, signal) },
  ];
}

/** Red and blue each send to an address that both have; red also to blue's own, and to everybody in its VLAN. */
async function listen(lab: Lab, signal: AbortSignal): Promise<Finding> {
  const same = lab.host('red', 'db2').address4;
  const red = new Listener(lab.host('red', 'db2').netns, TELL_PORT);
  const blue = new Listener(lab.host('blue', 'db2').netns, TELL_PORT);
  try {
    // Known to the router first: it keeps no more than 64 frames for a host that it asks for.
    for (const tenant of TENANTS) await ping(lab.host(tenant, 'web1').netns, same, patient(lab, signal));
    await Promise.all([
      tell(lab.host('red', 'web1').netns, same, TELL_PORT, 'red', TELLS, signal),
      tell(lab.host('red', 'db1').netns, '10.0.20.255', TELL_PORT, 'red', TELLS, signal),
      tell(lab.host('red', 'db1').netns, BLUE_ONLY, TELL_PORT, 'red', TELLS, signal),
      tell(lab.host('blue', 'web1').netns, same, TELL_PORT, 'blue', TELLS, signal),
    ]);
    const hasAll = () => red.count('red') >= 2 * TELLS && blue.count('blue') >= TELLS;
    await until(() => hasAll() || undefined, TOLD_MS, signal);
    // Whatever has crossed has come as well.
    await sleep(BESIDE_MS, undefined, { signal });
    const heard = { red: red.count('red'), blue: blue.count('blue'), wrong: red.count('blue') + blue.count('red') };
    const ok = heard.red === 2 * TELLS && heard.blue === TELLS && heard.wrong === 0;
    return {
      ok,
      measured: `red heard ${heard.red} of its ${2 * TELLS}, blue ${heard.blue} of its ${TELLS}, ${heard.wrong} crossed`,
    };
  } finally {
    red.close();
    blue.close();
  }
}

function throughput(tenant: TenantName, to: HostName, how: string, seconds: number): Check {
  return {
    claim: `${tenant}: a TCP stream from web1 to ${to} ${how}`,
    look: async (lab, signal) => {
      const from = lab.host(tenant, 'web1');
      const { gbits, bytes, compared, wrong } = await stream(
        from.netns,
        lab.host(tenant, to).netns,
        from.address4,
        seconds,
        signal,
      );
      const ok = bytes > 0 && compared > 0 && wrong === 0;
      return { ok, measured: `${gbits.toFixed(2)} Gbit/s, ${wrong} of ${compared} numbered blocks wrong` };
    },
  };
}
