import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Client,
  commandRedirectUri,
  createClient,
  createTransport,
  importSigningKey,
  signInForDevelopment,
  type Token,
  type Transport,
} from '@countersign/sdk';
import { type Configuration, type ControlPlane, readConfiguration, startControlPlane } from '@countersign/server';
import { freePort, startTestServer, type TestServer } from '@countersign/testkit';
import {
  createAttestationAuthority,
  createSoftwareAuthenticator,
  type SoftwareAuthenticator,
} from '@countersign/webauthn/software-authenticator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endAll, startCommand } from './testing/command.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { formOf, type PersonBrowser, personBrowser, type Visit } from './testing/person-browser.ts';
import { codeOf } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// A production installation on its first day: two people enrol hardware keys by the links of a start, and administer; software
// and key files have no authority.

const ada = 'person:ada.first';
const ben = 'person:ben.second';

describe('a production installation', () => {
  const folder = scratchFolder();
  const issuer = 'https://countersign.example';
  const maker = createAttestationAuthority();
  const linkFile = (name: string) => join(folder.path, 'founders', `${name}.txt`);
  const linkIn = (name: string) => readFileSync(linkFile(name), 'utf8').split('\n')[0] ?? '';
  let database: TestServer;
  let configuration: Configuration;
  let address: string;
  let node: ControlPlane;

  beforeAll(async () => {
    database = await startTestServer();
    const port = await freePort();
    address = `http://127.0.0.1:${port}`;
    const development = await configurationIn(folder.path, { database: database.connection, port });
    const rootsFile = join(folder.path, 'makers.pem');
    writeFileSync(rootsFile, maker.rootPem);
    configuration = readConfiguration({
      ...JSON.parse(JSON.stringify(development)),
      environment: 'production',
      issuer,
      operator: {
        ...development.operator,
        founders: [
          { id: ada, roles: ['operator'] },
          { id: ben, roles: ['approver'] },
        ],
      },
      signIn: { authenticators: { rootsFile } },
      notices: { channels: [{ name: 'files', folder: join(folder.path, 'notices') }] },
    });
    node = await startControlPlane(configuration, { unfitRecords: 'throw' });
  });
  afterAll(async () => {
    await node?.stop();
    await database?.stop();
    folder.remove();
  });

  /** Routes requests for the issuer to this process, as a proxy on the same machine does. */
  function throughProxy(): Transport {
    const transport = createTransport();
    return { send: (request) => transport.send({ ...request, url: request.url.replace(issuer, address) }) };
  }
  const keyIn = (file: string) => importSigningKey(JSON.parse(readFileSync(join(folder.path, file), 'utf8')));
  const clientOf = (clientId: 'countersign-cli' | 'countersign-approver', file: string): Client =>
    createClient({ issuer, clientId, key: keyIn(file), transport: throughProxy() });
  const browserOf = () => personBrowser(issuer, address);

  /** Submits the form of the page that asks for a key, as its script does. */
  function respond(
    browser: PersonBrowser,
    page: Visit,
    answer: (options: unknown) => unknown,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<Visit> {
    const [, written = ''] = /data-options="([^"]*)"/.exec(page.body) ?? [];
    const options: unknown = JSON.parse(
      written.replaceAll('&quot;', '"').replaceAll('&#34;', '"').replaceAll('&amp;', '&'),
    );
    return browser.submit(formOf(page), { ...fields, credential: JSON.stringify(answer(options)) });
  }

  async function enrol(link: string): Promise<SoftwareAuthenticator> {
    const browser = browserOf();
    const key = createSoftwareAuthenticator({ origin: issuer, authority: maker });
    const done = await respond(browser, await browser.open(link), (options) => key.create(options), {
      name: 'blue key',
    });
    expect([done.status, done.body]).toEqual([200, expect.stringContaining('Registration complete')]);
    return key;
  }

  /** A person signs in for a command: PKCE, a pushed request, their hardware key, and the code that returns over loopback. */
  async function signIn(client: Client, key: SoftwareAuthenticator, door: string, scope: string): Promise<Token> {
    const browser = browserOf();
    const codeVerifier = randomBytes(32).toString('base64url');
    const url = await client.pushAuthorization({
      ...{ resource: `${issuer}/${door}`, scope, redirectUri: commandRedirectUri, state: 'of-this-command' },
      codeChallenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    });
    let page = await browser.open(url);
    expect(page.url.pathname).toMatch(/^\/sign-in\//);
    page = await respond(browser, page, (options) => key.get(options));
    if (page.leaves === undefined) page = await browser.submit(formOf(page), { decision: 'allow' });
    const back = page.leaves ?? page.url;
    expect(`${back.origin}${back.pathname}`).toBe(commandRedirectUri);
    expect(back.searchParams.get('state')).toBe('of-this-command');
    return client.authorizationCode({
      ...{ code: back.searchParams.get('code') ?? '', redirectUri: commandRedirectUri, codeVerifier },
    });
  }

  let adasKey: SoftwareAuthenticator;
  let bensKey: SoftwareAuthenticator;

  it('writes a link for each founder that nobody else on the machine can read, and prints only its location', async () => {
    for (const name of ['ada.first', 'ben.second']) {
      expect(linkIn(name)).toMatch(/^https:\/\/countersign\.example\/enrol\/[\w-]{20,}$/);
      expect(statSync(linkFile(name)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(join(folder.path, 'founders')).mode & 0o777).toBe(0o700);
    const said = node.notes.join('\n');
    expect(said).toContain(linkFile('ada.first'));
    expect(said).not.toContain('/enrol/');
    expect(said).toContain('publication.witnesses');
    expect(said).toContain('clock.source');
    const invited = await node.components.auditLog.search({ type: 'authenticator.invited' });
    expect(invited.map(({ record }) => record.subject?.id).sort()).toEqual([ada, ben]);
  });

  it('is administered neither by software nor by the holder of a key file', async () => {
    const client = clientOf('countersign-cli', 'operator.jwk');
    const asked = { resource: `${issuer}/directory`, scope: 'directory:apply' };
    expect(await codeOf(() => client.clientCredentials(asked))).toBe('access_denied person_needed');
    const assertion = await signInForDevelopment({ issuer, clientId: 'countersign-cli', key: keyIn('operator.jwk') });
    expect(await codeOf(() => client.jwtBearer(assertion, asked))).toMatch(/^(unauthorized_client|invalid_grant)/);
  });

  it('invalidates a link at the next start, and writes none for founders who have a key', async () => {
    const [first, second] = [linkIn('ada.first'), linkIn('ben.second')];
    adasKey = await enrol(first);
    expect((await browserOf().open(first)).status).toBeGreaterThanOrEqual(400);
    await node.stop();
    node = await startControlPlane(configuration, { unfitRecords: 'throw' });
    expect(existsSync(linkFile('ada.first'))).toBe(false);
    expect(linkIn('ben.second')).not.toBe(second);
    expect((await browserOf().open(second)).status).toBeGreaterThanOrEqual(400);
    bensKey = await enrol(linkIn('ben.second'));
    await node.stop();
    node = await startControlPlane(configuration, { unfitRecords: 'throw' });
    expect(existsSync(linkFile('ben.second'))).toBe(false);
    expect(node.notes.join('\n')).not.toContain('Founders');
  });

  it('is administered by its founders with their hardware keys, by two where two are required', async () => {
    const command = clientOf('countersign-cli', 'operator.jwk');
    const second = clientOf('countersign-approver', 'approver.jwk');
    const url = (path: string) => `${issuer}/directory${path}`;
    const institution = configuration.operator.lei;
    const newcomer = { id: 'person:cleo.third', institution, roles: ['approver'], federated: [], credentials: [] };
    const proposing = await signIn(command, adasKey, 'directory', 'directory:apply');
    // The first file cannot be applied by one person either.
    const alone = () =>
      command.callOrThrow(proposing, { method: 'POST', url: url('/apply'), body: { people: [newcomer] } });
    expect(await codeOf(alone)).toBe('second_person_required');
    const body = { reason: 'A third person', file: { people: [newcomer] } };
    const proposed = (await command.callOrThrow(proposing, { method: 'POST', url: url('/changes'), body })) as {
      readonly id: string;
      readonly digest: string;
      readonly proposedBy: string;
    };
    expect(proposed.proposedBy).toBe(ada);
    const approve = async (key: SoftwareAuthenticator) =>
      second.callOrThrow(await signIn(second, key, 'directory', 'directory:approve'), {
        ...{ method: 'POST', url: url(`/changes/${proposed.id}/approve`), body: { digest: proposed.digest } },
      });
    // The first person with the second one's client is still the first.
    expect(await codeOf(() => approve(adasKey))).toBe('change_self_approval');
    await approve(bensKey);
    expect(node.components.directory.snapshot().principal('person:cleo.third')).toMatchObject({ roles: ['approver'] });
    const issued = (await node.components.auditLog.search({ type: 'token.issued' })).map(({ record }) => record);
    expect(issued.filter(({ subject }) => subject?.id === ada).at(0)).toMatchObject({
      authentication: { method: 'consent', acr: 'phrh' },
    });
  });
});

describe('countersign --sign-in', () => {
  const folder = scratchFolder();
  let node: RunningControlPlane;
  beforeAll(async () => {
    const development = await configurationIn(folder.path);
    node = await runControlPlane({
      ...development,
      operator: { ...development.operator, founders: [{ id: ada, roles: ['operator'] }] },
    });
  });
  afterAll(async () => {
    await endAll();
    await node?.stop();
    folder.remove();
  });

  const waiting = (...words: readonly string[]) => {
    const key = join(folder.path, 'operator.jwk');
    return startCommand(['--url', node.issuer, '--key', key, '--sign-in', ...words]);
  };

  it('waits for the person at this machine, and acts as them', async () => {
    const command = waiting('key', 'rotate', 'id-token');
    const [, address = ''] = await command.says(/Sign in here: (\S+)/);
    const back = await personBrowser(node.issuer).authorize(address, { person: ada });
    // A response for another sign-in changes nothing.
    const other = new URL(back);
    other.searchParams.set('state', 'another');
    expect((await fetch(other)).status).toBe(400);
    expect(await (await fetch(back)).text()).toContain('You are signed in');
    expect(await command.ended).toMatchObject({ code: 0 });
    const published = await node.operator.records({ type: 'key.published' });
    expect(published.at(-1)).toMatchObject({ actors: [{ id: ada }, { id: 'service:countersign-cli' }] });
  });

  it('says that nobody was signed in when they refuse', async () => {
    const command = waiting('key', 'rotate', 'id-token');
    const [, address = ''] = await command.says(/Sign in here: (\S+)/);
    await fetch(await personBrowser(node.issuer).authorize(address, { person: ada, decision: 'refuse' }));
    const { code, stderr } = await command.ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining('sign_in_refused')]);
  });
});
