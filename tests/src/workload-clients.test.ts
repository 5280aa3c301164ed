import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock, systemRandom } from '@countersign/kernel';
import { generateSigningKey } from '@countersign/sdk';
import {
  createAttesterDoor,
  createConfiguredEvidence,
  createSvidSource,
  digestFile,
  digestTree,
  type Endpoint,
  launch,
  openEndpoint,
  readAgentSettings,
  type Svid,
  type SvidSource,
} from '@countersign/workload-agent';
import { encodePem } from '@countersign/x509';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { field, message, readFields, textIn } from '../../apps/workload-agent/src/protobuf.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { encodeFields, formType, rawClient, signJwt } from './testing/raw-client.ts';
import { createCertificates, withMutualTls } from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { send } from './testing/wire.ts';
import { createWorkloadClient } from './testing/workload-client.ts';
import {
  certifiedAgent,
  createAttester,
  establishWorkloadAuthority,
  registerWorkload,
  workloadTerms,
} from './testing/workload-world.ts';

// What an SVID is good for: a client certificate and a client assertion at the token endpoint, for the registered agent alone.

const data = scratchFolder();
const files = scratchFolder();
const settings = join(files.path, 'settings.json');
const program = join(files.path, 'program.js');
const image = 'ab'.repeat(32);
const configuration = 'c0'.repeat(32);
const evidence = [{ kind: 'launcher', environment: 'test', image, configuration }];
let controlPlane: RunningControlPlane;
let attester: ReturnType<typeof createAttester>;
let mutualTls: string;
let authorities: string;
let lei: string;
const people = ['person:development.approver', 'person:development.operator'] as const;

const door = () => createAttesterDoor({ issuer: controlPlane.issuer, client: attester.client, clock: systemClock });
type Credential = Pick<Svid, 'chain' | 'privateKey'>;
const bySvid = (svid: Credential) => ({
  authorities,
  certificatePem: svid.chain.map((der) => encodePem('CERTIFICATE', der)).join(''),
  privateKeyPem: encodePem('PRIVATE KEY', svid.privateKey),
});
const jwtSpiffe = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe';
const proofKey = generateSigningKey();

/** A token request of a client, with whatever proves who it is. */
async function ask(
  client: string,
  by: { readonly svid?: Credential; readonly assertion?: string },
  asked: { readonly scope?: string; readonly resource?: string } = {},
) {
  const { scope = 'decision:evaluate', resource = 'decisions' } = asked;
  const raw = rawClient({ issuer: controlPlane.issuer, id: client, key: proofKey, proofKey });
  const url = `${by.svid === undefined ? controlPlane.issuer : mutualTls}/token`;
  const answer = await send({
    method: 'POST',
    url,
    headers: { 'content-type': formType, dpop: [raw.proof(url)] },
    body: encodeFields([
      ['grant_type', 'client_credentials'],
      ['client_id', client],
      ['resource', `${controlPlane.issuer}/${resource}`],
      ['scope', scope],
      ...(by.assertion === undefined
        ? []
        : ([
            ['client_assertion_type', jwtSpiffe],
            ['client_assertion', by.assertion],
          ] as const)),
    ]),
    ...(by.svid === undefined ? {} : { tls: bySvid(by.svid) }),
  });
  return { status: answer.status, ...(JSON.parse(answer.body.toString()) as Record<string, unknown>) };
}

