import type { PersonSignal } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionRoutes } from '../index.ts';
import { anna, bank, ben, broker, chloe } from '../testing/people.ts';
import { createSignInWorld, type SignInNode, type SignInWorld, signIn } from '../testing/sign-in-world.ts';

const all = ['session:read', 'session:end', 'account:unlock'];
const office = asCaller({ id: 'person:olga.office', institution: broker }, all);

describe('sessions of people over HTTP', () => {
  let world: SignInWorld;
  let node: SignInNode;
  const standing = new Map<string, readonly PersonSignal[]>([[anna.id, ['device-new', 'impossible-travel']]]);
  const cleared: (readonly string[])[] = [];
  beforeAll(async () => {
    world = await createSignInWorld();
    node = world.node();
    sessionRoutes(node.app, {
      ...{ authentication: node.authentication, directory: world.directory, guard: createOpenGuard() },
      signals: { of: (id) => standing.get(id) ?? [], clear: async (...what) => void cleared.push(what) },
      baseUrl: 'https://id.example',
      isOperator: (institution) => institution === bank,
    });
  });
  afterAll(() => world.close());
  const call = (method: 'GET' | 'POST', url: string, body?: object, headers = office) =>
    node.app.inject({ method, url, headers, ...defined({ payload: body }) });

  it('are listed with risk signals, and ended by administrators, recorded with the actor', async () => {
    const [first, second] = [node.browser(), node.browser()];
    await signIn(node, first, anna);
    await signIn(node, second, anna);
    const listed = await call('GET', `/people/${anna.id}/sessions`);
    expect(listed.headers['cache-control']).toBe('no-store');
    expect(listed.json()).toMatchObject({
      person: anna.id,
      sessions: [{ tier: expect.any(String) }, { started_at: '2026-11-21T09:00:00.000Z' }],
      signals: ['device-new', 'impossible-travel'],
    });
    const [{ id }] = listed.json<{ sessions: [{ id: string }] }>().sessions;
    const end = () => call('POST', `/people/${anna.id}/sessions/${id}/end`, { reason: 'left unlocked' });
    expect((await end()).statusCode).toBe(204);
    expect(world.audit.ofType('session.ended').at(-1)).toMatchObject({
      subject: { id: anna.id },
      actors: [{ id: 'person:olga.office', institution: broker }],
      data: { session: id, reason: 'left unlocked' },
    });
    expect((await end()).json()).toMatchObject({ status: 404, code: 'session_unknown' });
    const rest = await call('POST', `/people/${anna.id}/sessions/end`, { reason: 'gone home' });
    expect(rest.json()).toEqual({ ended: 1 });
    for (const browser of [first, second])
      expect(await node.authentication.current(browser.cookieHeader())).toBeUndefined();
  });

  it('can have a risk signal cleared, but never the wait after a recovery', async () => {
    const clear = (signal: string) => call('POST', `/people/${anna.id}/signals/${signal}/clear`);
    expect((await clear('impossible-travel')).statusCode).toBe(204);
    expect(cleared).toEqual([[anna.id, 'impossible-travel', 'person:olga.office']]);
    for (const signal of ['recovery-cooling-off', 'anything'])
      expect((await clear(signal)).json()).toMatchObject({ status: 400, code: 'request_invalid' });
    expect(cleared).toHaveLength(1);
  });

  it.each<[string, 'GET' | 'POST', string, object | undefined]>([
    ['listing', 'GET', 'sessions', undefined],
    ['ending', 'POST', 'sessions/end', { reason: 'x' }],
    ['ending one', 'POST', 'sessions/ses_01k9z3m8q4d6s0v2x5y7a9b1c3/end', { reason: 'x' }],
    ['clearing', 'POST', 'signals/impossible-travel/clear', undefined],
  ])('limit %s to a scope, to one’s own institution and to other people', async (_what, method, path, body) => {
    const url = (id: string) => `/people/${id}/${path}`;
    const narrow = await call(
      method,
      url(anna.id),
      body,
      asCaller({ id: 'person:x', institution: broker }, ['order:read']),
    );
    expect(narrow.json()).toMatchObject({ code: 'insufficient_scope' });
    const foreign = await call(method, url(chloe.id), body);
    expect(foreign.json()).toMatchObject({ status: 403, code: 'person_not_yours' });
    const operator = asCaller({ id: 'service:cli', institution: bank }, all);
    for (const caller of [undefined, operator])
      expect((await call(method, url('person:nobody.at.all'), body, caller)).json()).toEqual(foreign.json());
    if (method === 'POST')
      for (const caller of [
        asCaller({ id: ben.id, institution: broker }, all),
        asCaller({ id: 'service:desk', institution: broker }, all, { actors: [ben.id] }),
        asCaller({ id: ben.id, institution: bank }, all),
      ])
        expect((await call(method, url(ben.id), body, caller)).json()).toMatchObject({ code: 'person_not_yours' });
  });

  it('cannot be ended under another person’s name', async () => {
    await signIn(node, node.browser(), ben);
    const [session] = await node.authentication.sessionsOf(ben.id);
    const answer = await call('POST', `/people/${anna.id}/sessions/${session?.session}/end`, { reason: 'x' });
    expect(answer.json()).toMatchObject({ code: 'session_unknown' });
    expect(await node.authentication.sessionsOf(ben.id)).toHaveLength(1);
  });
});
