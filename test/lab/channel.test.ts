import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Authority, ovsTls, type TlsFiles } from '../support/certificates.ts';
import { Controller, freePort } from '../support/controller.ts';
import { eventually, SwitchProcess, sweep, tapyard } from '../support/switch-process.ts';

const execute = promisify(execFile);

/** What ovs-ofctl says, of OpenFlow 1.3. @throws when it fails */
async function ofctl(...words: string[]): Promise<string> {
  return (await execute('ovs-ofctl', ['-O', 'OpenFlow13', '--timeout=5', ...words])).stdout;
}

const yaml = (openflow: string, more = '') => `version: 1
tenants:
  red:
    bridge: {ports: {a: {memory: true}, b: {memory: true}${more}}}
    openflow: ${openflow}
`;

let folder: string;
let running: SwitchProcess;
const controllers: Controller[] = [];
const servers: Server[] = [];

beforeAll(sweep);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'channel-'));
});
afterEach(async () => {
  await Promise.all(controllers.splice(0).map((controller) => controller.kill()));
  for (const server of servers.splice(0)) server.close();
  await running.stop();
  rmSync(folder, { recursive: true });
});

function controllerAt(port: number, tls?: TlsFiles): Controller {
  const made = Controller.ovs(port, tls);
  controllers.push(made);
  return made;
}

