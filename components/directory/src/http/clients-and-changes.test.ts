import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DirectoryComponent, directoryRoutes } from '../index.ts';
import { type Document, fileWithServices, relyingParty, tradingDesk } from '../testing/example-clients.ts';
import { broker, exampleKeyPair, operator, venue } from '../testing/example-file.ts';
import { createRig, type Rig } from '../testing/rig.ts';

/** Test tokens state scopes, holder and institution: `directory:read service:operator LEI`. */

const applying = asCaller({ id: 'service:operator', institution: operator }, ['directory:apply']).authorization;
const approving = asCaller({ id: 'person:olga.second', institution: operator }, ['directory:approve']).authorization;
const reading = (institution: string): string =>
  asCaller({ id: 'person:reader', institution }, ['directory:read']).authorization;

let rig: Rig;
let directory: DirectoryComponent;
let app: ReturnType<typeof createHttpServer>;
/** Registered schemas by method and route. */
let schemas: Map<string, { readonly body?: unknown; readonly response?: unknown }>;

beforeEach(async () => {
  rig = await createRig();
  directory = await rig.open();
  await directory.apply(fileWithServices(), { id: 'service:operator', institution: operator });
  app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  schemas = new Map();
  app.addHook('onRoute', ({ method, url, schema = {} }) => void schemas.set(`${String(method)} ${url}`, schema));
  directoryRoutes(app, { directory, guard: createOpenGuard(), baseUrl: 'https://countersign.example' });
});
afterEach(async () => {
  await app.close();
  await rig.close();
});

function isObject(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null;
}

function schemaOf(value: unknown): TSchema {
  if (!isObject(value)) throw new Error('there is no schema here');
  return value;
}

type Method = 'GET' | 'POST' | 'DELETE';

