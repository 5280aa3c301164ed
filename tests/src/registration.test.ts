import { type Client, createClient, generateSigningKey } from '@countersign/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import type { Key } from './testing/credentials.ts';
import { clearedByCompliance, leis } from './testing/firms.ts';
import { codeOf } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// A firm registers its own software (RFC 7591) and manages it (RFC 7592), checked by the real directory.

const folder = scratchFolder();
const registrarKey = generateSigningKey();
const clearerKey = generateSigningKey();
const venueKey = generateSigningKey();
const orders = 'https://venue.example/orders';
let controlPlane: RunningControlPlane;
let issuer: string;
let registrar: Client;
/** Of another firm, whose software the directory refuses: each firm has a request budget per minute. */
let clearer: Client;
let venue: Client;

const publicJwk = (key: Key, kid: string = key.kid) => ({ ...key.publicJwk, kid });

beforeAll(async () => {
  controlPlane = await runControlPlane(await configurationIn(folder.path));
  issuer = controlPlane.issuer;
  const service = (name: string, institution: string) => ({ id: `service:${name}`, institution, roles: [] });
  const client = (id: string, key: Key, change: object) => ({
    id,
    principal: `service:${id}`,
    grant_types: ['client_credentials'],
    jwks: { keys: [publicJwk(key)] },
    ...change,
  });
  const mayRegister = { scopes: ['client:register'], audiences: [`${issuer}/register`] };
  const body = {
    institutions: [leis.broker, leis.clearing, leis.venue].map((lei) => ({
      lei,
      name: `Firm ${lei.slice(0, 10)}`,
      country: 'DE',
      compliance: clearedByCompliance(),
    })),
    services: [
      ...['registrar', 'oms', 'blotter', 'dashboard'].map((name) => service(name, leis.broker)),
      ...['clearer', 'late'].map((name) => service(name, leis.clearing)),
      service('gateway', leis.venue),
    ],
    clients: [
      client('registrar', registrarKey, { institution: leis.broker, ...mayRegister }),
      client('clearer', clearerKey, { institution: leis.clearing, ...mayRegister }),
      client('gateway', venueKey, { institution: leis.venue, scopes: [], audiences: [] }),
    ],
    resources: [{ uri: orders, institution: leis.venue, scopes: ['order:create', 'order:read', 'order:approve'] }],
  };
  await controlPlane.operator.call('directory', 'directory:apply', { method: 'POST', path: '/directory/apply', body });
  registrar = createClient({ issuer, clientId: 'registrar', key: registrarKey });
  clearer = createClient({ issuer, clientId: 'clearer', key: clearerKey });
  venue = createClient({ issuer, clientId: 'gateway', key: venueKey });
});
afterAll(async () => {
  await controlPlane?.stop();
  folder.remove();
});

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

function answerOf({ status, body }: { readonly status: number; readonly body: unknown }): Answer {
  return { status, body: typeof body === 'object' && body !== null ? Object.fromEntries(Object.entries(body)) : {} };
}

async function register(metadata: unknown, by: Client = registrar): Promise<Answer> {
  const token = await by.clientCredentials({ resource: `${issuer}/register`, scope: 'client:register' });
  return answerOf(await by.call(token, { method: 'POST', url: `${issuer}/register`, body: metadata }));
}

