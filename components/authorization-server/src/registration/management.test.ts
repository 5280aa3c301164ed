import { sha256 } from '@countersign/kernel';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { broker } from '../testing/trading-world.ts';
import { clientOf, createRig, issuer, machine, type Rig } from './testing/rig.ts';

let rig: Rig;
let app: FastifyInstance;
let client: ReturnType<typeof clientOf>;
beforeAll(async () => {
  rig = await createRig();
});
afterAll(() => rig.close());
beforeEach(async () => {
  app = rig.node();
  client = clientOf(await rig.register(app, machine()));
});
afterEach(async () => {
  for (const id of rig.directory.documents.keys()) rig.directory.remove(id);
  await rig.pool.query('delete from client_registrations');
  rig.ended.length = 0;
});

/** The body of an update: the whole response except the members that must not be sent back. */
function sentBack(answered: Record<string, unknown>, change: Record<string, unknown> = {}): Record<string, unknown> {
  const { registration_access_token: _, registration_client_uri: __, client_id_issued_at: ___, ...metadata } = answered;
  return { ...metadata, ...change };
}

function refusalOf(response: LightMyRequestResponse) {
  const { error, reason } = response.json();
  return { status: response.statusCode, error, reason };
}

const notTheirs = { status: 401, error: 'invalid_token', reason: 'token_invalid' };
const registered = async (): Promise<number> =>
  (await rig.pool.query('select client_id from client_registrations')).rows.length;

describe('reading a registration', () => {
  it('answers with the registered metadata and the presented token', async () => {
    const response = await rig.manage(app, 'GET', client);
    expect(response.statusCode).toBe(200);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.json()).toEqual(client);
  });

  it('answers from the directory, also after changes by others', async () => {
    rig.directory.set(client.client_id, { client_name: 'Renamed by the operator' });
    expect((await rig.manage(app, 'GET', client)).json()).toMatchObject({ client_name: 'Renamed by the operator' });
  });

  it('works on every node', async () => {
    expect((await rig.manage(rig.node(), 'GET', client)).statusCode).toBe(200);
  });
});

