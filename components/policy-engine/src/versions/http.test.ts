import type { PolicyEngine } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { about, approver, createRig, type Rig } from '../testing/governance-rig.ts';
import { guard } from '../testing/naming-guard.ts';
import { smallBundle } from '../testing/small-bundle.ts';
import { versionRoutes } from './http.ts';
import type { GovernedVersions } from './versions.ts';

let rig: Rig;
let node: GovernedVersions;
let app: ReturnType<typeof createHttpServer>;
beforeEach(async () => {
  rig = await createRig();
  node = await rig.open();
  app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  const policyEngine: Pick<PolicyEngine, 'active' | 'versions'> = {
    active: () => node.current().version,
    versions: node,
  };
  versionRoutes(app, { policyEngine, guard, baseUrl: 'https://countersign.example' });
});
afterEach(async () => {
  await app.close();
  await rig.close();
});

async function call(method: 'GET' | 'POST', url: string, token: string, payload?: object) {
  const headers = { authorization: `DPoP ${token}` };
  const response = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  return { status: response.statusCode, body: response.json() };
}
const read = (url: string) => call('GET', url, 'proposer~policy:read');

const stricter = smallBundle('500.0');

describe('the policy administration interface', () => {
  it('takes a bundle from validation to roll-back', async () => {
    const validated = await call('POST', '/policies/validate', 'proposer~policy:propose', { bundle: stricter });
    expect(validated).toMatchObject({
      status: 200,
      body: { policies: [{ id: 'trader-creates-orders' }, { id: 'too-large' }], tests: { passed: 3, failed: 0 } },
    });

    const simulation = rig.simulated(stricter, 1);
    const proposed = await call('POST', '/policies/candidates', 'proposer~policy:propose', {
      bundle: stricter,
      ...about,
      simulation,
    });
    expect(proposed).toMatchObject({ status: 201, body: { status: 'proposed', hash: validated.body.hash } });
    const { id, digest } = proposed.body;
    expect(await read('/policies/candidates?status=proposed')).toEqual({
      status: 200,
      body: { candidates: [proposed.body] },
    });
    expect(await read(`/policies/candidates/${id}`)).toEqual({
      status: 200,
      body: { candidate: proposed.body, bundle: stricter },
    });

    const approve = (token: string) => call('POST', `/policies/candidates/${id}/approve`, token, { digest });
    expect(await approve('proposer~policy:propose')).toMatchObject({ status: 403 });
    expect(await approve('proposer~policy:approve')).toMatchObject({
      status: 403,
      body: { code: 'candidate_self_approval' },
    });
    expect(await approve('approver~policy:approve')).toMatchObject({
      status: 200,
      body: { version: 2, approvedBy: approver.id, policies: [{}, {}] },
    });
    const active = await read('/policies/active');
    expect(active).toMatchObject({ status: 200, body: { version: { version: 2 }, bundle: stricter } });
    expect(await read('/policies/2')).toEqual(active);

    const back = await call('POST', '/policies/rollback', 'approver~policy:rollback', about);
    expect(back).toMatchObject({ status: 200, body: { version: 3, rolledBackTo: 1 } });
    const { versions } = (await read('/policies')).body;
    expect(versions).toMatchObject([{ version: 3 }, { version: 2 }, { version: 1 }]);
    expect(versions[0].policies).toBeUndefined();
  });

  it('refuses every step by a token that acts for others: it could be proposer and approver', async () => {
    const simulation = rig.simulated(stricter, 1);
    const proposal = { bundle: stricter, ...about, simulation };
    const refused = { status: 403, body: { code: 'insufficient_scope' } };
    const propose = (token: string) => call('POST', '/policies/candidates', token, proposal);
    expect(await propose('proposer~policy:propose~agent:a')).toMatchObject(refused);
    const { id, digest } = (await propose('proposer~policy:propose')).body;
    const decide = (step: string, body: object) =>
      call('POST', `/policies/candidates/${id}/${step}`, 'approver~policy:approve~agent:a', body);
    expect(await decide('approve', { digest })).toMatchObject(refused);
    expect(await decide('reject', { reason: 'No' })).toMatchObject(refused);
    const back = await call('POST', '/policies/rollback', 'approver~policy:rollback~agent:a', about);
    expect(back).toMatchObject(refused);
    expect(node.current().version.version).toBe(1);
  });

  it('accepts a step from a person through the software they signed in to, and through no other', async () => {
    const proposal = { bundle: stricter, ...about, simulation: rig.simulated(stricter, 1) };
    const propose = (actors: string) =>
      call('POST', '/policies/candidates', `person~policy:propose~${actors}`, proposal);
    expect(await propose('service:cli,service:relay')).toMatchObject({
      status: 403,
      body: { code: 'insufficient_scope' },
    });
    expect(await propose('service:cli')).toMatchObject({ status: 201, body: { proposedBy: 'person:ada.first' } });
  });

  it('shows what the simulation found and skipped, and rejects with a reason', async () => {
    const skipped = { entity_missing: 2 };
    const simulation = rig.simulated(stricter, 1, { skipped });
    const { body } = await call('POST', '/policies/candidates', 'proposer~policy:propose', {
      bundle: stricter,
      ...about,
      simulation,
    });
    expect(body.simulation).toEqual({ id: simulation, decisions: 9, flips: 1, skipped });
    expect(
      await call('POST', `/policies/candidates/${body.id}/reject`, 'approver~policy:approve', { reason: 'No' }),
    ).toMatchObject({ status: 200, body: { status: 'rejected', decidedBy: approver.id } });
  });

  it.each([
    ['POST', '/policies/validate', 'policy:read', { bundle: stricter }],
    ['POST', '/policies/candidates', 'policy:approve', {}],
    ['POST', '/policies/rollback', 'policy:propose', about],
    ['GET', '/policies', 'policy:propose', undefined],
    ['GET', '/policies/active', 'decision:evaluate', undefined],
    ['GET', '/policies/candidates', 'policy:approve', undefined],
  ] as const)('refuses %s %s to a token with %s', async (method, url, scope, body) => {
    expect((await call(method, url, `proposer~${scope}`, body)).status).toBe(403);
    expect((await call(method, url, 'nobody', body)).status).toBe(401);
  });

  it('refuses malformed input with its location, and unknown ids', async () => {
    const post = (url: string, body: object) => call('POST', url, 'proposer~policy:propose', body);
    expect(await post('/policies/validate', { bundle: { ...stricter, policies: 1 } })).toMatchObject({ status: 400 });
    expect(
      await post('/policies/validate', { bundle: { ...stricter, policies: [{ file: '../x.cedar', text: '' }] } }),
    ).toMatchObject({ status: 400 });
    const wrong = { ...stricter, policies: [{ file: 'a.cedar', text: '@id("a")\npermit (principal, action' }] };
    expect(await post('/policies/validate', { bundle: wrong })).toMatchObject({
      status: 400,
      body: { code: 'policy_invalid', facts: { problems: [{ file: 'a.cedar', line: 2 }] } },
    });
    expect(await post('/policies/validate', { bundle: smallBundle('10.0') })).toMatchObject({
      status: 200,
      body: { tests: { failed: 2 } },
    });
    expect(
      await post('/policies/candidates', {
        bundle: smallBundle('10.0'),
        ...about,
        simulation: rig.simulated(smallBundle('10.0'), 1),
      }),
    ).toMatchObject({ status: 400, body: { code: 'policy_tests_failed' } });
    expect(await read('/policies/candidates/pol_x')).toMatchObject({
      status: 404,
      body: { code: 'candidate_not_found' },
    });
    expect(await read('/policies/77')).toMatchObject({ status: 404, body: { code: 'version_not_found' } });
    expect(await read('/policies/0')).toMatchObject({ status: 400 });
    expect(
      await call('POST', '/policies/rollback', 'approver~policy:rollback', { ...about, reason: 'a\u001bb' }),
    ).toMatchObject({ status: 400, body: { code: 'policy_invalid' } });
  });

  it('reads at most four megabytes', async () => {
    const long = (size: number) => ({
      bundle: { ...stricter, tests: [{ file: 'a.json', content: 'x'.repeat(size) }] },
    });
    const post = (size: number) => call('POST', '/policies/validate', 'proposer~policy:propose', long(size));
    expect(await post(3_900_000)).toMatchObject({ status: 200, body: { tests: { failed: 1 } } });
    expect(await post(4_300_000)).toMatchObject({ status: 413 });
  });
});
