import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CodedError, isCodedError } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import {
  type Client,
  createClient,
  createTransport,
  importSigningKey,
  type SigningKey,
  type Transport,
  tokenInDevelopment,
} from '@countersign/sdk';
import { createSelfSigned, createTestAuthority, freePort, type TestCertificate } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Configuration, readConfiguration } from './configuration/configuration.ts';
import { prepareDevelopment } from './configuration/development.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const authority = createTestAuthority({ name: 'authority' });
const server = authority.issue({ subject: 'CN=localhost', sans: { dns: ['localhost'], ip: ['127.0.0.1'] } });
const proxy = authority.issue({ subject: 'CN=proxy' });
const clientCertificate = createSelfSigned({ subject: 'CN=client' });
const logger = createLogger({ level: 'silent', name: 'test' });

let folder: string;
let configuration: Configuration;
let controlPlane: ControlPlane;
let mutualTlsUrl: string;
let operator: Client;
let operatorKey: SigningKey;

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content, { mode: 0o600 });
  return `file:${join(folder, name)}`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'control-plane-'));
  const setup = prepareDevelopment({ dataFolder: join(folder, 'data'), port: await freePort() });
  mutualTlsUrl = `https://localhost:${await freePort()}`;
  configuration = readConfiguration({
    ...setup.configuration,
    logLevel: 'error',
    mutualTls: {
      baseUrl: mutualTlsUrl,
      listen: { host: '127.0.0.1', port: Number(new URL(mutualTlsUrl).port) },
      certificate: file('server.pem', server.certificatePem),
      key: file('server.key', server.privateKeyPem),
      clientAuthorities: file('authorities.pem', authority.certificatePem),
      proxies: [proxy.thumbprint],
    },
  });
  controlPlane = await startControlPlane(configuration, { logger });
  operatorKey = importSigningKey(JSON.parse(readFileSync(setup.operatorKeyFile, 'utf8')));
  operator = createClient({ issuer: configuration.issuer, clientId: 'countersign-cli', key: operatorKey });
}, 120_000);
afterAll(async () => {
  await controlPlane?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const command = () => ({ issuer: configuration.issuer, clientId: 'countersign-cli', key: operatorKey });

/** HTTPS with a client certificate, or without one. */
function overTls(certificate?: TestCertificate): Transport {
  const own = certificate === undefined ? {} : { cert: certificate.certificatePem, key: certificate.privateKeyPem };
  return {
    send: ({ method, url, headers, body }) =>
      new Promise((resolve, reject) => {
        const outgoing = request(url, { method, headers, agent: false, ca: authority.certificatePem, ...own });
        outgoing.on('error', reject);
        outgoing.on('response', (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : text;
            resolve({ status: incoming.statusCode ?? 0, body: parsed });
          });
        });
        outgoing.end(body);
      }),
  };
}

const get = (transport: Transport, url: string, headers: Readonly<Record<string, string>> = {}) =>
  transport.send({ method: 'GET', url, headers });
const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
  throw new Error('it was not refused');
};

