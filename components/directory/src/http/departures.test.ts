import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DirectoryComponent, directoryRoutes } from '../index.ts';
import { broker, custodian, exampleFile, operator, venue } from '../testing/example-file.ts';
import { createRig, proposer, type Rig } from '../testing/rig.ts';

/** Test tokens state their holder, its institution and the scopes. */
const applying = asCaller({ id: 'service:operator', institution: operator }, ['directory:apply']).authorization;
const reading = (institution: string): string =>
  asCaller({ id: 'person:reader', institution }, ['directory:read']).authorization;

let rig: Rig;
let directory: DirectoryComponent;
let app: ReturnType<typeof createHttpServer>;
let answers: Map<string, Readonly<Record<number, { content: Readonly<Record<string, { schema: TSchema }>> }>>>;

beforeEach(async () => {
  rig = await createRig();
  directory = await rig.open({ departureEffects: () => [{ name: 'tokens', end: async () => ({ ended: 2 }) }] });
  await directory.apply(exampleFile(), proposer);
  app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  answers = new Map();
  app.addHook('onRoute', ({ method, url, schema }) => {
    const { response } = (schema ?? {}) as { response?: never };
    if (response !== undefined) answers.set(`${String(method)} ${url}`, response);
  });
  directoryRoutes(app, { directory, guard: createOpenGuard(), baseUrl: 'https://countersign.example' });
});
afterEach(async () => {
  await app.close();
  await rig.close();
});

