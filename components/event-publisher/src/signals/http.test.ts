import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signalRoutes } from '../index.ts';
import { leis } from '../testing/example-mandate.ts';
import { metadataPath } from './metadata.ts';
import { createSignalWorld, issuer, type SignalWorld } from './testing/signal-world.ts';

const push = { method: 'urn:ietf:rfc:8935', endpoint_url: 'https://receiver.example/events' };
const caep = (event: string) => `https://schemas.openid.net/secevent/caep/event-type/${event}`;
const verification = 'https://schemas.openid.net/secevent/ssf/event-type/verification';

let world: SignalWorld;
let app: FastifyInstance;
beforeEach(async () => {
  world = await createSignalWorld();
  app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  signalRoutes(app, { signals: world.signals, issuer, guard: createOpenGuard(), baseUrl: issuer });
  await app.ready();
});
afterEach(async () => {
  await app.close();
  await world.close();
});

const asOps = (institution: string, scope: string) =>
  asCaller({ id: 'client:ops', institution }, [scope], { client: 'ops' });
async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  url: string,
  payload?: object,
  who: string = leis.fund,
  scope = 'signal:subscribe',
) {
  const headers = asOps(who, scope);
  const answer = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() };
}
const create = async (body: object = {}, who?: string) => (await call('POST', '/signals/streams', body, who)).body;
const poll = (id: string, body: object = { returnImmediately: true }, who?: string) =>
  call('POST', `/signals/poll/${id}`, body, who);
const claimsOf = async (answer: { body: { sets: Record<string, string> } }) =>
  Promise.all(Object.values(answer.body.sets).map((set) => world.verified(set)));

describe('the transmitter', () => {
  it('describes its endpoints as the framework specifies', async () => {
    const answer = await app.inject({ url: '/.well-known/ssf-configuration' });
    expect(answer.json()).toMatchObject({
      spec_version: '1_0',
      issuer,
      jwks_uri: `${issuer}/signals/keys`,
      delivery_methods_supported: ['urn:ietf:rfc:8935', 'urn:ietf:rfc:8936'],
      default_subjects: 'ALL',
    });
    // Every address in it is served.
    const { configuration_endpoint, status_endpoint, ...named } = answer.json();
    for (const url of [configuration_endpoint, status_endpoint, named.jwks_uri])
      expect((await call('GET', new URL(url).pathname)).body?.code).not.toBe('route_not_found');
    for (const url of [named.add_subject_endpoint, named.remove_subject_endpoint, named.verification_endpoint])
      expect((await call('POST', new URL(url).pathname, {})).body?.code).toBe('request_invalid');
  });

  it('is found under the path of its issuer', () => {
    expect(metadataPath('https://tr.example.com')).toBe('/.well-known/ssf-configuration');
    expect(metadataPath('https://tr.example.com/issuer1/')).toBe('/.well-known/ssf-configuration/issuer1');
  });

  it('publishes the keys of security events, and no others', async () => {
    const { keys } = (await app.inject({ url: '/signals/keys' })).json();
    const { kid } = await world.signer.current('security-event');
    expect(keys).toContainEqual(expect.objectContaining({ kid, alg: 'ES256', use: 'sig' }));
  });

  it('manages streams only with the scope', async () => {
    expect(await call('GET', '/signals/streams', undefined, leis.fund, 'event:read')).toMatchObject({ status: 403 });
    expect((await app.inject({ url: '/signals/streams' })).statusCode).toBe(401);
    expect((await app.inject({ method: 'POST', url: '/signals/poll/x', payload: {} })).statusCode).toBe(401);
  });
});