/** Makes the switch the one of another file. */
function apply(text: string): string {
  const path = join(folder, 'next.yaml');
  writeFileSync(path, text);
  const { code, stdout, stderr } = tapyard(['apply', path, '--socket', running.socket]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

const peers = async () => (await running.show('openflow')).filter(({ peer }) => peer !== null && peer !== undefined);
const isConnected = async (peer: string) =>
  (await peers()).some((row) => row['peer'] === peer && row['state'] === 'connected');
const connected = (peer: string) => eventually(`connected to ${peer}`, () => isConnected(peer));
const events = async () => JSON.stringify(await running.call('events'));
const told = (text: RegExp) => eventually(`the event ${text.source}`, async () => text.test(await events()));

describe('a channel over TLS', () => {
  let authority: Authority;
  let stranger: TlsFiles;
  let certificates: string;
  let ours: string;

  beforeAll(() => {
    certificates = mkdtempSync(join(tmpdir(), 'certificates-'));
    authority = new Authority(certificates, 'authority');
    stranger = { ...new Authority(certificates, 'other').signed('stranger'), ca: join(certificates, 'authority.pem') };
    const { key, cert, ca } = authority.signed('switch');
    ours = `{key: ${key}, cert: ${cert}, ca: ${ca}}`;
  });
  afterAll(() => rmSync(certificates, { recursive: true }));

  it('serves ovs-ofctl with a certificate of the authority, and nobody else', async () => {
    const port = await freePort();
    const address = `ssl:127.0.0.1:${port}`;
    running = await SwitchProcess.started(yaml(`{listen: ['${address}'], tls: ${ours}}`));
    const good = ovsTls(authority.signed('client'));
    await ofctl(...good, 'add-flow', address, 'priority=5,ip,actions=drop');
    expect(await ofctl(...good, 'dump-flows', address)).toMatch(/priority=5,ip actions=drop/);
    await expect(ofctl(...ovsTls(stranger), 'dump-flows', address)).rejects.toThrow();
    await told(/refused.*ssl:127\.0\.0\.1:\d+.*its certificate is not accepted \([A-Z_]+\)/);
    await expect(ofctl('dump-flows', `tcp:127.0.0.1:${port}`)).rejects.toThrow();
    await told(/refused.*it does not speak TLS/);
    await expect(ofctl(...ovsTls(authority.signed('late', -1)), 'dump-flows', address)).rejects.toThrow();
    await told(/refused.*not accepted \(CERT_HAS_EXPIRED\)/);
    // It goes on with those whom it accepts.
    expect(await ofctl(...good, 'dump-flows', address)).toMatch(/priority=5,ip actions=drop/);
  });

  it('reaches a controller with a certificate of the authority, and no other', async () => {
    const [first, second] = [await freePort(), await freePort()];
    controllerAt(first, authority.signed('controller'));
    controllerAt(second, stranger);
    const targets = [first, second].map((port) => `ssl:127.0.0.1:${port}`);
    running = await SwitchProcess.started(yaml(`{controllers: ['${targets.join("', '")}'], tls: ${ours}}`));
    await connected(targets[0]!);
    await told(new RegExp(`${targets[1]}.*its certificate is not accepted: .* \\([A-Z_]+\\)`));
    expect(await isConnected(targets[1]!)).toBe(false);
  });

  it('is refused where key and certificate do not go together, with the cure', async () => {
    const other = authority.signed('second');
    const files = `{key: ${other.key}, cert: ${join(certificates, 'switch.pem')}, ca: ${other.ca}}`;
    running = new SwitchProcess(yaml(`{listen: ['ssl:127.0.0.1:${await freePort()}'], tls: ${files}}`));
    expect((await running.ended).code).not.toBe(0);
    expect(running.stderr).toMatch(/second\.key, .*switch\.pem and .*authority\.pem make no TLS identity: /);
    expect(running.stderr).not.toMatch(/\n {4}at /);
  });
});

describe('a channel of a running switch', () => {
  /** A port of 127.0.0.1 that somebody else listens at, until the server is closed. */
  async function taken(): Promise<{ readonly port: number; readonly server: Server }> {
    const port = await freePort();
    const server = createServer((socket) => socket.destroy());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return { port, server };
  }

  it('whose address is not to be had is opened as soon as it is free', async () => {
    const { port, server } = await taken();
    running = await SwitchProcess.started(yaml(`{flows: ['cookie=7,priority=3,arp,actions=drop']}`));
    apply(yaml(`{flows: ['cookie=7,priority=3,arp,actions=drop'], listen: ['tcp:127.0.0.1:${port}']}`));
    await told(/Cannot listen at tcp:127\.0\.0\.1:\d+: .*EADDRINUSE/);
    server.close();
    const seen = await eventually('a listener', () =>
      ofctl('dump-flows', `tcp:127.0.0.1:${port}`).catch(() => undefined),
    );
    expect(seen).toMatch(/cookie=0x7, .*priority=3,arp actions=drop/);
    // A change meanwhile does not open it twice.
    apply(
      yaml(
        `{flows: ['cookie=7,priority=3,arp,actions=drop'], listen: ['tcp:127.0.0.1:${port}']}`,
        ', c: {memory: true}',
      ),
    );
    expect(await ofctl('dump-flows', `tcp:127.0.0.1:${port}`)).toMatch(/cookie=0x7/);
  });

  it('is opened anew where controllers, addresses or its number change, and its rules stay', async () => {
    const [first, second, listening, next] = [await freePort(), await freePort(), await freePort(), await freePort()];
    controllerAt(first);
    controllerAt(second);
    const flows = "flows: ['cookie=7,priority=3,arp,actions=drop']";
    const from = `{dpid: 1, ${flows}, controllers: ['tcp:127.0.0.1:${first}'], listen: ['tcp:127.0.0.1:${listening}']}`;
    running = await SwitchProcess.started(yaml(from));
    await connected(`tcp:127.0.0.1:${first}`);
    tapyard(['flows', 'add', 'red', 'cookie=9,priority=4,ip,actions=drop', '--socket', running.socket]);
    const duration = async () => {
      const rows = (await running.call('flows', { tenant: 'red' })) as unknown as {
        cookie: string;
        duration_s: number;
      }[];
      const ages = new Map(rows.map(({ cookie, duration_s: age }) => [cookie, age]));
      return [ages.get('0x7') ?? -1, ages.get('0x9') ?? -1];
    };
    const before = await duration();
    expect(Math.min(...before)).toBeGreaterThanOrEqual(0);

    expect(apply(yaml(from.replace(`${first}`, `${second}`)))).toMatch(/^~ openflow red.*\n$/);
    await connected(`tcp:127.0.0.1:${second}`);
    expect(await isConnected(`tcp:127.0.0.1:${first}`)).toBe(false);

    const moved = from
      .replace(`${first}`, `${second}`)
      .replace(`:${listening}`, `:${next}`)
      .replace('dpid: 1', 'dpid: 2');
    expect(apply(yaml(moved))).toMatch(/^~ openflow red.*\n$/);
    expect(await ofctl('show', `tcp:127.0.0.1:${next}`)).toMatch(/dpid:0000000000000002/);
    await expect(ofctl('show', `tcp:127.0.0.1:${listening}`)).rejects.toThrow();
    const after = await duration();
    expect(after[0]).toBeGreaterThanOrEqual(before[0]!);
    expect(after[1]).toBeGreaterThanOrEqual(before[1]!);
  });

  it('stays open where something else of the tenant changes', async () => {
    const port = await freePort();
    controllerAt(port);
    const peer = `tcp:127.0.0.1:${port}`;
    const openflow = (flows: string) => `{controllers: ['${peer}'], flows: [${flows}]}`;
    running = await SwitchProcess.started(yaml(openflow("'priority=3,arp,actions=drop'")));
    await connected(peer);
    const count = async () => (await events()).split('"kind":"connected"').length - 1;
    expect(await count()).toBe(1);
    apply(yaml(openflow("'priority=3,arp,actions=drop', 'priority=4,ip,actions=drop'"), ', c: {memory: true}'));
    await connected(peer);
    expect(await count()).toBe(1);
    expect(await events()).not.toContain('"kind":"closed"');
  });
});
