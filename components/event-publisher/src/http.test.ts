import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventPublisherRoutes } from './index.ts';
import { createEventWorld, type EventWorld } from './testing/event-world.ts';
import { leis } from './testing/example-mandate.ts';

let world: EventWorld;
const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
beforeAll(async () => {
  world = await createEventWorld();
  eventPublisherRoutes(app, {
    events: world.events,
    guard: createOpenGuard(),
    baseUrl: 'https://countersign.example',
  });
  await app.ready();
});
afterEach(() => world.log.repair());
afterAll(async () => {
  await app.close();
  await world.close();
});

const url = 'https://ops.example/hooks/7f3a';
function call(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  options: { readonly by?: string; readonly scope?: string; readonly payload?: object } = {},
) {
  const { by = leis.fund, scope = 'event:subscribe', payload } = options;
  return app.inject({
    method,
    url: path,
    headers: asCaller({ id: 'client:ops', institution: by }, [scope]),
    ...(payload === undefined ? {} : { payload }),
  });
}
const get = (path: string, by: string = leis.fund) => call('GET', path, { by, scope: 'event:read' });

describe('event pages over HTTP', () => {
  it('hold events and the position to continue from, as sortable text', async () => {
    const written = [world.mandate(), world.mandate(), world.mandate()];
    const first = (await get('/events?limit=2')).json();
    expect(first.events.map(({ id }: { id: string }) => id)).toEqual(
      written.slice(0, 2).map(({ record }) => record.id),
    );
    expect(first.position).toMatch(/^[0-9]{20}$/);
    const second = (await get(`/events?limit=2&after=${first.position}&topics=mandate,exception`)).json();
    expect(second.events.map(({ id }: { id: string }) => id)).toEqual([written[2]?.record.id]);
    expect((await get('/events', leis.stranger)).json()).toEqual({ events: [], position: second.position });
  });

  it.each([
    ['/events?after=12345678901234567890', 'event_position_invalid'],
    ['/events?after=x', 'event_position_invalid'],
    ['/events?topics=all', 'subscription_invalid'],
    ['/events?topics=', 'subscription_invalid'],
    ['/events?after=123456789012345678901', undefined],
    ['/events?limit=0', undefined],
    ['/events?limit=501', undefined],
    ['/events?limit=1e2', undefined],
    ['/events?institution=x', undefined],
    ['/events?after=1&after=2', undefined],
  ])('refuse %s', async (path, code) => {
    const answer = await get(path);
    expect(answer.statusCode).toBe(400);
    if (code !== undefined) expect(answer.json()).toMatchObject({ code });
  });

  it('require the scope event:read', async () => {
    expect((await call('GET', '/events')).json()).toMatchObject({ code: 'insufficient_scope' });
    expect((await app.inject({ url: '/events' })).json()).toMatchObject({ code: 'token_missing' });
  });

  it('say that the log cannot answer', async () => {
    world.log.breakDown('reading');
    const answer = await get('/events');
    expect([answer.statusCode, answer.json()]).toMatchObject([503, { code: 'log_unavailable' }]);
    expect(answer.headers['retry-after']).toBe('1');
  });
});

describe('subscriptions over HTTP', () => {
  it('are created, listed, resumed and ended by their institution, and by nobody else', async () => {
    const made = await call('POST', '/events/subscriptions', { payload: { url, topics: ['mandate'] } });
    expect(made.statusCode).toBe(201);
    const subscription = made.json();
    expect(subscription).toMatchObject({ url, topics: ['mandate'], status: 'active', institution: leis.fund });
    expect((await call('GET', '/events/subscriptions')).json()).toEqual({ subscriptions: [subscription] });
    expect((await call('GET', '/events/subscriptions', { by: leis.broker })).json()).toEqual({ subscriptions: [] });
    const own = `/events/subscriptions/${subscription.id}`;
    expect((await call('POST', `${own}/resume`)).json()).toEqual(subscription);
    for (const [method, path] of [
      ['DELETE', own],
      ['POST', `${own}/resume`],
    ] as const)
      expect((await call(method, path, { by: leis.broker })).json()).toMatchObject({
        status: 404,
        code: 'subscription_not_found',
      });
    expect((await call('DELETE', own)).statusCode).toBe(204);
    expect((await call('DELETE', own)).json()).toMatchObject({ code: 'subscription_not_found' });
    expect((await call('DELETE', '/events/subscriptions/x')).json()).toMatchObject({ code: 'subscription_not_found' });
  });

  it('record who requested them, from the token only', async () => {
    await call('POST', '/events/subscriptions', { payload: { url: `${url}/2`, topics: ['mandate'] } });
    expect(world.log.ofType('event.subscribed').at(-1)?.subject).toEqual({ id: 'client:ops', institution: leis.fund });
    const forged = { url, topics: ['mandate'], institution: leis.broker };
    expect((await call('POST', '/events/subscriptions', { payload: forged })).statusCode).toBe(400);
  });

  it.each<[string, object, string | undefined]>([
    ['no topics', { url, topics: [] }, undefined],
    ['an invalid topic', { url, topics: ['all'] }, undefined],
    ['no address', { topics: ['mandate'] }, undefined],
    ['an address without TLS', { url: 'http://ops.example/', topics: ['mandate'] }, 'subscription_invalid'],
    ['a made-up position', { url, topics: ['mandate'], after: '8'.repeat(20) }, 'event_position_invalid'],
  ])('are refused with %s', async (_, payload, code) => {
    const answer = await call('POST', '/events/subscriptions', { payload });
    expect(answer.statusCode).toBe(400);
    if (code !== undefined) expect(answer.json()).toMatchObject({ code });
  });

  it('require the scope event:subscribe', async () => {
    for (const [method, path] of [
      ['GET', '/events/subscriptions'],
      ['POST', '/events/subscriptions'],
      ['DELETE', '/events/subscriptions/sub_x'],
      ['POST', '/events/subscriptions/sub_x/resume'],
    ] as const) {
      const payload = method === 'POST' ? { url, topics: ['mandate'] } : undefined;
      const answer = await call(method, path, { scope: 'event:read', ...(payload === undefined ? {} : { payload }) });
      expect([path, answer.json()]).toMatchObject([path, { code: 'insufficient_scope' }]);
    }
  });

  it('are refused when they cannot be recorded, and nothing is stored', async () => {
    world.log.breakDown('writing');
    const payload = { url: `${url}/unrecorded`, topics: ['mandate'] };
    const answer = await call('POST', '/events/subscriptions', { payload });
    expect([answer.statusCode, answer.json()]).toMatchObject([503, { code: 'log_unavailable' }]);
    world.log.repair();
    expect(JSON.stringify((await call('GET', '/events/subscriptions')).json())).not.toContain('unrecorded');
  });
});

it('the published keys are public halves only, open to everybody, and cached for a minute', async () => {
  const answer = await app.inject({ url: '/events/keys' });
  expect(answer.headers['cache-control']).toBe('public, max-age=60');
  const keys = await world.signer.publicKeys('event');
  expect(answer.json().keys).toEqual(
    keys.map(({ kid, jwk }) => ({ kty: 'EC', crv: 'P-256', x: jwk['x'], y: jwk['y'], kid, alg: 'ES256', use: 'sig' })),
  );
  expect(answer.json().keys.length).toBeGreaterThan(0);
});
