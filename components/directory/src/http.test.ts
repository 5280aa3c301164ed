import { accessErrors, type Caller, type ResourceGuard } from '@countersign/contracts';
import { systemClock, systemRandom } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics, type ScratchDatabase } from '@countersign/runtime';
import { createTestDatabase, everybodyIndependent, everyProposerActive } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectory, type DirectoryComponent, directoryMigrations, directoryRoutes } from './index.ts';
import { createDirectoryLog, type DirectoryLogDouble } from './testing/directory-log.ts';
import { broker, exampleFile, exampleSeed, operator, venue } from './testing/example-file.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const operatorCaller: Caller = {
  subject: 'service:operator',
  client: 'operator',
  institution: operator,
  actors: [],
  scope: [],
  tokenId: 'tok_x',
  authorizationDetails: [],
};

/** Accepts a caller whose token names the scope. A token that names the broker acts for the broker. */
const guard: ResourceGuard = {
  async check(request, { scope }) {
    const [token] = request.authorization;
    if (token === undefined) throw accessErrors.error('token_missing', 'no token');
    if (!token.includes(scope)) throw accessErrors.error('insufficient_scope', 'not this scope');
    return token.includes('broker') ? { ...operatorCaller, institution: broker } : operatorCaller;
  },
};

let scratch: ScratchDatabase;
let directory: DirectoryComponent;
let app: ReturnType<typeof createHttpServer>;
let log: DirectoryLogDouble;

beforeEach(async () => {
  scratch = await createTestDatabase({ components: [directoryMigrations] });
  log = createDirectoryLog(systemClock);
  const [component] = scratch.components;
  if (component === undefined) throw new Error('no component');
  directory = await createDirectory({
    pool: scratch.pool('directory'),
    access: {
      database: scratch.database,
      role: component.role,
      schema: component.schema,
      applicationName: 'directory',
    },
    clock: systemClock,
    random: systemRandom,
    audit: log.audit,
    logger,
    proposerStanding: everyProposerActive,
    independence: everybodyIndependent,
    seed: exampleSeed(),
  });
  app = createHttpServer({ logger, metrics: createMetrics() });
  directoryRoutes(app, { directory, guard, baseUrl: 'https://countersign.example' });
});
afterEach(async () => {
  await app.close();
  await directory.stop();
  await scratch.drop();
});

function post(url: string, payload: string, authorization = 'DPoP directory:apply') {
  return app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json', authorization } });
}

describe('the routes of the directory', () => {
  it('plan a file, apply it in the name of the caller, and serve the result', async () => {
    const file = JSON.stringify(exampleFile());
    const plan = (await post('/directory/plan', file)).json();
    expect(plan.version).toBe(0);
    expect(plan.changes.length).toBeGreaterThan(8);
    const applied = await post('/directory/apply?prune=true&expected_version=0', file);
    expect(applied.json()).toMatchObject({ version: 1, changes: plan.changes });
    expect(log.records.at(-1)?.subject).toEqual({ id: 'service:operator', institution: operator });

    const headers = { authorization: 'DPoP directory:read' };
    const resource = await app.inject({
      url: `/directory/resource/${encodeURIComponent('https://venue.example/orders')}`,
      headers,
    });
    expect(resource.json()).toMatchObject({ uri: 'https://venue.example/orders' });
    const person = await app.inject({ url: '/directory/person/person:anna.keller', headers });
    expect(person.json()).toMatchObject({ id: 'person:anna.keller', desk: 'rates' });
    expect(person.body).not.toContain('u-1001');
    expect((await app.inject({ url: '/directory/person/person:nobody', headers })).json()).toMatchObject({
      status: 404,
      code: 'entity_not_found',
    });
  });

  it('show a desk and a device to their firm and the operator, and compliance findings to the operator only', async () => {
    const hours = { time_zone: 'UTC', opens: '00:00', closes: '24:00', days: [1] };
    const deskOf = (institution: string) => ({
      institution,
      name: 'rates',
      products: ['D'],
      venues: [],
      jurisdictions: [],
      hours,
    });
    const compliance = {
      kyc: { status: 'approved', valid_until: '2027-03-31' },
      aml_risk: 'high',
      sanctions: { result: 'review', screened_at: '2026-11-20T06:00:00Z' },
      category: 'professional',
      suitable_for: [],
    };
    const device = { id: 'device:x', institution: venue, posture: 'compliant', posture_at: '2026-11-21T06:00:00Z' };
    const { institutions, ...rest } = exampleFile();
    const file = {
      ...rest,
      institutions: institutions.map((institution) => ({ ...institution, compliance })),
      desks: [deskOf(broker), deskOf(venue)],
      devices: [device],
      people: [
        ...rest.people,
        { id: 'person:vera.other', institution: venue, roles: ['signatory'], federated: [], credentials: [] },
      ],
      services: [...rest.services, { id: 'service:matching', institution: venue, roles: [] }],
    };
    expect((await post('/directory/apply', JSON.stringify(file))).statusCode).toBe(200);

    const seenBy = async (who: string, kind: string, id: string) =>
      app.inject({
        url: `/directory/${kind}/${encodeURIComponent(id)}`,
        headers: { authorization: `DPoP directory:read ${who}` },
      });
    for (const [kind, id] of [
      ['desk', `${venue}/rates`],
      ['device', 'device:x'],
      ['person', 'person:vera.other'],
      ['service', 'service:matching'],
    ] as const) {
      expect((await seenBy('broker', kind, id)).json()).toMatchObject({ status: 404, code: 'entity_not_found' });
      expect((await seenBy('operator', kind, id)).statusCode).toBe(200);
    }
    expect((await seenBy('broker', 'desk', `${broker}/rates`)).json()).toMatchObject({ name: 'rates', hours });
    for (const lei of [broker, venue]) {
      expect((await seenBy('operator', 'institution', lei)).json()).toMatchObject({ lei, compliance });
      const own = (await seenBy('broker', 'institution', lei)).json();
      expect(own).toMatchObject({ lei });
      expect(own).not.toHaveProperty('compliance');
    }
  });

  it('answer a bad file with every problem and its location', async () => {
    const answer = await post('/directory/apply', JSON.stringify({ venues: [{ mic: 'x', operator, country: 'XX' }] }));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().facts.problems.map(({ code }: { code: string }) => code)).toEqual([
      'mic_malformed',
      'country_unknown',
    ]);
  });

  it('accept thirty-two megabytes from those who may apply, and no body from anybody else', async () => {
    const large = JSON.stringify({ institutions: [], x: 'a'.repeat(31_900_000) });
    expect((await post('/directory/plan', large)).json()).toMatchObject({ code: 'directory_file_invalid' });
    expect((await post('/directory/plan', 'a'.repeat(32 * 1024 * 1024 + 1))).statusCode).toBe(413);
    expect((await post('/directory/apply', 'not even JSON', 'DPoP directory:read')).json()).toMatchObject({
      status: 403,
      code: 'insufficient_scope',
    });
    expect((await app.inject({ url: '/directory/venue/XEXA' })).statusCode).toBe(401);
  });

  it('refuse unknown parameters', async () => {
    expect((await post('/directory/apply?purge=true', '{}')).statusCode).toBe(400);
    expect((await post('/directory/apply?expected_version=-1', '{}')).statusCode).toBe(400);
  });
});