beforeAll(async () => {
  const first = await configurationIn(data.path);
  const certificates = createCertificates();
  authorities = certificates.authority.certificatePem;
  writeFileSync(settings, '{"limit": 100}\n');
  writeFileSync(program, 'setInterval(() => {}, 1000);\n');
  controlPlane = await runControlPlane(first);
  lei = first.operator.lei;
  attester = createAttester(controlPlane.issuer, lei);
  const clientOf = (id: string, name: string) => ({
    ...{ id, institution: lei, principal: `agent:${name}`, grant_types: ['client_credentials'] },
    environment: 'sandbox',
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_san_uri: `spiffe://localhost/agent/${name}`,
    binding: 'dpop',
    scopes: ['decision:evaluate', 'rfq:respond'],
    audiences: [`${controlPlane.issuer}/decisions`, `${controlPlane.issuer}/transactions`],
  });
  await controlPlane.operator.apply({
    services: [attester.service],
    agents: [
      certifiedAgent(lei, 'live-1', people, { configuration_sha256: await digestTree(settings) }),
      certifiedAgent(lei, 'vwap-1', people, { configuration_sha256: configuration }),
      certifiedAgent(lei, 'twap-1', people),
      certifiedAgent(lei, 'pov-1', people),
    ],
    clients: [attester.registration, ...['vwap', 'twap', 'pov', 'live'].map((name) => clientOf(name, `${name}-1`))],
  });
  const { root } = await establishWorkloadAuthority(controlPlane.operator);
  for (const name of ['vwap-1', 'twap-1', 'pov-1'])
    await registerWorkload(
      controlPlane.operator,
      name,
      workloadTerms({
        ...{ holder: `agent:${name}`, profile: 'trading-agent', images: [image], configuration },
        audiences: [controlPlane.issuer, 'https://venue.example'],
      }),
    );
  await controlPlane.stop();
  // The operator trusts the root of the workloads at the address for mutual TLS.
  const second = await withMutualTls(first, {
    ...certificates,
    authority: { ...certificates.authority, certificatePem: `${authorities}\n${root}` },
  });
  mutualTls = second.mutualTls?.baseUrl ?? '';
  controlPlane = await runControlPlane(second);
});
afterAll(async () => {
  await controlPlane?.stop();
  data.remove();
  files.remove();
});

/** Certifies the algorithm with a configuration, by two people. */
const recertify = (sha256: string) =>
  controlPlane.operator.apply({
    agents: [certifiedAgent(lei, 'vwap-1', people, { configuration_sha256: sha256 })],
  });
const lastRefusal = async () => (await controlPlane.operator.records({ type: 'client.refused' })).at(-1);

describe('an X.509-SVID', () => {
  it('authenticates the registered agent over mutual TLS, and no other', async () => {
    const svid = await door().obtainSvid('vwap-1', async () => evidence);
    expect(await ask('vwap', { svid })).toMatchObject({ status: 200, token_type: 'DPoP' });
    expect(await ask('twap', { svid })).toMatchObject({ status: 401, error: 'invalid_client' });
  });

  it('authenticates nobody any more once it is revoked, and the refusal is recorded', async () => {
    const svid = await door().obtainSvid('vwap-1', async () => evidence);
    expect(await ask('vwap', { svid })).toMatchObject({ status: 200 });
    const serial = new X509Certificate(svid.chain[0] ?? new Uint8Array()).serialNumber.toLowerCase();
    await controlPlane.operator.call('certificates', 'certificate:revoke', {
      method: 'POST',
      path: `/certificates/${serial}/revoke`,
      body: { reason: 'keyCompromise' },
    });
    expect(await ask('vwap', { svid })).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await lastRefusal()).toMatchObject({ client: 'vwap', reason: 'client_certificate_revoked' });
    const next = await door().obtainSvid('vwap-1', async () => evidence);
    expect(await ask('vwap', { svid: next })).toMatchObject({ status: 200 });
  });
});