/** Sends a request; a successful response must match its schema. */
async function send(method: Method, url: string, authorization: string, body?: unknown) {
  const answer = await app.inject({
    method,
    url,
    headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  if (answer.statusCode < 300) {
    const path =
      url
        .split('?')[0]
        ?.replace(/chg_\w+/, ':id')
        .replace(/(clients)\/.+/, '$1/:id') ?? '';
    const route = path.replace(/^\/directory\/client\/.+/, '/directory/:kind/:id');
    const { response } = schemas.get(`${method} ${route}`) ?? {};
    const byStatus = isObject(response) ? response : {};
    expect(Compile(schemaOf(byStatus[answer.statusCode])).Errors(answer.json())).toEqual([]);
  }
  return answer;
}

const sandboxDesk = (members: Document = {}): Document => ({ ...tradingDesk(), environment: 'sandbox', ...members });

describe('the client routes', () => {
  it('register, change, show and remove a sandbox client', async () => {
    expect((await send('POST', '/directory/clients', applying, sandboxDesk())).json()).toEqual({
      version: 2,
      changes: [{ change: 'add', kind: 'client', id: 'broker-desk' }],
    });
    expect((await send('POST', '/directory/clients', applying, sandboxDesk({ client_name: 'Desk' }))).json()).toEqual({
      version: 3,
      changes: [{ change: 'change', kind: 'client', id: 'broker-desk', fields: ['client_name'] }],
    });
    const shown = await send('GET', '/directory/client/broker-desk', reading(broker));
    expect(shown.json()).toMatchObject({ id: 'broker-desk', client_name: 'Desk' });
    expect((await send('DELETE', '/directory/clients/broker-desk', applying)).json()).toMatchObject({
      changes: [{ change: 'remove', kind: 'client', id: 'broker-desk' }],
    });
    expect((await send('DELETE', '/directory/clients/broker-desk', applying)).json()).toMatchObject({
      status: 404,
      code: 'entity_not_found',
    });
    expect(rig.records.every(({ subject }) => subject?.id === 'service:operator')).toBe(true);
  });

  it('report everything wrong with a registration, each at its location', async () => {
    const answer = await send('POST', '/directory/clients', applying, {
      ...sandboxDesk(),
      redirect_uris: ['http://a.example'],
      binding: 'none',
    });
    expect(answer.json()).toMatchObject({ status: 400, code: 'client_metadata_invalid' });
    expect(answer.json().facts.problems.map(({ path }: { path: string }) => path)).toEqual([
      '/put/clients/0/redirect_uris/0',
      '/put/clients/0/binding',
    ]);
    for (const body of [null, [], 'x', 1])
      expect((await send('POST', '/directory/clients', applying, body)).statusCode).toBe(400);
  });

  it('refuse a production client to one person, and say what to do', async () => {
    const answer = await send('POST', '/directory/clients', applying, tradingDesk());
    expect(answer.json()).toMatchObject({
      status: 403,
      code: 'second_person_required',
      facts: { clients: ['broker-desk'] },
    });
    expect(answer.json().detail).toContain('POST /directory/changes');
  });

  it("list the caller's institution, and everything to the operator, in pages", async () => {
    for (const document of [sandboxDesk(), relyingParty()])
      await send('POST', '/directory/clients', applying, document);
    await directory.apply(
      {
        services: [{ id: 'service:matching', institution: venue, roles: [] }],
        clients: [
          {
            ...sandboxDesk(),
            id: 'venue-matching',
            institution: venue,
            principal: 'service:matching',
            jwks: { keys: [exampleKeyPair('m').publicJwk] },
          },
        ],
      },
      { id: 'service:operator', institution: operator },
    );
    const idsOf = (answer: { json(): { clients: { id: string }[] } }) => answer.json().clients.map(({ id }) => id);
    expect(idsOf(await send('GET', '/directory/clients', reading(venue)))).toEqual(['venue-matching']);
    expect(idsOf(await send('GET', '/directory/clients', reading(broker)))).toEqual([
      'broker-dashboard',
      'broker-desk',
      'broker-oms',
    ]);
    const first = await send('GET', '/directory/clients?limit=3', reading(operator));
    expect(idsOf(first)).toEqual(['broker-dashboard', 'broker-desk', 'broker-oms']);
    expect(first.json().next).toBe('broker-oms');
    const second = await send('GET', '/directory/clients?limit=3&after=broker-oms', reading(operator));
    expect(second.json()).toEqual({ clients: [expect.objectContaining({ id: 'venue-matching' })] });
    // An entity that is not listed is not readable either.
    expect((await send('GET', '/directory/client/broker-desk', reading(venue))).json()).toMatchObject({
      status: 404,
      code: 'entity_not_found',
    });
  });

  it.each(['limit=0', 'limit=1001', 'limit=x', 'institution=x'])('refuse the query %s', async (query) => {
    expect((await send('GET', `/directory/clients?${query}`, reading(operator))).statusCode).toBe(400);
  });

  it('refuse a query on routes without one', async () => {
    expect((await send('POST', '/directory/clients?prune=true', applying, sandboxDesk())).json()).toMatchObject({
      status: 400,
      code: 'request_invalid',
    });
  });
});

describe('the change routes', () => {
  const proposal = { reason: 'go-live', edit: { put: { clients: [tradingDesk()] } } };
  const proposed = async (body: unknown = proposal) => {
    const answer = await send('POST', '/directory/changes', applying, body);
    expect(answer.statusCode).toBe(201);
    return answer.json();
  };

  it('propose, show, list and approve a change', async () => {
    const request = await proposed();
    expect(request).toMatchObject({ status: 'proposed', proposedBy: 'service:operator' });
    expect((await send('GET', '/directory/changes?status=proposed', reading(operator))).json()).toEqual({
      changes: [request],
    });
    expect((await send('GET', `/directory/changes/${request.id}`, reading(operator))).json()).toMatchObject({
      request,
      current: true,
      entities: [{ change: 'add', id: 'broker-desk', after: { environment: 'production' } }],
    });
    const approved = await send('POST', `/directory/changes/${request.id}/approve`, approving, {
      digest: request.digest,
    });
    expect(approved.json()).toEqual({ version: 2, changes: request.changes });
    expect(
      (await send('POST', `/directory/changes/${request.id}/approve`, approving, { digest: request.digest })).json(),
    ).toMatchObject({
      status: 409,
      code: 'change_decided',
    });
  });

  it('reject a change, for a reason', async () => {
    const request = await proposed({
      reason: 'go-live',
      file: { ...fileWithServices(), clients: [tradingDesk()] },
      prune: true,
    });
    const path = `/directory/changes/${request.id}/reject`;
    expect((await send('POST', path, approving, {})).statusCode).toBe(400);
    expect((await send('POST', path, approving, { reason: 'not yet' })).json()).toMatchObject({
      status: 'rejected',
      decidedBy: 'person:olga.second',
    });
  });

  it('do not let the proposer approve, whatever scope they hold', async () => {
    const request = await proposed();
    const both = asCaller({ id: 'service:operator', institution: operator }, [
      'directory:apply',
      'directory:approve',
    ]).authorization;
    expect(
      (await send('POST', `/directory/changes/${request.id}/approve`, both, { digest: request.digest })).json(),
    ).toMatchObject({
      status: 403,
      code: 'change_self_approval',
    });
  });

  it('require the scope, and answer the operator only', async () => {
    const request = await proposed();
    const path = `/directory/changes/${request.id}`;
    for (const [method, url, authorization] of [
      ['POST', '/directory/changes', approving],
      ['POST', '/directory/changes', reading(operator)],
      ['POST', `${path}/approve`, applying],
      ['POST', `${path}/reject`, applying],
      ['POST', '/directory/clients', approving],
      ['DELETE', '/directory/clients/broker-oms', approving],
      ['GET', '/directory/changes', applying],
      ['GET', path, applying],
      ['GET', '/directory/clients', applying],
    ] as const)
      expect((await send(method, url, authorization)).json()).toMatchObject({ code: 'insufficient_scope' });
    expect((await send('GET', '/directory/changes', reading(broker))).json()).toEqual({ changes: [] });
    expect((await send('GET', path, reading(broker))).json()).toMatchObject({ code: 'change_not_found' });
    expect((await app.inject({ url: '/directory/changes' })).statusCode).toBe(401);
  });

  it.each<readonly [string, unknown]>([
    ['neither file nor edit', { reason: 'x' }],
    ['both', { ...proposal, file: {} }],
    ['an edit with prune', { ...proposal, prune: true }],
    ['no reason', { edit: proposal.edit }],
    ['an unknown member', { ...proposal, by: 'person:ceo' }],
    ['another kind', { reason: 'x', edit: { put: { people: [] } } }],
    ['no object', [proposal]],
  ])('refuse a proposal with %s', async (_name, body) => {
    expect((await send('POST', '/directory/changes', applying, body)).json()).toMatchObject({
      status: 400,
      code: 'directory_file_invalid',
    });
  });

  it.each(['chg_x', 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3', 'chg_01k9z3m8q4d6s0v2x5y7a9b1c3', '..%2f'])(
    'do not find the change %s',
    async (id) => {
      expect((await send('GET', `/directory/changes/${id}`, reading(operator))).json()).toMatchObject({
        status: 404,
        code: 'change_not_found',
      });
      const answer = await send('POST', `/directory/changes/${id}/approve`, approving, { digest: 'A'.repeat(43) });
      expect(answer.json()).toMatchObject({ status: 404, code: 'change_not_found' });
    },
  );

  it('accept only a valid digest', async () => {
    const request = await proposed();
    for (const body of [
      {},
      { digest: '' },
      { digest: 1 },
      { digest: `${request.digest}=` },
      { digest: request.digest, force: true },
    ])
      expect((await send('POST', `/directory/changes/${request.id}/approve`, approving, body)).statusCode).toBe(400);
  });

  it('describe every body and response with a schema that accepts the examples', async () => {
    expect([...schemas.keys()].filter((route) => !route.startsWith('HEAD')).sort()).toEqual([
      'DELETE /directory/clients/:id',
      'GET /directory/:kind/:id',
      'GET /directory/changes',
      'GET /directory/changes/:id',
      'GET /directory/clients',
      'GET /directory/departures',
      'GET /directory/principals/:id',
      'POST /directory/apply',
      'POST /directory/changes',
      'POST /directory/changes/:id/approve',
      'POST /directory/changes/:id/reject',
      'POST /directory/clients',
      'POST /directory/findings',
      'POST /directory/instruments',
      'POST /directory/plan',
      'POST /directory/principals/:id/leave',
      'POST /directory/principals/:id/move',
      'POST /directory/rates',
    ]);
    for (const [route, { body, response }] of schemas) {
      expect(response, route).toBeDefined();
      if (route.startsWith('POST')) expect(body, route).toBeDefined();
    }
    const bodyOf = (route: string): TSchema => schemaOf(schemas.get(route)?.body);
    expect(Compile(bodyOf('POST /directory/clients')).Errors(tradingDesk())).toEqual([]);
    expect(Compile(bodyOf('POST /directory/apply')).Errors(fileWithServices())).toEqual([]);
    expect(Compile(bodyOf('POST /directory/changes')).Errors(proposal)).toEqual([]);
    expect(Compile(bodyOf('POST /directory/clients')).Check({ ...tradingDesk(), client_secret: 'x' })).toBe(false);
  });
});