describe('a stream', () => {
  it('is polled by default, and holds every event type', async () => {
    const answer = await call('POST', '/signals/streams', {});
    expect(answer.status).toBe(201);
    const { stream_id, ...rest } = answer.body;
    expect(rest).toMatchObject({
      ...{ iss: issuer, aud: 'ops' },
      delivery: { method: 'urn:ietf:rfc:8936', endpoint_url: `${issuer}/signals/poll/${stream_id}` },
      events_delivered: rest.events_supported,
    });
    expect(rest).not.toHaveProperty('events_requested');
    expect(world.log.ofType('signal.stream-changed')).toMatchObject([
      { client: 'ops', subject: { institution: leis.fund }, data: { operation: 'create', stream: stream_id } },
    ]);
  });

  it('delivers the requested event types that exist, and ignores unknown ones', async () => {
    const stream = await create({ events_requested: ['urn:example:type_1', caep('session-revoked')] });
    expect(stream).toMatchObject({
      events_requested: ['urn:example:type_1', caep('session-revoked')],
      events_delivered: [caep('session-revoked')],
    });
    world.signIn();
    expect((await poll(stream.stream_id)).body).toEqual({ sets: {} });
  });

  it('is read alone, or with all of the institution', async () => {
    expect((await call('GET', '/signals/streams')).body).toEqual([]);
    const first = await create();
    world.clock.advance(1);
    const second = await create({ delivery: push, description: 'pushed' });
    expect((await call('GET', '/signals/streams')).body).toEqual([first, second]);
    expect((await call('GET', `/signals/streams?stream_id=${second.stream_id}`)).body).toEqual(second);
  });

  it('is changed where the request says so, and the rest stays', async () => {
    const stream = await create({ description: 'a', events_requested: [caep('session-revoked')], delivery: push });
    const { stream_id } = stream;
    const answer = await call('PATCH', '/signals/streams', { stream_id, description: 'b' });
    expect(answer).toEqual({ status: 200, body: { ...stream, description: 'b' } });
  });

  it('is replaced as a whole: what is left out is gone', async () => {
    const { stream_id } = await create({ description: 'a', events_requested: [caep('session-revoked')] });
    const answer = await call('PUT', '/signals/streams', { stream_id, delivery: push });
    expect(answer.body).not.toHaveProperty('description');
    expect(answer.body).not.toHaveProperty('events_requested');
    expect(answer.body).toMatchObject({ delivery: push });
  });

  it('can be written back as read, without changing internal state', async () => {
    const stream = await create({ description: 'a' });
    expect((await call('PUT', '/signals/streams', stream)).body).toEqual(stream);
    for (const change of [
      { aud: 'another' },
      { iss: 'https://evil.example' },
      { events_delivered: [caep('session-revoked')] },
      { delivery: { ...stream.delivery, endpoint_url: 'https://elsewhere.example/poll' } },
      { min_verification_interval: 0 },
    ])
      expect(await call('PATCH', '/signals/streams', { stream_id: stream.stream_id, ...change })).toMatchObject({
        status: 400,
        body: { code: 'stream_malformed' },
      });
    expect((await call('GET', `/signals/streams?stream_id=${stream.stream_id}`)).body).toEqual(stream);
  });

  it('is refused for malformed input', async () => {
    for (const body of [
      { delivery: { method: 'urn:ietf:rfc:8935' } },
      { delivery: { ...push, endpoint_url: 'http://receiver.example/events' } },
      { delivery: { ...push, endpoint_url: 'https://user:pass@receiver.example/' } },
      { delivery: { ...push, authorization_header: 'Bearer x\r\nx-other: y' } },
      { delivery: { method: 'urn:ietf:rfc:8936', authorization_header: 'Bearer x' } },
      { delivery: { method: 'urn:ietf:rfc:8936', endpoint_url: 'https://elsewhere.example/' } },
      { delivery: { method: 'https://schemas.openid.net/secevent/risc/delivery-method/push' } },
      { events_requested: [] },
      { aud: 'mine' },
      { unknown: true },
    ])
      expect([body, (await call('POST', '/signals/streams', body)).status]).toEqual([body, 400]);
    expect((await call('GET', '/signals/streams')).body).toEqual([]);
  });

  it('cannot be seen, changed or ended by others', async () => {
    const { stream_id } = await create();
    const asked = [
      call('GET', `/signals/streams?stream_id=${stream_id}`, undefined, leis.stranger),
      call('PATCH', '/signals/streams', { stream_id }, leis.stranger),
      call('PUT', '/signals/streams', { stream_id }, leis.stranger),
      call('DELETE', `/signals/streams?stream_id=${stream_id}`, undefined, leis.stranger),
      call('GET', `/signals/status?stream_id=${stream_id}`, undefined, leis.stranger),
      call('POST', '/signals/status', { stream_id, status: 'disabled' }, leis.stranger),
      call('POST', '/signals/subjects/remove', { stream_id, subject: opaque('x') }, leis.stranger),
      call('POST', '/signals/verification', { stream_id }, leis.stranger),
      poll(stream_id, {}, leis.stranger),
    ];
    for (const answer of await Promise.all(asked))
      expect(answer).toMatchObject({ status: 404, body: { code: 'stream_not_found' } });
    expect((await call('GET', '/signals/streams', undefined, leis.stranger)).body).toEqual([]);
    expect(world.log.ofType('signal.stream-changed')).toHaveLength(1);
  });

  it('ends when it is deleted, and is not found any more', async () => {
    const { stream_id } = await create();
    expect((await call('DELETE', `/signals/streams?stream_id=${stream_id}`)).status).toBe(204);
    expect((await call('DELETE', `/signals/streams?stream_id=${stream_id}`)).status).toBe(404);
    expect((await poll(stream_id)).status).toBe(404);
    expect(world.log.ofType('signal.stream-changed').at(-1)?.data).toMatchObject({ operation: 'delete' });
  });

  it('is one of sixteen at most, however many are requested at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => call('POST', '/signals/streams', {})));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(16);
    expect(answers.find(({ status }) => status !== 201)).toMatchObject({ status: 409, body: { code: 'stream_limit' } });
  });

  it('does not change while that cannot be recorded', async () => {
    const stream = await create();
    const { stream_id } = stream;
    world.log.breakDown('writing');
    expect((await call('POST', '/signals/streams', {})).status).toBe(503);
    expect((await call('PATCH', '/signals/streams', { stream_id, description: 'b' })).status).toBe(503);
    expect((await call('POST', '/signals/status', { stream_id, status: 'disabled' })).status).toBe(503);
    expect((await call('DELETE', `/signals/streams?stream_id=${stream_id}`)).status).toBe(503);
    expect((await call('GET', '/signals/streams')).body).toEqual([stream]);
    expect((await call('GET', `/signals/status?stream_id=${stream_id}`)).body).toEqual({
      stream_id,
      status: 'enabled',
    });
  });

  it('leaves no address in the evidence, and no subject in clear text', async () => {
    const { stream_id } = await create({ delivery: { ...push, endpoint_url: 'https://receiver.example/secret-path' } });
    await call('POST', '/signals/subjects/remove', {
      stream_id,
      subject: { format: 'email', email: 'frank@fund.example' },
    });
    const evidence = JSON.stringify(world.log.ofType('signal.stream-changed'));
    expect(evidence).toContain('https://receiver.example');
    expect(evidence).toContain('subject-remove');
    expect(evidence).not.toContain('secret-path');
    expect(evidence).not.toContain('frank@fund.example');
  });
});