async function send(
  method: 'GET' | 'POST',
  url: string,
  authorization: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  return app.inject({
    method,
    url,
    headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
}

/** Successful responses must match their schema. */
function asDescribed(route: string, answer: { readonly statusCode: number; json(): unknown }) {
  const schema = answers.get(route)?.[answer.statusCode]?.content['application/json']?.schema;
  if (schema === undefined) throw new Error(`${route} describes no answer ${answer.statusCode}`);
  expect(Compile(schema).Errors(answer.json())).toEqual([]);
  return answer.json();
}

describe('the departure routes', () => {
  it('move a person, remove a person, and list both for the operator only', async () => {
    const moved = await send('POST', '/directory/principals/person:anna.keller/move', applying, {
      desk: 'credit',
      reason: 'moves to credit',
    });
    expect(asDescribed('POST /directory/principals/:id/move', moved)).toMatchObject({
      kind: 'move',
      status: 'completed',
    });
    const left = await send('POST', '/directory/principals/person:anna.keller/leave', applying, { reason: 'leaves' });
    expect(asDescribed('POST /directory/principals/:id/leave', left)).toMatchObject({
      kind: 'leave',
      principal: 'person:anna.keller',
      effects: [{ name: 'tokens', status: 'done', ended: 2 }],
      status: 'completed',
    });
    const list = await send('GET', '/directory/departures?status=completed', reading(operator));
    expect(asDescribed('GET /directory/departures', list)).toEqual({ departures: [left.json(), moved.json()] });
    expect((await send('GET', '/directory/departures', reading(broker))).json()).toEqual({ departures: [] });
    expect((await send('GET', '/directory/departures?status=in-progress', reading(operator))).json()).toEqual({
      departures: [],
    });
  });

  it.each<readonly [string, string, unknown, number, string]>([
    ['somebody unknown', 'person:nobody/leave', { reason: 'x' }, 404, 'principal_not_found'],
    ['what the installation is made of', 'service:operator/leave', { reason: 'x' }, 403, 'seed_protected'],
    ['no reason', 'person:anna.keller/leave', {}, 400, 'request_invalid'],
    ['a reason in two lines', 'person:anna.keller/leave', { reason: 'a\nb' }, 400, 'directory_file_invalid'],
    ['a move to nowhere', 'person:anna.keller/move', { reason: 'x' }, 400, 'request_invalid'],
    ['a desk that is not a name', 'person:anna.keller/move', { desk: ' ', reason: 'x' }, 400, 'request_invalid'],
    ['software that moves', 'service:oms/move', { desk: 'x', reason: 'x' }, 404, 'principal_not_found'],
  ])('refuse %s', async (_name, path, body, status, code) => {
    const answer = await send('POST', `/directory/principals/${path}`, applying, body);
    expect(answer.json()).toMatchObject({ status, code });
    expect(await directory.departures()).toEqual([]);
  });

  it('refuse a token without the scope', async () => {
    for (const step of ['leave', 'move'])
      expect(
        (
          await send('POST', `/directory/principals/person:anna.keller/${step}`, reading(operator), {
            desk: 'credit',
            reason: 'x',
          })
        ).statusCode,
      ).toBe(403);
  });
});

describe('a principal’s holdings', () => {
  it('are shown to its institution and the operator, without the names used by identity providers', async () => {
    await directory.apply(
      {
        devices: [
          {
            id: 'device:desk-7',
            institution: broker,
            holder: 'person:ben.ito',
            posture: 'compliant',
            posture_at: '2026-11-20T00:00:00Z',
          },
        ],
        short_codes: [{ venue: 'XEXA', institution: broker, holder: 'person:ben.ito', code: 4711 }],
      },
      proposer,
    );
    const answer = await send('GET', '/directory/principals/person:ben.ito', reading(broker));
    expect(asDescribed('GET /directory/principals/:id', answer)).toMatchObject({
      kind: 'person',
      institution: broker,
      clients: [],
      devices: ['device:desk-7'],
      short_codes: [{ venue: 'XEXA', code: 4711 }],
      certified: ['agent:vwap-1'],
      developed: [],
    });
    expect(answer.body).not.toContain('u-1002');
    expect((await send('GET', '/directory/principals/service:oms', reading(operator))).json()).toMatchObject({
      clients: ['broker-oms'],
    });
    for (const id of ['person:ben.ito', 'person:nobody'])
      expect((await send('GET', `/directory/principals/${id}`, reading(venue))).json()).toMatchObject({
        status: 404,
        code: 'principal_not_found',
      });
  });
});

describe('a contract', () => {
  it('is shown to its parties', async () => {
    const contract = {
      id: 'CUST-1',
      institution: broker,
      type: 'custody',
      parties: [
        { lei: broker, role: 'client' },
        { lei: custodian, role: 'custodian' },
      ],
      from: '2026-01-01',
    };
    await directory.apply({ contracts: [contract] }, proposer);
    for (const institution of [broker, custodian, operator])
      expect((await send('GET', '/directory/contract/CUST-1', reading(institution))).json()).toMatchObject(contract);
    expect((await send('GET', '/directory/contract/CUST-1', reading(venue))).statusCode).toBe(404);
  });
});

describe('a plan and its progress', () => {
  const changedFile = () => {
    const file = exampleFile();
    for (const person of file.people)
      if (person['id'] === 'person:anna.keller')
        Object.assign(person, {
          desk: 'credit',
          federated: [{ issuer: 'https://idp.broker.example', subject: 'u-9' }],
        });
    return file;
  };

  it('show old and new values on request, and never how an identity provider knows somebody', async () => {
    const plan = await send('POST', '/directory/plan?values=true', applying, changedFile());
    expect(asDescribed('POST /directory/plan', plan)).toEqual({
      version: 1,
      changes: [
        {
          change: 'change',
          kind: 'person',
          id: 'person:anna.keller',
          fields: ['desk', 'federated'],
          before: { desk: 'rates', federated: 1 },
          after: { desk: 'credit', federated: 1 },
        },
      ],
    });
    expect(asDescribed('POST /directory/plan', await send('POST', '/directory/plan', applying, changedFile()))).toEqual(
      {
        version: 1,
        changes: [{ change: 'change', kind: 'person', id: 'person:anna.keller', fields: ['desk', 'federated'] }],
      },
    );
  });

  const linesOf = (answer: { readonly body: string }) =>
    answer.body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const streamed = { accept: 'application/x-ndjson, application/json' };

  it('report how far the plan is, and last its result', async () => {
    const services = Array.from({ length: 2_500 }, (_, index) => ({
      id: `service:s${index}`,
      institution: broker,
      roles: [],
    }));
    const answer = await send('POST', '/directory/apply', applying, { services }, streamed);
    expect(answer.headers['content-type']).toContain('application/x-ndjson');
    const lines = linesOf(answer);
    const steps = lines.slice(0, -1).map(({ progress }) => (progress as { step: string }).step);
    expect([...new Set(steps)]).toEqual(['read', 'checked', 'written']);
    expect(lines.at(-2)).toEqual({ progress: { step: 'written', done: 2_500, of: 2_500 } });
    expect(lines.at(-1)).toMatchObject({ result: { version: 2 } });
    expect(directory.snapshot().principal('service:s2499')).toBeDefined();
  });

  it('end with the problem if there is one, and nothing has changed', async () => {
    const services = [{ id: 'service:s1', institution: 'nobody', roles: [] }];
    const answer = await send('POST', '/directory/apply', applying, { services }, streamed);
    expect(linesOf(answer)).toEqual([
      { problem: expect.objectContaining({ status: 400, code: 'lei_malformed', facts: expect.anything() }) },
    ]);
    expect(directory.snapshot().version).toBe(1);
  });

  it('are refused without the scope before anything is streamed', async () => {
    const answer = await send('POST', '/directory/apply', reading(operator), {}, streamed);
    expect(answer.statusCode).toBe(403);
  });
});
