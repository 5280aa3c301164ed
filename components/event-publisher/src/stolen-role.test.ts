import type { MemoryLog } from '@countersign/testkit';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { by, createSignalWorld, type SignalWorld } from './signals/testing/signal-world.ts';
import { createEventWorld, type EventWorld } from './testing/event-world.ts';
import { leis } from './testing/example-mandate.ts';
import { type Receiver, startReceiver } from './testing/receiver.ts';

const push = 'urn:ietf:rfc:8935';
const minute = 60_000;
const at = new AbortController().signal;

// Every attack below uses a connection with this component's database role.

const contradictions = (log: MemoryLog) => log.ofType('row.rejected').map(({ data }) => (data as { of: string }).of);

let receiver: Receiver;
let evil: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
  evil = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  await evil.close();
});

describe('a thief with the database role of the event publisher, attacking webhooks', () => {
  let world: EventWorld;
  let thief: pg.Pool;
  const topics = ['mandate', 'transaction'];
  const subscribe = (url = receiver.url) =>
    world.events.subscribe({ institution: leis.fund, url, topics }, { id: 'client:ops', institution: leis.fund });

  beforeEach(async () => {
    world = await createEventWorld();
    thief = world.scratch.pool('event-publisher');
  });
  afterEach(() => world.close());

  it('cannot have anything sent to their own address by adding or changing a row', async () => {
    const { id } = await subscribe();
    await thief.query(
      `insert into subscriptions (id, institution, url, topics, status, position, created_at, record_id, next_attempt_at)
       select 'sub_01kab7qy4vxr2e9s8m3n5p6t7w', institution, $1, topics, status, position, created_at, record_id, next_attempt_at
         from subscriptions`,
      [evil.url],
    );
    world.mandate();
    expect(await world.events.deliver()).toBe(1);
    await thief.query('update subscriptions set url = $1, topics = $2 where id = $3', [evil.url, ['mandate'], id]);
    world.mandate();
    world.clock.advance(minute);
    expect(await world.events.deliver()).toBe(0);
    expect(evil.received).toEqual([]);
    expect(receiver.received).toHaveLength(1);
    expect(contradictions(world.log)).toEqual(['subscription:sub_01kab7qy4vxr2e9s8m3n5p6t7w', `subscription:${id}`]);
  });

  it('cannot have others’ events sent, nor restore an ended subscription', async () => {
    const { id } = await subscribe();
    const { rows } = await thief.query('select to_jsonb(s) as row from subscriptions s');
    await thief.query('update subscriptions set institution = $1', [leis.broker]);
    world.mandate();
    expect(await world.events.deliver()).toBe(0);
    await thief.query('update subscriptions set institution = $1', [leis.fund]);
    await world.events.unsubscribe(leis.fund, id, { id: 'client:ops', institution: leis.fund });
    await thief.query('insert into subscriptions select * from jsonb_populate_record(null::subscriptions, $1)', [
      rows[0].row,
    ]);
    world.clock.advance(minute);
    expect(await world.events.deliver()).toBe(0);
    expect(receiver.received).toEqual([]);
  });

  it('gets no record from a person who resumes, or requests again, what they changed', async () => {
    const { id } = await subscribe();
    await thief.query(`update subscriptions set url = $1, status = 'suspended'`, [evil.url]);
    const who = { id: 'client:ops', institution: leis.fund };
    await expect(world.events.resume(leis.fund, id, who)).rejects.toMatchObject({ code: 'authority_unproven' });
    await thief.query(`update subscriptions set url = $1, status = 'active', institution = $2`, [
      receiver.url,
      leis.broker,
    ]);
    // The row now fits the request exactly, but its record names another institution: a new subscription is made.
    const made = await world.events.subscribe(
      { institution: leis.broker, url: receiver.url, topics },
      { id: 'client:broker', institution: leis.broker },
    );
    expect(made.id).not.toBe(id);
    world.mandate();
    expect(await world.events.deliver()).toBe(1);
  });
});