describe('a JWT-SVID', () => {
  const obtain = (entry = 'vwap-1', audience = controlPlane.issuer) => door().obtainToken(entry, [audience], evidence);

  it('authenticates the registered agent once', async () => {
    const { token } = await obtain();
    expect(await ask('vwap', { assertion: token })).toMatchObject({ status: 200, token_type: 'DPoP' });
    expect(await ask('vwap', { assertion: token })).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await controlPlane.operator.records({ type: 'workload.token-issued' })).toHaveLength(1);
  });

  it('is refused for another client, another audience, an altered claim and another key', async () => {
    const { token } = await obtain();
    const refused = { status: 401, error: 'invalid_client' };
    expect(await ask('twap', { assertion: token })).toMatchObject(refused);
    expect(await ask('node-1', { assertion: token })).toMatchObject(refused);
    const shared = await door().obtainToken('vwap-1', [controlPlane.issuer, 'https://venue.example'], evidence);
    expect(await ask('vwap', { assertion: shared.token })).toMatchObject(refused);
    const elsewhere = await obtain('vwap-1', 'https://venue.example');
    expect(await ask('vwap', { assertion: elsewhere.token })).toMatchObject(refused);
    const [header = '', claims = '', signature = ''] = token.split('.');
    const changed = JSON.parse(Buffer.from(claims, 'base64url').toString());
    const altered = Buffer.from(JSON.stringify({ ...changed, sub: 'spiffe://localhost/agent/twap-1' })).toString(
      'base64url',
    );
    expect(await ask('twap', { assertion: `${header}.${altered}.${signature}` })).toMatchObject(refused);
    const own = generateSigningKey();
    const kid = JSON.parse(Buffer.from(header, 'base64url').toString()).kid;
    const forged = signJwt(own, { alg: 'ES256', typ: 'JWT', kid }, { ...changed, jti: 'another' });
    expect(await ask('vwap', { assertion: forged })).toMatchObject(refused);
    expect(await lastRefusal()).toMatchObject({ outcome: 'deny', reason: 'jwt_svid_invalid' });
  });

  it('is issued for registered audiences only, and the refusal is recorded', async () => {
    await expect(obtain('vwap-1', 'https://elsewhere.example')).rejects.toThrow('workload_audience_refused');
    expect((await controlPlane.operator.records({ type: 'workload.refused' })).at(-1)).toMatchObject({
      reason: 'workload_audience_refused',
    });
  });
});

describe('a certified configuration', () => {
  it('is needed for a certificate, also for one that is asked for by hand', async () => {
    const { privateKey, chain: _ } = await door().obtainSvid('vwap-1', async () => evidence);
    expect(privateKey.length).toBeGreaterThan(0);
    const other = 'd1'.repeat(32);
    const { operator } = controlPlane;
    await registerWorkload(
      operator,
      'vwap-1-next',
      workloadTerms({ holder: 'agent:vwap-1', profile: 'trading-agent', images: [image], configuration: other }),
    );
    // Two people registered the entry; the certification of the algorithm still covers the first configuration.
    const next = [{ ...evidence[0], configuration: other }];
    await expect(door().obtainSvid('vwap-1-next', async () => next)).rejects.toThrow('agent_configuration_differs');
  });

  it('is what the policies see of a client with an SVID, and of no other client', async () => {
    const { token } = await door().obtainToken('vwap-1', [controlPlane.issuer], evidence);
    const svid = await door().obtainSvid('vwap-1', async () => evidence);
    for (const by of [{ svid }, { assertion: token }]) {
      expect(await ask('vwap', by)).toMatchObject({ status: 200 });
      const issued = (await controlPlane.operator.records({ type: 'token.issued' })).findLast(
        ({ client }) => client === 'vwap',
      );
      expect(JSON.stringify(issued)).toContain(configuration);
      expect(JSON.stringify(issued)).toContain('kernel-observed');
    }
  });

  it('ends with the certification: no certificate until the running configuration is certified again', async () => {
    await recertify('d1'.repeat(32));
    await expect(door().obtainSvid('vwap-1', async () => evidence)).rejects.toThrow('agent_configuration_differs');
    await recertify(configuration);
    await door().obtainSvid('vwap-1', async () => evidence);
  });
});