describe('a registration access token', () => {
  it.each<[string, (token: string) => string]>([
    ['with another last character', (token) => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`],
    ['cut short', (token) => token.slice(0, -1)],
    ['without its prefix', (token) => token.slice(6)],
    ['as its own hash', (token) => sha256(token).toString('base64url')],
    ['of another kind', (token) => token.replace('csreg_', 'csr_')],
  ])('%s manages nothing', async (_, spoiled) => {
    const response = await rig.manage(app, 'GET', {
      ...client,
      registration_access_token: spoiled(client.registration_access_token),
    });
    expect(refusalOf(response)).toEqual(notTheirs);
    expect(response.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
  });

  it('manages no other client and does not reveal whether one exists', async () => {
    const other = clientOf(await rig.register(app, machine({ countersign_principal: 'agent:vwap-1' })));
    const { registration_access_token: token } = client;
    const answers = await Promise.all(
      [other.client_id, 'c-00000000000000000000000000000000', 'order-desk', '%00', 'x'.repeat(300)].map((id) =>
        rig.manage(app, 'DELETE', { client_id: id, registration_access_token: token }),
      ),
    );
    for (const answer of answers) expect(refusalOf(answer)).toEqual(notTheirs);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(rig.directory.documents.size).toBe(2);
  });

  it.each<[string, (token: string) => Record<string, string | string[]>, string]>([
    ['in another scheme', (token) => ({ authorization: `DPoP ${token}` }), 'token_invalid'],
    ['twice', (token) => ({ authorization: [`Bearer ${token}`, `Bearer ${token}`] }), 'token_invalid'],
    ['with something behind it', (token) => ({ authorization: `Bearer ${token} x` }), 'token_invalid'],
    ['endless', () => ({ authorization: `Bearer ${'x'.repeat(10_000)}` }), 'token_invalid'],
    ['not at all', () => ({}), 'token_missing'],
  ])('is not taken %s', async (_, headers, reason) => {
    const response = await app.inject({
      method: 'GET',
      url: `/register/${client.client_id}`,
      headers: headers(client.registration_access_token),
    });
    expect(refusalOf(response)).toEqual({ ...notTheirs, reason });
    if (reason === 'token_missing') expect(response.headers['www-authenticate']).toBe('Bearer');
  });

  it('is not accepted in the URL or the body', async () => {
    const query = `access_token=${client.registration_access_token}`;
    const inUrl = await app.inject({ method: 'GET', url: `/register/${client.client_id}?${query}` });
    const inBody = await app.inject({
      method: 'PUT',
      url: `/register/${client.client_id}`,
      payload: { ...sentBack(client), access_token: client.registration_access_token },
    });
    for (const response of [inUrl, inBody])
      expect(refusalOf(response)).toEqual({ ...notTheirs, reason: 'token_missing' });
  });

  it('cannot register clients, because it is not an access token', async () => {
    const response = await app.inject({
      method: 'POST',
      url: '/register',
      headers: { authorization: `Bearer ${client.registration_access_token}` },
      payload: machine(),
    });
    expect(response.statusCode).toBe(401);
  });

  it('ends, with everything issued to the client, when the client has left the directory', async () => {
    rig.directory.remove(client.client_id);
    expect(refusalOf(await rig.manage(app, 'GET', client))).toEqual(notTheirs);
    expect(rig.ended).toEqual([{ kind: 'client', id: client.client_id }]);
    expect(await registered()).toBe(0);
  });

  it('that is invalid leaves no record', async () => {
    const from = rig.audit.records.length;
    await rig.manage(app, 'PUT', { ...client, registration_access_token: `csreg_${'A'.repeat(43)}` }, sentBack(client));
    expect(rig.audit.records.slice(from)).toEqual([]);
  });
});

describe('updating a registration', () => {
  it('with the values of the last answer changes only the token', async () => {
    const before = rig.directory.documents.get(client.client_id);
    const response = await rig.manage(app, 'PUT', client, sentBack(client));
    expect(response.statusCode).toBe(200);
    const updated = clientOf(response);
    expect(updated).toEqual({ ...client, registration_access_token: updated.registration_access_token });
    expect(updated.registration_access_token).not.toBe(client.registration_access_token);
    expect(rig.directory.documents.get(client.client_id)).toEqual(before);
  });

  it('replaces the registration and removes omitted values', async () => {
    const { client_name: _, ...metadata } = sentBack(client, { scope: 'order:read' });
    const response = await rig.manage(app, 'PUT', client, metadata);
    expect(response.json()).toMatchObject({ scope: 'order:read' });
    expect(response.json()).not.toHaveProperty('client_name');
    expect(rig.directory.documents.get(client.client_id)).not.toHaveProperty('client_name');
  });

  it('is recorded before it takes effect, with the client as the actor', async () => {
    const from = rig.audit.records.length;
    await rig.manage(app, 'PUT', client, sentBack(client, { scope: 'order:read' }));
    expect(rig.audit.records.slice(from)).toMatchObject([
      {
        type: 'client.registered',
        subject: { id: `client:${client.client_id}`, institution: broker },
        client: client.client_id,
        data: { operation: 'update', scopes: ['order:read'] },
      },
      { type: 'directory.applied', subject: { id: `client:${client.client_id}` } },
      { type: 'token.revoked', reason: 'registration_token_replaced', client: client.client_id },
    ]);
  });

  it('ends the presented token', async () => {
    const updated = clientOf(await rig.manage(app, 'PUT', client, sentBack(client)));
    for (const method of ['GET', 'DELETE'] as const)
      expect(refusalOf(await rig.manage(app, method, client))).toEqual(notTheirs);
    expect((await rig.manage(app, 'GET', updated)).statusCode).toBe(200);
  });

  it('succeeds once per token among twenty attempts on two nodes', async () => {
    const nodes = [app, rig.node()] as const;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        rig.manage(nodes[index % 2 === 0 ? 0 : 1], 'PUT', client, sentBack(client, { client_name: `Name ${index}` })),
      ),
    );
    const [winner, ...more] = answers.filter(({ statusCode }) => statusCode === 200);
    expect(more).toEqual([]);
    for (const answer of answers.filter((other) => other !== winner)) expect(refusalOf(answer)).toEqual(notTheirs);
    if (winner === undefined) throw new Error('nobody succeeded');
    expect(rig.directory.documents.get(client.client_id)).toMatchObject({ client_name: winner.json().client_name });
    expect((await rig.manage(app, 'GET', clientOf(winner))).statusCode).toBe(200);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a registration access token', { registration_access_token: 'csreg_x' }, 'metadata_refused'],
    ['a management address', { registration_client_uri: 'https://x.example' }, 'metadata_refused'],
    ['a time of issue', { client_id_issued_at: 1 }, 'metadata_refused'],
    ['an end of a secret', { client_secret_expires_at: 0 }, 'metadata_refused'],
    ['a secret', { client_secret: 'hunter2hunter2' }, 'metadata_refused'],
    ['no client_id', { client_id: undefined }, 'client_id_differs'],
    ['the client_id of another', { client_id: 'order-desk' }, 'client_id_differs'],
    ['another principal', { countersign_principal: 'agent:vwap-1' }, 'principal_unchangeable'],
    ['no principal', { countersign_principal: undefined }, 'principal_unchangeable'],
    ['a move to production', { countersign_environment: 'production' }, 'registration_production'],
    ['a scope that governs', { scope: 'directory:apply' }, 'registration_scope'],
    ['both sides of one check', { scope: 'order:create order:approve' }, 'scope_duties_combined'],
  ])('with %s is refused, and changes neither client nor token', async (_, change, reason) => {
    const from = rig.audit.records.length;
    const before = rig.directory.documents.get(client.client_id);
    const response = await rig.manage(app, 'PUT', client, sentBack(client, change));
    expect(refusalOf(response)).toEqual({ status: 400, error: 'invalid_client_metadata', reason });
    expect(rig.audit.records.slice(from)).toMatchObject([
      {
        type: 'access.refused',
        reason,
        client: client.client_id,
        subject: { id: `client:${client.client_id}` },
        data: { operation: 'client:update' },
      },
    ]);
    expect(rig.directory.documents.get(client.client_id)).toEqual(before);
    expect((await rig.manage(app, 'GET', client)).statusCode).toBe(200);
  });

  it('is refused if the policy has changed or the institution is no longer in good standing', async () => {
    const closed = rig.node({ default: { allowed: false } });
    expect(refusalOf(await rig.manage(closed, 'PUT', client, sentBack(client)))).toMatchObject({
      status: 403,
      reason: 'registration_not_allowed',
    });
  });

  it('is not made if it cannot be recorded', async () => {
    rig.audit.breakDown();
    const response = await rig.manage(app, 'PUT', client, sentBack(client, { scope: 'order:read' }));
    rig.audit.repair();
    expect(response.statusCode).toBe(503);
    expect((await rig.manage(app, 'GET', client)).json()).toEqual(client);
  });
});

describe('removing a registration', () => {
  it('removes the client, everything issued to it, and its registration access token', async () => {
    const response = await rig.manage(app, 'DELETE', client);
    expect({ status: response.statusCode, body: response.body }).toEqual({ status: 204, body: '' });
    expect(rig.directory.documents.size).toBe(0);
    expect(rig.ended).toEqual([{ kind: 'client', id: client.client_id }]);
    expect(await registered()).toBe(0);
    for (const method of ['GET', 'DELETE'] as const)
      expect(refusalOf(await rig.manage(app, method, client))).toEqual(notTheirs);
  });

  it('frees its principal for another client', async () => {
    await rig.manage(app, 'DELETE', client);
    expect((await rig.register(app, machine())).statusCode).toBe(201);
  });

  it('is not done if it cannot be recorded', async () => {
    rig.audit.breakDown();
    expect((await rig.manage(app, 'DELETE', client)).statusCode).toBe(503);
    rig.audit.repair();
    expect((await rig.manage(app, 'GET', client)).statusCode).toBe(200);
  });

  it('interrupted between client and tokens is finished by the next call', async () => {
    rig.directory.afterNextRecord(async () => rig.audit.breakDown());
    expect((await rig.manage(app, 'DELETE', client)).statusCode).toBe(503);
    rig.audit.repair();
    expect(rig.directory.documents.size).toBe(0);
    expect(rig.ended).toEqual([]);
    expect(refusalOf(await rig.manage(app, 'DELETE', client))).toEqual(notTheirs);
    expect(rig.ended).toEqual([{ kind: 'client', id: client.client_id }]);
    expect(await registered()).toBe(0);
  });
});

describe('a client that was promoted to production', () => {
  it('is read with its token, and changed or removed only under dual control', async () => {
    rig.directory.set(client.client_id, { environment: 'production' });
    expect((await rig.manage(app, 'GET', client)).json()).toMatchObject({ countersign_environment: 'production' });
    const update = await rig.manage(app, 'PUT', client, sentBack(client));
    const removal = await rig.manage(app, 'DELETE', client);
    for (const response of [update, removal])
      expect(refusalOf(response)).toEqual({ status: 403, error: 'access_denied', reason: 'second_person_required' });
    expect(rig.directory.documents.size).toBe(1);
    expect(rig.ended).toEqual([]);
  });
});

describe('the configuration endpoint', () => {
  it('is at the address that the registration returns', () => {
    expect(client['registration_client_uri']).toBe(`${issuer}/register/${client.client_id}`);
  });

  it.each(['POST', 'PATCH', 'HEAD'] as const)('has no %s', async (method) => {
    const response = await app.inject({
      method,
      url: `/register/${client.client_id}`,
      headers: { authorization: `Bearer ${client.registration_access_token}` },
    });
    expect(response.statusCode).toBe(404);
  });
});
