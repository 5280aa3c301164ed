import { defined } from '@countersign/kernel';
import { createHttpServer, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningRecovery, recoveryRoutes } from '../index.ts';
import {
  anna,
  ben,
  cora,
  createRecoveryWorld,
  foreignDesk,
  helpDesk,
  installation,
  issuer,
  lost,
  type RecoveryWorld,
} from '../testing/recovery-world.ts';

let world: RecoveryWorld;
let recovery: RunningRecovery;
let app: FastifyInstance;

/** Callers by name, with the scopes that they were given. */
const callers: Readonly<
  Record<string, { readonly id: string; readonly institution: string; readonly scopes: string[] }>
> = {
  desk: { ...helpDesk, scopes: ['recovery:open', 'recovery:read'] },
  reader: { ...helpDesk, scopes: ['recovery:read'] },
  foreign: { ...foreignDesk, scopes: ['recovery:open', 'recovery:read'] },
  operator: { ...installation, scopes: ['recovery:open', 'recovery:read'] },
};

beforeEach(async () => {
  world = await createRecoveryWorld();
  recovery = world.node();
  app = createHttpServer({ logger: world.logger, metrics: createMetrics() });
  recoveryRoutes(app, { recovery, guard: createOpenGuard(), baseUrl: issuer, operator: installation.institution });
  for (const each of [anna, ben, cora]) world.keys.enrol(each.id);
});
afterEach(async () => {
  await app.close();
  await world.close();
});

async function call(as: string, method: 'GET' | 'POST', url: string, body?: object) {
  const caller = callers[as];
  const answer = await app.inject({
    method,
    url,
    headers: caller === undefined ? {} : asCaller(caller, caller.scopes),
    ...defined({ payload: body }),
  });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

describe('the account administration interface', () => {
  it('opens a recovery, shows it, hands over the link when everything has ended, and cancels', async () => {
    const opened = await call('desk', 'POST', '/recoveries', lost);
    expect(opened).toMatchObject({
      status: 201,
      body: { person: anna.id, status: 'waiting', missing: ['line', 'control'] },
    });
    const path = `/recoveries/${String(opened.body['id'])}`;
    expect(await call('desk', 'POST', `${path}/invitation`)).toMatchObject({ status: 409 });
    const { id } = (await recovery.list({}))[0] ?? {};
    if (id === undefined) throw new Error('nothing was opened');
    await world.approve(recovery, id, ben);
    await world.approve(recovery, id, cora);
    const invited = await call('desk', 'POST', `${path}/invitation`);
    expect(invited).toMatchObject({ status: 201 });
    expect(invited.body['url']).toMatch(/^http:\/\/localhost:8080\/enrol\/[\w-]{43}$/);
    expect(await call('desk', 'GET', path)).toMatchObject({ status: 200, body: { status: 'invited' } });
    expect(await call('desk', 'POST', `${path}/cancel`, { reason: 'Found it' })).toMatchObject({
      status: 200,
      body: { status: 'cancelled' },
    });
  });

  it('is closed without its scope, and shows nothing to others', async () => {
    expect(await call('nobody', 'POST', '/recoveries', lost)).toMatchObject({ status: 401 });
    expect(await call('reader', 'POST', '/recoveries', lost)).toMatchObject({ status: 403 });
    expect(await call('foreign', 'POST', '/recoveries', lost)).toMatchObject({
      status: 404,
      body: { code: 'recovery_person_unknown' },
    });
    const opened = await call('operator', 'POST', '/recoveries', lost);
    const path = `/recoveries/${String(opened.body['id'])}`;
    for (const [method, url, body] of [
      ['GET', path, undefined],
      ['POST', `${path}/invitation`, undefined],
      ['POST', `${path}/cancel`, { reason: 'x' }],
    ] as const)
      expect(await call('foreign', method, url, body)).toMatchObject({ status: 404 });
    expect((await call('foreign', 'GET', '/recoveries')).body).toEqual({ recoveries: [] });
    expect((await call('operator', 'GET', '/recoveries?status=waiting')).body['recoveries']).toHaveLength(1);
    await recovery.publicRequests.ask(anna.id, undefined);
    expect((await call('foreign', 'GET', '/recovery-requests')).body).toEqual({ requests: [] });
    expect((await call('reader', 'GET', '/recovery-requests')).body['requests']).toHaveLength(1);
  });

  it('refuses input that does not match its schema', async () => {
    for (const body of [{}, { ...lost, evidence: [] }, { ...lost, more: true }, { ...lost, person: 'nobody' }])
      expect((await call('desk', 'POST', '/recoveries', body)).status).toBeGreaterThanOrEqual(400);
    expect((await call('desk', 'GET', '/recoveries/rcv_x')).status).toBe(404);
  });
});