describe('a thief with the database role of the event publisher, attacking security events', () => {
  let world: SignalWorld;
  let thief: pg.Pool;
  const create = (delivery: object = { method: push, endpoint_url: receiver.url, authorization_header: 'Bearer a' }) =>
    world.signals.streams.create({ delivery } as Parameters<typeof world.signals.streams.create>[0], by());
  const poll = (stream: string) => world.signals.poll(stream, { returnImmediately: true }, by(), at);

  beforeEach(async () => {
    world = await createSignalWorld();
    thief = world.scratch.pool('event-publisher');
    receiver.answer(202);
    evil.answer(202);
  });
  afterEach(() => world.close());

  it.each([
    ['address', () => `endpoint_url = '${evil.url}'`],
    ['audience', () => `audience = 'client:of-the-thief'`],
    ['institution', () => `institution = '${leis.broker}'`],
    ['header', () => 'authorization_sealed = null'],
    ['events', () => `events_requested = '{https://schemas.openid.net/secevent/caep/event-type/session-revoked}'`],
  ])('cannot have a token sent by a stream with another %s', async (_, change) => {
    const { stream_id: id } = await create();
    await thief.query(`update signal_streams set ${change()}`);
    world.signIn();
    world.signIn(leis.broker);
    expect(await world.signals.deliver()).toBe(0);
    expect([evil.received, receiver.received]).toEqual([[], []]);
    expect(contradictions(world.log)).toContain(`signal-stream:${id}`);
  });

  it('cannot get a waiting token', async () => {
    await create();
    receiver.answer(500);
    world.signIn();
    expect(await world.signals.deliver()).toBe(0);
    const { rowCount } = await thief.query('update signal_streams set endpoint_url = $1 returning 1', [evil.url]);
    expect(rowCount).toBe(1);
    world.clock.advance(2 * minute);
    expect(await world.signals.deliver()).toBe(0);
    expect([evil.received.length, receiver.received.length]).toEqual([0, 1]);
  });

  it('cannot read an institution’s events through a stream of another one, changed for a moment', async () => {
    const { stream_id: id } = await create({ method: 'urn:ietf:rfc:8936' });
    world.signIn(leis.broker, 'person:ben.broker');
    const asBroker = by(leis.broker, 'ops');
    await thief.query('update signal_streams set institution = $1', [leis.broker]);
    await expect(world.signals.poll(id, { returnImmediately: true }, asBroker, at)).rejects.toMatchObject({
      code: 'authority_unproven',
    });
    await thief.query('update signal_streams set institution = $1', [leis.fund]);
    expect(await poll(id)).toEqual({ sets: {} });
  });

  it('cannot restore a deleted stream, and gets no record for one that they changed', async () => {
    const { stream_id: id } = await create();
    const { rows } = await thief.query(`select to_jsonb(s) as row from signal_streams s`);
    await thief.query('update signal_streams set endpoint_url = $1', [evil.url]);
    await expect(world.signals.streams.update({ stream_id: id, description: 'Ours' }, by())).rejects.toMatchObject({
      code: 'authority_unproven',
    });
    await world.signals.streams.remove(id, by());
    await thief.query('insert into signal_streams select * from jsonb_populate_record(null::signal_streams, $1)', [
      rows[0].row,
    ]);
    world.signIn();
    expect(await world.signals.deliver()).toBe(0);
  });

  it('cannot have a token signed that they queue, or change in the queue', async () => {
    const { stream_id: id } = await create({ method: 'urn:ietf:rfc:8936' });
    world.signIn();
    const sets = Object.keys((await poll(id)).sets);
    expect(sets).toHaveLength(1);
    await thief.query(
      `insert into signal_queue (stream, jti, claims, seal)
       select stream, 'mine', claims || '{"jti":"mine"}', seal from signal_queue`,
    );
    await thief.query(
      `insert into signal_queue (stream, jti, claims) select stream, 'bare', claims from signal_queue limit 1`,
    );
    expect(Object.keys((await poll(id)).sets)).toEqual(sets);
    await thief.query(`update signal_queue set claims = claims || '{"sub_id":{"format":"opaque","id":"person:eve"}}'`);
    expect(await poll(id)).toEqual({ sets: {} });
    world.signIn();
    expect(Object.keys((await poll(id)).sets)).toHaveLength(1);
  });
});