describe('a control plane with two listeners', () => {
  it('serves the same interfaces on both, and names the second', async () => {
    const { issuer } = configuration;
    const plain = createTransport();
    expect(controlPlane.mutualTlsAddress).toBe(mutualTlsUrl);
    for (const path of [
      '/.well-known/oauth-authorization-server',
      '/jwks',
      '/.well-known/countersign',
      '/log/verifier-key',
    ])
      expect(await get(overTls(), mutualTlsUrl + path)).toMatchObject({
        status: 200,
        body: (await get(plain, issuer + path)).body,
      });
    const metadata = await get(plain, `${issuer}/.well-known/oauth-authorization-server`);
    expect(metadata.body).toMatchObject({
      issuer,
      mtls_endpoint_aliases: { token_endpoint: `${mutualTlsUrl}/token` },
      tls_client_certificate_bound_access_tokens: true,
    });
  });

  it('serves pages, metrics and readiness only on the main one', async () => {
    const { issuer } = configuration;
    for (const path of ['/sign-out', '/metrics', '/readyz']) {
      expect((await get(createTransport(), issuer + path)).status, path).toBe(200);
      expect((await get(overTls(), mutualTlsUrl + path)).status, path).toBe(404);
    }
  });

  it('accepts a token at either, with a proof for the address used', async () => {
    const { issuer } = configuration;
    const keys = { resource: `${issuer}/keys`, scope: 'key:rotate' };
    const both: Transport = {
      send: (sent) => (sent.url.startsWith('https:') ? overTls() : createTransport()).send(sent),
    };
    const client = createClient({ issuer, clientId: 'countersign-cli', key: operatorKey, transport: both });
    const token = await tokenInDevelopment(client, command(), keys);
    for (const base of [issuer, mutualTlsUrl])
      expect(await client.call(token, { method: 'GET', url: `${base}/keys` })).toMatchObject({ status: 200 });

    // A proof for one address is refused at the other.
    const misled: Transport = {
      send: (sent) => overTls().send({ ...sent, url: sent.url.replace(issuer, mutualTlsUrl) }),
    };
    const lost = createClient({ issuer, clientId: 'countersign-cli', key: operatorKey, transport: misled });
    expect(await codeOf(tokenInDevelopment(lost, command(), keys))).toBe('invalid_dpop_proof');
  });

  it('refuses a header about a client certificate on both, except from the configured proxy', async () => {
    const headers = { 'client-cert': `:${clientCertificate.der.toString('base64')}:` };
    const untrusted = { status: 400, body: { code: 'client_certificate_header_untrusted' } };
    expect(await get(createTransport(), `${configuration.issuer}/jwks`, headers)).toMatchObject(untrusted);
    expect(await get(overTls(), `${mutualTlsUrl}/jwks`, headers)).toMatchObject(untrusted);
    expect(await get(overTls(clientCertificate), `${mutualTlsUrl}/jwks`, headers)).toMatchObject(untrusted);
    expect(await get(overTls(proxy), `${mutualTlsUrl}/jwks`, headers)).toMatchObject({ status: 200 });
  });
});

interface ListedKey {
  readonly purpose: string;
  readonly kid: string;
  readonly state: string;
  readonly age_seconds: number;
}