const opaque = (id: string) => ({ format: 'opaque', id });

describe('a poll', () => {
  it('returns what has not been acknowledged, until it is', async () => {
    const { stream_id } = await create();
    const records = [world.signIn().id, world.signIn().id, world.signIn().id];
    const first = await poll(stream_id);
    expect((await claimsOf(first)).map(({ txn }) => txn)).toEqual(records);
    const jtis = Object.keys(first.body.sets);
    expect(Object.keys((await poll(stream_id)).body.sets)).toEqual(jtis);
    // In any order: one in the middle first.
    const rest = await poll(stream_id, { returnImmediately: true, ack: [jtis[1]] });
    expect(Object.keys(rest.body.sets)).toEqual([jtis[0], jtis[2]]);
    expect((await poll(stream_id, { returnImmediately: true, ack: [jtis[0], jtis[2], 'unknown'] })).body).toEqual({
      sets: {},
    });
  });

  it('names each token by its jti, with the same claims every time', async () => {
    const { stream_id } = await create();
    world.signIn();
    const [first, again] = [await poll(stream_id), await poll(stream_id)];
    const [claims] = await claimsOf(first);
    expect(Object.keys(first.body.sets)).toEqual([claims?.jti]);
    world.clock.advance(60_000);
    expect(await claimsOf(again)).toEqual([claims]);
  });

  it('returns at most the requested number, says that there is more, and with 0 only acknowledges', async () => {
    const { stream_id } = await create();
    for (let count = 0; count < 5; count++) world.signIn();
    const two = await poll(stream_id, { maxEvents: 2 });
    expect(Object.keys(two.body.sets)).toHaveLength(2);
    expect(two.body.moreAvailable).toBe(true);
    const none = await poll(stream_id, { maxEvents: 0, ack: Object.keys(two.body.sets) });
    expect(none.body).toEqual({ sets: {}, moreAvailable: true });
    const rest = await poll(stream_id, { maxEvents: 3 });
    expect(Object.keys(rest.body.sets)).toHaveLength(3);
    expect(rest.body).not.toHaveProperty('moreAvailable');
  });

  it('waits for events, and no longer than it must', async () => {
    const { stream_id } = await create();
    const waiting = createSignalTransmitterThatWaits();
    const answer = waiting.poll(
      stream_id,
      {},
      { id: 'x', institution: leis.fund, client: 'ops' },
      new AbortController().signal,
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    const { id } = world.signIn();
    const { sets } = await answer;
    expect(await Promise.all(Object.values(sets).map((set) => world.verified(set)))).toMatchObject([{ txn: id }]);
    // One without events ends by itself, empty.
    expect((await poll(stream_id, { ack: Object.keys(sets) })).body).toEqual({ sets: {} });
  });

  it('ends when the server closes, and when the transmitter stops', async () => {
    const { stream_id } = await create();
    const waits = createSignalTransmitterThatWaits();
    const other = createHttpServer({
      logger: createLogger({ level: 'silent', name: 'test' }),
      metrics: createMetrics(),
    });
    signalRoutes(other, { signals: waits, issuer, guard: createOpenGuard(), baseUrl: issuer });
    await other.listen({ host: '127.0.0.1', port: 0 });
    const address = other.server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const answer = fetch(`http://127.0.0.1:${port}/signals/poll/${stream_id}`, {
      method: 'POST',
      headers: { ...asOps(leis.fund, 'signal:subscribe'), 'content-type': 'application/json' },
      body: '{}',
    });
    const { scans } = world.log.reads;
    world.signIn(leis.stranger, 'person:x');
    // It has scanned others' events, so it is now waiting.
    await expect.poll(() => world.log.reads.scans).toBeGreaterThan(scans);
    await other.close();
    expect(await (await answer).json()).toEqual({ sets: {} });
    const by = { id: 'x', institution: leis.fund, client: 'ops' };
    const another = waits.poll(stream_id, {}, by, new AbortController().signal);
    await waits.stop();
    expect(await another).toEqual({ sets: {} });
  });

  it('ends at once when its client is gone', async () => {
    const { stream_id } = await create();
    const leaving = new AbortController();
    const answer = createSignalTransmitterThatWaits().poll(
      stream_id,
      {},
      { id: 'x', institution: leis.fund, client: 'ops' },
      leaving.signal,
    );
    leaving.abort();
    expect(await answer).toEqual({ sets: {} });
  });

  const createSignalTransmitterThatWaits = () => world.node({ longPollMs: 60_000, everyMs: 5 });

  it('drops what the receiver reports as unusable, which is recorded with its code but not its text', async () => {
    const { stream_id } = await create();
    world.signIn();
    const second = world.signIn();
    const [jti] = Object.keys((await poll(stream_id)).body.sets);
    const setErrs = { [String(jti)]: { err: 'invalid_key', description: 'Frank’s key' }, other: { err: 'Not a code' } };
    const answer = await poll(stream_id, { returnImmediately: true, setErrs });
    expect((await claimsOf(answer)).map(({ txn }) => txn)).toEqual([second.id]);
    const [, refused] = world.log.ofType('signal.stream-changed');
    expect(refused?.data).toMatchObject({ operation: 'refuse-tokens', sets: [{ jti, err: 'invalid_key' }] });
    expect(JSON.stringify(refused)).not.toContain('Frank');
  });

  it('does not drop it while that cannot be recorded', async () => {
    const { stream_id } = await create();
    world.signIn();
    const [jti] = Object.keys((await poll(stream_id)).body.sets);
    world.log.breakDown('writing');
    const setErrs = { [String(jti)]: { err: 'invalid_key' } };
    expect((await poll(stream_id, { returnImmediately: true, setErrs })).status).toBe(503);
    world.log.repair();
    expect(Object.keys((await poll(stream_id)).body.sets)).toEqual([jti]);
  });

  it('that is malformed is refused', async () => {
    const { stream_id } = await create();
    for (const body of [
      { maxEvents: -1 },
      { maxEvents: 1.5 },
      { ack: 'x' },
      { ack: [''] },
      { ack: Array.from({ length: 1_001 }, () => 'x') },
      { setErrs: { x: 'y' } },
      { setErrs: { x: {} } },
      { returnImmediately: 'yes' },
      { more: 1 },
    ])
      expect([body, (await poll(stream_id, body)).status]).toEqual([body, 400]);
  });

  it('of a stream in push mode is refused', async () => {
    const { stream_id } = await create({ delivery: push });
    expect((await poll(stream_id)).status).toBe(404);
  });

  it('keeps a bounded number in the database, however much happens while nobody polls', async () => {
    const { stream_id } = await create();
    for (let count = 0; count < 900; count++) world.signIn();
    const seen: string[] = [];
    const rows = async () =>
      (await world.scratch.pool('event-publisher').query('select count(*)::integer as n from signal_queue')).rows[0].n;
    for (let round = 0; round < 12; round++) await poll(stream_id);
    expect(await rows()).toBeLessThanOrEqual(600);
    for (let ack: string[] = [], round = 0; round < 30; round++) {
      const answer = await poll(stream_id, { returnImmediately: true, ack });
      ack = Object.keys(answer.body.sets);
      seen.push(...ack);
    }
    expect(new Set(seen).size).toBe(900);
    expect(seen).toHaveLength(900);
    expect(await rows()).toBe(0);
  }, 120_000);
});

describe('a stream status', () => {
  const set = (stream_id: string, status: string, more = {}) =>
    call('POST', '/signals/status', { stream_id, status, ...more });

  it('paused holds events until it is enabled again', async () => {
    const { stream_id } = await create();
    const before = world.signIn();
    expect((await set(stream_id, 'paused', { reason: 'maintenance' })).body).toEqual({
      stream_id,
      status: 'paused',
      reason: 'maintenance',
    });
    const while_ = world.signIn();
    expect((await poll(stream_id)).body).toEqual({ sets: {} });
    expect((await set(stream_id, 'enabled')).body).toEqual({ stream_id, status: 'enabled' });
    expect((await claimsOf(await poll(stream_id))).map(({ txn }) => txn)).toEqual([before.id, while_.id]);
  });

  it('disabled drops what is waiting and what happens meanwhile', async () => {
    const { stream_id } = await create();
    world.signIn();
    await poll(stream_id);
    await set(stream_id, 'disabled');
    world.signIn();
    await set(stream_id, 'enabled');
    expect((await poll(stream_id)).body).toEqual({ sets: {} });
    const after = world.signIn();
    expect((await claimsOf(await poll(stream_id))).map(({ txn }) => txn)).toEqual([after.id]);
  });

  it('is one of three values', async () => {
    const { stream_id } = await create();
    expect((await set(stream_id, 'on')).status).toBe(400);
  });

  it('that is already set changes nothing, and is not recorded', async () => {
    const { stream_id } = await create();
    await set(stream_id, 'enabled');
    expect(world.log.ofType('signal.stream-changed')).toHaveLength(1);
  });
});

describe('a subject', () => {
  const user = { format: 'iss_sub', iss: issuer, sub: 'person:frank.fund' };
  const change = (how: 'add' | 'remove', stream_id: string, subject: object) =>
    call('POST', `/signals/subjects/${how}`, { stream_id, subject });

  it('that is removed is not signalled any more, until it is added again', async () => {
    const { stream_id } = await create();
    expect(await change('remove', stream_id, user)).toEqual({ status: 204, body: undefined });
    world.signIn();
    const other = world.signIn(leis.fund, 'person:olga.fund');
    expect((await claimsOf(await poll(stream_id))).map(({ txn }) => txn)).toEqual([other.id]);
    expect(await change('add', stream_id, user)).toEqual({ status: 200, body: undefined });
    const again = world.signIn();
    expect((await claimsOf(await poll(stream_id))).map(({ txn }) => txn)).toEqual([other.id, again.id]);
  });

  it('that is unknown is answered like any other', async () => {
    const { stream_id } = await create();
    for (const subject of [opaque('nobody'), { format: 'email', email: 'no@body.example' }]) {
      expect((await change('add', stream_id, subject)).status).toBe(200);
      expect((await change('remove', stream_id, subject)).status).toBe(204);
    }
  });

  it('that is malformed is refused', async () => {
    const { stream_id } = await create();
    for (const subject of [
      {},
      { format: 'opaque' },
      { format: 'opaque', id: '' },
      { format: 'opaque', id: 'x', more: 1 },
      { format: 'email', id: 'x' },
      { format: 'toString', id: 'x' },
      { format: 'aliases', identifiers: [{ format: 'opaque', id: 'x' }] },
      { format: 'complex' },
      { format: 'complex', user: 'x' },
      { format: 'complex', user: { format: 'complex', user: { format: 'opaque', id: 'x' } } },
      { format: 'opaque', id: '\ud800' },
    ])
      expect([subject, (await change('remove', stream_id, subject)).body?.code]).toEqual([subject, 'stream_malformed']);
  });
});

describe('a verification', () => {
  it('arrives over the stream with the requested state, whatever subjects are removed', async () => {
    const { stream_id } = await create({ events_requested: [caep('session-revoked')] });
    await call('POST', '/signals/subjects/remove', { stream_id, subject: opaque(stream_id) });
    const state = 'VGhpcyBpcyBhbiBleGFtcGxlIHN0YXRlIHZhbHVlLgo=';
    expect(await call('POST', '/signals/verification', { stream_id, state })).toEqual({ status: 204, body: undefined });
    expect(await claimsOf(await poll(stream_id))).toMatchObject([
      { aud: 'ops', sub_id: opaque(stream_id), events: { [verification]: { state } } },
    ]);
  });

  it('without a state has none', async () => {
    const { stream_id } = await create();
    await call('POST', '/signals/verification', { stream_id });
    const [claims] = await claimsOf(await poll(stream_id));
    expect(claims?.['events']).toEqual({ [verification]: {} });
  });

  it('is possible every half a minute at most', async () => {
    const { stream_id } = await create();
    await call('POST', '/signals/verification', { stream_id });
    expect(await call('POST', '/signals/verification', { stream_id })).toMatchObject({
      status: 429,
      body: { code: 'signal_rate_limited' },
    });
    world.clock.advance(30_000);
    expect((await call('POST', '/signals/verification', { stream_id })).status).toBe(204);
  });

  it('of a disabled stream is refused', async () => {
    const { stream_id } = await create();
    await call('POST', '/signals/status', { stream_id, status: 'disabled' });
    expect((await call('POST', '/signals/verification', { stream_id })).status).toBe(400);
  });
});