describe('a running algorithm whose configuration changes', () => {
  const terms = async () =>
    workloadTerms({
      ...{ holder: 'agent:live-1', profile: 'trading-agent', images: [await digestFile(process.execPath)] },
      configuration: await digestTree(settings),
      audiences: [controlPlane.issuer],
    });
  const credentialsIn = (received: Buffer) => {
    const svid = readFields(readFields(received).get(1)?.[0] ?? Buffer.alloc(0));
    return { chain: splitCertificates(svid.get(2)?.[0]), privateKey: svid.get(3)?.[0] ?? Buffer.alloc(0) };
  };

  it('loses its trading credentials, on record, until two people have approved the configuration', async () => {
    const { operator } = controlPlane;
    await registerWorkload(operator, 'live-1', await terms());
    const launched = await launch({
      ...{ entry: 'live-1', environment: 'test', executable: process.execPath, scripts: program },
      ...{ configuration: settings, command: [process.execPath, program] },
      ...{ door: door(), clock: systemClock, random: systemRandom, everyMs: 200 },
    });
    const client = createWorkloadClient(launched.address);
    /** The SVID of the process, as soon as its agent has one. */
    const fetched = () =>
      vi.waitFor(
        async () => {
          const stream = client.stream('FetchX509SVID');
          await vi.waitFor(
            () => expect(stream.messages.length + (stream.failure() ? 1 : 0)).toBeGreaterThan(0),
            10_000,
          );
          stream.cancel();
          expect(stream.messages).not.toHaveLength(0);
          return credentialsIn(stream.messages[0] ?? Buffer.alloc(0));
        },
        { timeout: 30_000 },
      );
    const before = await fetched();
    const { token } = await door().obtainToken('live-1', [controlPlane.issuer], await measured());
    expect(await ask('live', { svid: before })).toMatchObject({ status: 200 });

    const stream = client.stream('FetchX509SVID');
    await vi.waitFor(() => expect(stream.messages).not.toHaveLength(0), 10_000);
    const registered = await digestTree(settings);
    writeFileSync(settings, '{"limit": 1000000}\n');
    await vi.waitFor(() => expect(stream.failure()).toMatchObject({ code: 7 }), 10_000);
    expect(stream.failure()?.details).toContain('workload_configuration_differs');
    expect((await operator.records({ type: 'workload.refused' })).at(-1)).toMatchObject({
      ...{ outcome: 'deny', reason: 'workload_configuration_differs', subject: { id: 'service:node-1' } },
      data: {
        ...{ entry: 'live-1', holder: 'agent:live-1', fact: 'configuration' },
        ...{ expected: [registered], found: await digestTree(settings) },
      },
    });
    // The process still has its certificate in memory, and a token for its client.
    expect(launched.child.exitCode).toBeNull();
    expect(await ask('live', { svid: before })).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await lastRefusal()).toMatchObject({ client: 'live', outcome: 'deny', reason: 'workload_refused' });
    expect(await ask('live', { assertion: token })).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await lastRefusal()).toMatchObject({ client: 'live', reason: 'workload_refused' });

    // The entry alone is not enough: the certification of the algorithm names the configuration too.
    await registerWorkload(operator, 'live-1', await terms());
    const anew = door().obtainSvid('live-1', measured);
    await expect(anew).rejects.toThrow('agent_configuration_differs');
    const changed = { configuration_sha256: await digestTree(settings) };
    await operator.apply({ agents: [certifiedAgent(lei, 'live-1', people, changed)] });
    const after = await fetched();
    expect(await ask('live', { svid: after })).toMatchObject({ status: 200 });
    expect(await ask('live', { svid: before })).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await lastRefusal()).toMatchObject({ client: 'live', reason: 'workload_terms_changed' });

    // A change of the entry reaches a process that has not changed.
    const kept = client.stream('FetchX509SVID');
    await vi.waitFor(() => expect(kept.messages).not.toHaveLength(0), 10_000);
    await registerWorkload(operator, 'live-1', { ...(await terms()), configuration });
    await vi.waitFor(() => expect(kept.failure()).toMatchObject({ code: 7 }), 10_000);
    expect(await ask('live', { svid: after })).toMatchObject({ status: 401 });
    client.close();
    launched.child.kill();
    await launched.ended;
  });

  /** What the launcher measures. */
  async function measured() {
    const image = await digestFile(process.execPath);
    return [{ kind: 'launcher', environment: 'test', image, configuration: await digestTree(settings) }];
  }
});