describe('the signing keys', () => {
  const call = async (scope: string, method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> => {
    const token = await tokenInDevelopment(operator, command(), { resource: `${configuration.issuer}/keys`, scope });
    return operator.callOrThrow(token, {
      method,
      url: configuration.issuer + path,
      ...(body === undefined ? {} : { body }),
    });
  };
  const list = async (): Promise<readonly ListedKey[]> =>
    ((await call('key:rotate', 'GET', '/keys')) as { keys: readonly ListedKey[] }).keys;
  const recorded = async (type: 'key.published' | 'key.withdrawn') =>
    (await controlPlane.components.auditLog.search({ type })).map(({ record }) => record);

  it('are listed with state and age, one per purpose except those of RSA, recorded before they were published', async () => {
    const keys = await list();
    const tokenPurposes = ['access-token', 'id-token', 'transaction-token'];
    expect(keys.map(({ purpose, state }) => [purpose, state])).toEqual(
      [
        ...tokenPurposes,
        ...['log-checkpoint', 'policy-bundle', 'mandate', 'envelope', 'event', 'security-event'],
        ...['time-stamp', 'workload-token'],
      ].map((purpose) => [purpose, 'active']),
    );
    for (const { age_seconds } of keys) expect(age_seconds).toBeGreaterThanOrEqual(0);
    const kids = (await recorded('key.published')).map(({ data }) => (data as { kid: string }).kid);
    // The log's key is listed with the log, and needs no record in it.
    expect(new Set(kids)).toEqual(
      new Set(keys.filter(({ purpose }) => purpose !== 'log-checkpoint').map(({ kid }) => kid)),
    );
    // A key that signs policies signs no token, so it is in no key set.
    const published = (await get(createTransport(), `${configuration.issuer}/jwks`)).body as {
      keys: readonly ListedKey[];
    };
    expect(published.keys.map(({ kid }) => kid)).toEqual(
      keys.filter(({ purpose }) => tokenPurposes.includes(purpose)).map(({ kid }) => kid),
    );
  });

  it('are withdrawn immediately in an emergency: the lost key is in no key set, and its tokens are refused', async () => {
    const token = await tokenInDevelopment(operator, command(), {
      resource: `${configuration.issuer}/keys`,
      scope: 'key:rotate',
    });
    const lost = (await list()).find(({ purpose }) => purpose === 'access-token')?.kid ?? '';
    const answer = await call('key:revoke', 'POST', `/keys/access-token/${lost}/withdraw`, {
      reason: 'found in a ticket',
    });
    expect(answer).toMatchObject({ withdrawn: lost, successor: { purpose: 'access-token', state: 'active' } });
    const { kid } = (answer as { successor: ListedKey }).successor;
    expect((await list()).filter(({ purpose }) => purpose === 'access-token').map((key) => key.kid)).toEqual([kid]);
    const refused = await operator.call(token, { method: 'GET', url: `${configuration.issuer}/keys` });
    expect(refused).toMatchObject({ status: 401 });
    const [withdrawal] = await recorded('key.withdrawn');
    expect(withdrawal).toMatchObject({
      outcome: 'done',
      actors: [{ id: 'person:development.operator' }, { id: 'service:countersign-cli' }],
      data: { purpose: 'access-token', kid: lost, successor: kid, reason: 'found in a ticket' },
    });
    const publication = (await recorded('key.published')).find(({ id }) => withdrawal?.references?.includes(id));
    expect(publication).toMatchObject({ data: { kid } });
    // A repetition has the same result.
    expect(await call('key:revoke', 'POST', `/keys/access-token/${lost}/withdraw`, {})).toMatchObject({
      successor: { kid },
    });
    expect(await recorded('key.withdrawn')).toHaveLength(1);
  });

  it.each([
    ['of an unknown purpose', '/keys/anything/kid/withdraw', 'key_purpose_unknown'],
    ['of the log', '/keys/log-checkpoint/kid/withdraw', 'key_withdrawal_unsupported'],
    ['that are unknown', '/keys/id-token/unknown/withdraw', 'signing_key_unknown'],
  ])('%s are not withdrawn', async (_, path, code) => {
    expect(await codeOf(call('key:revoke', 'POST', path, {}))).toBe(code);
  });

  it('are not withdrawn by a caller who may only rotate them, nor listed for unauthorised callers', async () => {
    expect(await codeOf(call('key:rotate', 'POST', '/keys/id-token/unknown/withdraw', {}))).toBe('insufficient_scope');
    expect((await get(createTransport(), `${configuration.issuer}/keys`)).status).toBe(401);
  });
});

describe('a start that fails', () => {
  it('names the port that is in use, and has stopped what it had started', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    if (typeof address !== 'object' || address === null || configuration.mutualTls === undefined)
      throw new Error('no port');
    const setup = prepareDevelopment({ dataFolder: join(folder, 'other'), port: await freePort() });
    const other = readConfiguration({
      ...setup.configuration,
      logLevel: 'error',
      mutualTls: { ...configuration.mutualTls, listen: { host: '127.0.0.1', port: address.port } },
    });
    await expect(startControlPlane(other, { logger })).rejects.toMatchObject({ code: 'address_in_use' });
    await expect(get(createTransport(), `${other.issuer}/healthz`)).rejects.toBeInstanceOf(CodedError);
    await new Promise((resolve) => taken.close(resolve));
  });
});