/** With the registration access token of the last response. */
async function manage(method: 'GET' | 'PUT' | 'DELETE', registered: Answer, body?: unknown): Promise<Answer> {
  const answer = await fetch(String(registered.body['registration_client_uri']), {
    method,
    headers: {
      authorization: `Bearer ${String(registered.body['registration_access_token'])}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return answerOf({ status: answer.status, body: text === '' ? {} : JSON.parse(text) });
}

const machine = (principal: string, key: Key, change: object = {}) => ({
  client_name: 'Order management',
  grant_types: ['client_credentials'],
  scope: 'order:read order:create',
  jwks: { keys: [publicJwk(key)] },
  countersign_principal: principal,
  countersign_audiences: [orders],
  ...change,
});

const softwareOf = (registered: Answer, key: Key): Client =>
  createClient({ issuer, clientId: String(registered.body['client_id']), key });

function sentBack({ body }: Answer, change: object = {}): Record<string, unknown> {
  const { registration_access_token: _, registration_client_uri: __, client_id_issued_at: ___, ...metadata } = body;
  return { ...metadata, ...change };
}

describe('software that a firm registers', () => {
  it('is announced in the metadata of the server', async () => {
    const metadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
    expect(metadata).toMatchObject({ registration_endpoint: `${issuer}/register` });
  });

  it('gets tokens at once, with fewer scopes after an update, and none after its removal', async () => {
    const key = generateSigningKey();
    const registered = await register(machine('service:oms', key));
    expect(registered).toMatchObject({
      status: 201,
      body: {
        scope: 'order:create order:read',
        countersign_institution: leis.broker,
        countersign_environment: 'sandbox',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [publicJwk(key)] },
      },
    });
    const software = softwareOf(registered, key);
    const token = await software.clientCredentials({ resource: orders, scope: 'order:read' });
    expect(await venue.introspect(token.accessToken)).toMatchObject({
      sub: 'service:oms',
      client_id: registered.body['client_id'],
      lei: leis.broker,
    });
    expect((await manage('GET', registered)).body).toEqual(registered.body);

    const updated = await manage('PUT', registered, sentBack(registered, { scope: 'order:create' }));
    expect(updated).toMatchObject({ status: 200, body: { scope: 'order:create' } });
    expect((await manage('GET', registered)).status).toBe(401);
    expect(await codeOf(() => software.clientCredentials({ resource: orders, scope: 'order:read' }))).toBe(
      'invalid_scope scope_not_allowed',
    );

    expect((await manage('DELETE', updated)).status).toBe(204);
    expect(await codeOf(() => software.clientCredentials({ resource: orders, scope: 'order:create' }))).toMatch(
      /^invalid_client /,
    );
    expect(await venue.introspect(token.accessToken)).toBeUndefined();
    expect((await manage('GET', updated)).status).toBe(401);
  });

  it('can be registered again from the returned metadata, whatever the directory normalised', async () => {
    const key = generateSigningKey();
    const registered = await register({
      client_name: 'Dashboard',
      grant_types: ['refresh_token', 'authorization_code'],
      redirect_uris: ['https://dashboard.broker.example/b', 'https://dashboard.broker.example/a'],
      post_logout_redirect_uris: ['https://dashboard.broker.example/bye'],
      backchannel_logout_uri: 'https://dashboard.broker.example/logout',
      jwks: { keys: [publicJwk(key)] },
      countersign_profile: 'oidc',
      countersign_principal: 'service:dashboard',
    });
    expect(registered).toMatchObject({
      status: 201,
      body: { scope: 'offline_access openid', response_types: ['code'] },
    });
    const again = await manage('PUT', registered, sentBack(registered));
    expect(again.status).toBe(200);
    expect(sentBack(again)).toEqual(sentBack(registered));
    expect((await manage('DELETE', again)).status).toBe(204);
  });

  it('is recorded before it takes effect, without its token', async () => {
    const registered = await register(machine('service:blotter', generateSigningKey()));
    const records = await controlPlane.operator.records();
    const made = records.findIndex(
      ({ type, data }) =>
        type === 'client.registered' && JSON.stringify(data).includes(String(registered.body['client_id'])),
    );
    expect(records[made]).toMatchObject({
      subject: { id: 'service:registrar', institution: leis.broker },
      client: 'registrar',
      data: { operation: 'register', principal: 'service:blotter' },
    });
    expect(records.slice(made + 1).find(({ type }) => type === 'directory.applied')).toMatchObject({
      subject: { id: 'service:registrar' },
    });
    expect(JSON.stringify(records)).not.toContain(String(registered.body['registration_access_token']));
    await manage('DELETE', registered);
  });
});

describe('the directory refuses', () => {
  const key = generateSigningKey();
  const { d: _, ...otherKey } = generateSigningKey().privateJwk;

  it.each<[string, object, string, string, string]>([
    [
      'both sides of one check',
      { scope: 'order:create order:approve' },
      'invalid_client_metadata',
      'scope_duties_combined',
      '/scope',
    ],
    [
      'a scope that stands for many',
      { scope: 'full_trade_access' },
      'invalid_client_metadata',
      'scope_generic',
      '/scope',
    ],
    [
      'an interface that does not exist',
      { countersign_audiences: ['https://nowhere.example'] },
      'invalid_client_metadata',
      'reference_unknown',
      '/countersign_audiences/0',
    ],
    [
      'a key that another client has',
      { jwks: { keys: [publicJwk(registrarKey)] } },
      'invalid_client_metadata',
      'credential_shared',
      '/jwks/keys/0',
    ],
    [
      'a principal that has a client',
      { countersign_principal: 'service:clearer' },
      'invalid_client_metadata',
      'principal_shared',
      '/countersign_principal',
    ],
    [
      'a private key',
      { jwks: { keys: [{ ...generateSigningKey().privateJwk, kid: 'k' }] } },
      'invalid_client_metadata',
      'private_key_in_file',
      '/jwks/keys/0',
    ],
    [
      'a key that names where to find another',
      { jwks: { keys: [{ ...otherKey, kid: 'k', jku: 'https://x.example' }] } },
      'invalid_client_metadata',
      'directory_file_invalid',
      '/jwks/keys/0/jku',
    ],
    [
      'a grant that needs a person, for a machine',
      { countersign_kind: 'machine', grant_types: ['refresh_token'] },
      'invalid_client_metadata',
      'client_metadata_invalid',
      '/grant_types/0',
    ],
    [
      'a redirect in the clear',
      { grant_types: ['authorization_code'], redirect_uris: ['http://desk.example/cb'] },
      'invalid_redirect_uri',
      'client_metadata_invalid',
      '/redirect_uris/0',
    ],
    [
      'a redirect that is not a list',
      { grant_types: ['authorization_code'], redirect_uris: 'https://desk.example/cb' },
      'invalid_redirect_uri',
      'directory_file_invalid',
      '/redirect_uris',
    ],
    [
      'a grant there is not',
      { grant_types: ['password'] },
      'invalid_client_metadata',
      'client_metadata_invalid',
      '/grant_types/0',
    ],
    [
      'an authentication there is not',
      { token_endpoint_auth_method: 'attest_jwt_client_auth' },
      'invalid_client_metadata',
      'client_metadata_invalid',
      '/token_endpoint_auth_method',
    ],
  ])('%s', async (_name, change, error, reason, path) => {
    const { status, body } = await register(machine('service:late', key, change), clearer);
    expect({ status, error: body['error'], reason: body['reason'] }).toEqual({ status: 400, error, reason });
    expect(body['problems']).toEqual(expect.arrayContaining([expect.objectContaining({ code: reason, path })]));
  });

  it('the second of two clients for one principal, when eight arrive at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => register(machine('service:late', generateSigningKey()), clearer)),
    );
    const [made, ...others] = answers.filter(({ status }) => status === 201);
    expect(others).toEqual([]);
    for (const answer of answers.filter((each) => each !== made))
      expect(answer).toMatchObject({ status: 400, body: { reason: 'principal_shared' } });
    if (made !== undefined) await manage('DELETE', made);
  });

  it('production to one person alone', async () => {
    const { status, body } = await register(
      machine('service:late', key, { countersign_environment: 'production' }),
      clearer,
    );
    expect({ status, reason: body['reason'] }).toEqual({ status: 400, reason: 'registration_production' });
  });
});

describe('the right to register', () => {
  it('needs the scope, in an access token for the endpoint', async () => {
    const key = generateSigningKey();
    const registered = await register(machine('service:oms', key));
    const token = await softwareOf(registered, key).clientCredentials({ resource: orders, scope: 'order:read' });
    const answer = await softwareOf(registered, key).call(token, {
      method: 'POST',
      url: `${issuer}/register`,
      body: {},
    });
    expect(answer.status).toBe(401);
    await manage('DELETE', registered);
  });

  it('cannot be passed on', async () => {
    const metadata = machine('service:oms', generateSigningKey(), {
      scope: 'client:register directory:apply',
      countersign_audiences: [`${issuer}/register`, `${issuer}/directory`],
    });
    expect(await register(metadata)).toMatchObject({ status: 400, body: { reason: 'registration_scope' } });
  });
});