/** Certificates of at least 256 octets, one after the other. */
function splitCertificates(octets: Buffer = Buffer.alloc(0)): readonly Uint8Array[] {
  const certificates: Uint8Array[] = [];
  for (let at = 0; at < octets.length; ) {
    const end = at + 4 + octets.readUInt16BE(at + 2);
    certificates.push(octets.subarray(at, end));
    at = end;
  }
  return certificates;
}

describe('a suspended workload', () => {
  it('authenticates no client any more, with a certificate that has not expired', async () => {
    const svid = await door().obtainSvid('twap-1', async () => evidence);
    const { token } = await door().obtainToken('twap-1', [controlPlane.issuer], evidence);
    expect(await ask('twap', { svid })).toMatchObject({ status: 200 });
    await controlPlane.operator.call('workloads', 'workload:suspend', {
      method: 'POST',
      path: '/workloads/twap-1/suspend',
      body: { reason: 'Kill switch' },
    });
    expect(await ask('twap', { svid })).toMatchObject({ status: 401 });
    expect(await lastRefusal()).toMatchObject({ reason: 'workload_suspended' });
    expect(await ask('twap', { assertion: token })).toMatchObject({ status: 401 });
  });
});

describe('an agent that leaves', () => {
  it('loses certificates, registration entry and enrolment in one departure', async () => {
    const { operator } = controlPlane;
    const agent = 'agent:pov-1';
    const svid = await door().obtainSvid('pov-1', async () => evidence);
    const { token } = await door().obtainToken('pov-1', [controlPlane.issuer], evidence);
    expect(await ask('pov', { svid })).toMatchObject({ status: 200 });
    const post = (path: string, body: unknown) => ({ method: 'POST' as const, path, body });
    const read = (door_: string, scope: string, path: string) => operator.call(door_, scope, { method: 'GET', path });
    const { enrolment } = (await operator.call(
      'certificates',
      'certificate:issue',
      post('/certificates/enrolments', { profile: 'trading-agent', holder: agent, dns_names: [] }),
    )) as { readonly enrolment: { readonly id: string } };
    const { id } = (await operator.call(
      'directory',
      'directory:apply',
      post(`/directory/principals/${agent}/leave`, { reason: 'Switched off' }),
    )) as { readonly id: string };

    const found = async () => {
      const { departures } = (await read('directory', 'directory:read', '/directory/departures?status=completed')) as {
        readonly departures: readonly { readonly id: string; readonly effects: unknown }[];
      };
      return departures.find((each) => each.id === id);
    };
    await vi.waitFor(async () => expect(await found()).toBeDefined(), { timeout: 60_000 });
    for (const name of ['workloads', 'enrolments', 'certificates'])
      expect((await found())?.effects).toContainEqual({ name, status: 'done', ended: 1 });
    expect(await operator.records({ type: 'certificate.revoked' })).toContainEqual(
      expect.objectContaining({ data: expect.objectContaining({ holder: agent, reason: 'cessationOfOperation' }) }),
    );
    expect(await read('workloads', 'workload:read', '/workloads/pov-1')).toMatchObject({ status: 'suspended' });
    expect(await read('certificates', 'certificate:read', `/certificates/enrolments?holder=${agent}`)).toMatchObject({
      enrolments: [{ id: enrolment.id, status: 'ended' }],
    });
    expect(await ask('pov', { svid })).toMatchObject({ status: 401 });
    expect(await ask('pov', { assertion: token })).toMatchObject({ status: 401 });
    await expect(door().obtainSvid('pov-1', async () => evidence)).rejects.toThrow('workload_ended');
  });
});

