import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DirectoryComponent, directoryRoutes } from '../index.ts';
import { broker, exampleFile, operator } from '../testing/example-file.ts';
import { createRig, proposer, type Rig } from '../testing/rig.ts';

/** Test tokens state their holder, its institution and the scopes. */
const compliance = {
  kyc: { status: 'approved', valid_until: '2027-03-31' },
  aml_risk: 'low',
  sanctions: { result: 'clear', screened_at: '2026-11-20T06:00:00Z' },
  category: 'professional',
  suitable_for: ['D'],
};

let rig: Rig;
let directory: DirectoryComponent;
let app: ReturnType<typeof createHttpServer>;
beforeEach(async () => {
  rig = await createRig();
  directory = await rig.open();
  const file = exampleFile();
  for (const [name, roles] of [
    ['cora', ['compliance']],
    ['omar', ['operator']],
  ] as const)
    file.people.push({ id: `person:${name}`, institution: operator, roles, federated: [], credentials: [] });
  await directory.apply(file, proposer);
  app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  directoryRoutes(app, { directory, guard: createOpenGuard(), baseUrl: 'https://countersign.example' });
});
afterEach(async () => {
  await app.close();
  await rig.close();
});

const ask = async (by: string, found: unknown, scope = 'compliance:record') => {
  const [id = '', institution = ''] = by.split(' ');
  const { statusCode, body } = await app.inject({
    method: 'POST',
    url: '/directory/findings',
    headers: asCaller({ id, institution }, [scope]),
    payload: { reason: 'the review of November', findings: [{ institution: broker, compliance: found }] },
  });
  return { status: statusCode, body: JSON.parse(body) as Readonly<Record<string, unknown>> };
};

describe('the compliance interface', () => {
  const software = `service:screening ${operator}`;
  const person = `person:cora ${operator}`;

  it('is for people with the role, and for the operator’s software if nothing gets better', async () => {
    expect((await ask(person, compliance)).status).toBe(202);
    expect(await ask(software, compliance)).toMatchObject({ status: 403, body: { code: 'person_needed' } });
    expect((await ask(`person:omar ${operator}`, compliance)).body).toMatchObject({
      code: 'compliance_scope_required',
    });
    expect((await ask(`service:screening ${broker}`, compliance)).body).toMatchObject({
      code: 'compliance_scope_required',
    });
    expect((await ask(`person:cora ${operator}`, compliance, 'directory:apply')).status).toBe(403);
    expect(rig.records.filter(({ type }) => type === 'access.refused')).toMatchObject(
      [
        ['service:screening', 'person_needed'],
        ['person:omar', 'compliance_scope_required'],
        ['service:screening', 'compliance_scope_required'],
      ].map(([id, reason]) => ({
        reason,
        subject: { id },
        data: { operation: 'compliance:record' },
      })),
    );
  });

  it('returns what is pending and what has changed', async () => {
    const { status, body } = await ask(person, compliance);
    expect({ status, body }).toMatchObject({
      status: 202,
      body: { status: 'proposed', proposedBy: 'person:cora', digest: expect.any(String) },
    });
    const approved = await app.inject({
      method: 'POST',
      url: `/directory/changes/${String(body['id'])}/approve`,
      headers: {
        authorization: asCaller({ id: 'person:omar', institution: operator }, ['directory:approve']).authorization,
      },
      payload: { digest: body['digest'] },
    });
    expect(approved.statusCode).toBe(200);
    expect(directory.snapshot().institution(broker)?.compliance?.amlRisk).toBe('low');
    expect(await ask(software, { ...compliance, aml_risk: 'high' })).toMatchObject({
      status: 200,
      body: { version: 3 },
    });
    expect((await ask(software, { ...compliance, aml_risk: 'none' })).status).toBe(400);
  });
});