describe('the agent on the machine of a workload', () => {
  const folder = scratchFolder();
  const audience = 'https://venue.example';
  let source: SvidSource;
  let endpoint: Endpoint;
  let client: ReturnType<typeof createWorkloadClient>;

  beforeAll(async () => {
    source = createSvidSource({
      ...{ entry: 'vwap-1', door: door(), clock: systemClock, random: systemRandom, everyMs: 200 },
      evidence: { gather: async () => evidence, fingerprint: async () => '' },
    });
    endpoint = await openEndpoint({ socket: join(folder.path, 'w', 'api.sock'), source, clock: systemClock });
    client = createWorkloadClient(endpoint.address);
    await vi.waitFor(() => expect(source.state().is).toBe('ready'), 10_000);
  });
  afterAll(async () => {
    client?.close();
    source?.stop();
    await endpoint?.stop();
    folder.remove();
  });

  it('gives and validates JWT-SVIDs, and streams the bundle of their keys', async () => {
    const fetched = readFields(await client.ask('FetchJWTSVID', message(field(1, audience))));
    const svid = readFields(fetched.get(1)?.[0] ?? Buffer.alloc(0));
    expect(textIn(svid, 1)).toBe('spiffe://localhost/agent/vwap-1');
    const asked = (of: string) => message(field(1, of), field(2, textIn(svid, 2)));
    const valid = readFields(await client.ask('ValidateJWTSVID', asked(audience)));
    expect(textIn(valid, 1)).toBe('spiffe://localhost/agent/vwap-1');
    await expect(client.ask('ValidateJWTSVID', asked('https://elsewhere.example'))).rejects.toMatchObject({ code: 3 });
    const another = message(field(1, audience), field(2, 'spiffe://localhost/agent/twap-1'));
    await expect(client.ask('FetchJWTSVID', another)).rejects.toMatchObject({ code: 7 });
    const unregistered = message(field(1, 'https://elsewhere.example'));
    await expect(client.ask('FetchJWTSVID', unregistered)).rejects.toMatchObject({ code: 7 });
    await expect(client.ask('FetchJWTSVID', message())).rejects.toMatchObject({ code: 3 });
    await expect(client.ask('FetchJWTSVID', Buffer.from([0x0a, 0xff]))).rejects.toMatchObject({ code: 3 });
    const bundles = client.stream('FetchJWTBundles');
    await vi.waitFor(() => expect(bundles.messages).toHaveLength(1), 10_000);
    const entry = readFields(readFields(bundles.messages[0] ?? Buffer.alloc(0)).get(1)?.[0] ?? Buffer.alloc(0));
    expect(textIn(entry, 1)).toBe('spiffe://localhost');
    expect(JSON.parse(textIn(entry, 2))).toMatchObject({ keys: [{ kty: 'EC', use: 'jwt-svid' }] });
    bundles.cancel();
  });

  const go = ['/usr/local/go/bin/go', '/usr/bin/go'].find((path) => existsSync(path));
  it.skipIf(go === undefined)(
    `serves go-spiffe${go === undefined ? ' (skipped: Go is not installed)' : ''}`,
    { timeout: 300_000 },
    async ({ skip }) => {
      const run = promisify(execFile);
      const cwd = fileURLToPath(new URL('../go-spiffe', import.meta.url));
      const program = join(folder.path, 'go-spiffe');
      await run(go ?? '', ['mod', 'download'], { cwd }).catch(() =>
        skip('the modules of go-spiffe cannot be downloaded'),
      );
      await run(go ?? '', ['build', '-o', program, '.'], { cwd });
      const { stdout } = await run(program, [audience], {
        env: { ...process.env, SPIFFE_ENDPOINT_SOCKET: endpoint.address },
      });
      const id = 'spiffe://localhost/agent/vwap-1';
      expect(JSON.parse(stdout)).toEqual({
        ...{ x509: id, certificates: 2, jwt: id, validated: id, otherAudienceRefused: true },
      });
    },
  );

  const secrets = '/envoy.service.secret.v3.SecretDiscoveryService/';
  it('serves Envoy its certificate and its roots, in both dialects', async () => {
    const whole = client.talk(`${secrets}StreamSecrets`);
    whole.say(message(field(3, 'default'), field(3, 'ROOTCA'), field(3, 'spiffe://localhost/agent/twap-1')));
    await vi.waitFor(() => expect(whole.messages).toHaveLength(1), 10_000);
    const answer = readFields(whole.messages[0] ?? Buffer.alloc(0));
    const found = (answer.get(2) ?? []).map((any) => readFields(readFields(any).get(2)?.[0] ?? Buffer.alloc(0)));
    expect(found.map((secret) => textIn(secret, 1))).toEqual(['default', 'ROOTCA']);
    const certificate = readFields(found[0]?.get(2)?.[0] ?? Buffer.alloc(0));
    expect(textIn(readFields(certificate.get(1)?.[0] ?? Buffer.alloc(0)), 2)).toContain('BEGIN CERTIFICATE');
    expect(textIn(readFields(certificate.get(2)?.[0] ?? Buffer.alloc(0)), 2)).toContain('BEGIN PRIVATE KEY');
    // An acknowledgement is not answered.
    whole.say(
      message(
        field(1, '1'),
        field(3, 'default'),
        field(3, 'ROOTCA'),
        field(3, 'spiffe://localhost/agent/twap-1'),
        field(5, '1'),
      ),
    );
    const changes = client.talk(`${secrets}DeltaSecrets`);
    changes.say(message(field(3, 'spiffe://localhost/agent/vwap-1')));
    await vi.waitFor(() => expect(changes.messages).toHaveLength(1), 10_000);
    expect(
      textIn(readFields(readFields(changes.messages[0] ?? Buffer.alloc(0)).get(2)?.[0] ?? Buffer.alloc(0)), 3),
    ).toBe('spiffe://localhost/agent/vwap-1');
    expect(whole.messages).toHaveLength(1);
    const malformed = client.talk(`${secrets}StreamSecrets`);
    malformed.say(Buffer.from([0x1a, 0x7f]));
    await vi.waitFor(() => expect(malformed.failure()).toMatchObject({ code: 3 }), 10_000);

    // The end of the workload removes the secret, and ends both streams.
    await controlPlane.operator.call('workloads', 'workload:suspend', {
      ...{ method: 'POST', path: '/workloads/vwap-1/suspend', body: { reason: 'Kill switch' } },
    });
    await vi.waitFor(() => expect(whole.failure()).toMatchObject({ code: 7 }), 10_000);
    await vi.waitFor(() => expect(changes.failure()).toMatchObject({ code: 7 }), 10_000);
    expect(textIn(readFields(changes.messages.at(-1) ?? Buffer.alloc(0)), 6)).toBe('spiffe://localhost/agent/vwap-1');
  });

  it('sees what the kernel says about a process, and refuses a folder that is open to others', async () => {
    const pidFile = join(folder.path, 'pid');
    writeFileSync(pidFile, `${process.pid}\n`);
    const observed = createConfiguredEvidence('test', [{ kind: 'process', pid_file: pidFile }]);
    expect(await observed.gather(undefined)).toMatchObject([
      {
        kind: 'process',
        environment: 'test',
        image: await digestFile(process.execPath),
        user: String(process.getuid?.()),
      },
    ]);
    const before = await observed.fingerprint();
    writeFileSync(pidFile, String(process.ppid));
    expect(await observed.fingerprint()).not.toBe(before);
    writeFileSync(pidFile, '1');
    await expect(observed.gather(undefined)).rejects.toThrow('workload_unobservable');
    const open = join(folder.path, 'open');
    mkdirSync(open, { mode: 0o755 });
    await expect(openEndpoint({ socket: join(open, 'api.sock'), source, clock: systemClock })).rejects.toThrow(
      'agent_configuration_invalid',
    );
    expect(() => readAgentSettings({ workloads: [{ entry: 'x', socket: 'relative' }] })).toThrow(
      'agent_configuration_invalid',
    );
  });
});
